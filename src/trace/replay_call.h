/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the replay engine share: a call that lives, and the replay as a whole. For
 * src/trace/replay*.c and session.c only. */
#ifndef WEIR_TRACE_REPLAY_CALL_H
#define WEIR_TRACE_REPLAY_CALL_H

#include "trace/function.h"
#include "trace/replay.h"
#include "trace/shell.h"

struct live_call {
	struct live_call *next;
	struct replay_result result;
	struct action action;
	struct shell_call shell;    /* ACT_SHELL in a fresh shell */
	struct shell_state left;    /* the state that it handed over, if it did */
	struct call_behind *behind; /* the calls that set what it began with */
	size_t behind_count;
	int input; /* the code or the request, or -1 */
	int pipe;  /* its output, or -1 */
	struct buf output;
	uint64_t total;	   /* bytes printed */
	uint64_t observed; /* of them told */
	uint64_t started_ns;
	bool session; /* works in the living shell */
	bool over;    /* its first process has ended */
	bool gone;    /* its last one has */
	bool held;    /* its step is not done with it */
};

/* The living shell of `shell: session`; see session.c. */
struct session {
	uint32_t n;	/* the call whose first process it is; 0: none lives */
	uint32_t last;	/* the last call that worked in it, or 0 */
	int script;	/* what it reads */
	int holder;	/* to the holder of descriptors beside it */
	int holder_pid; /* inside */
	int status;	/* where the present call's exit status comes, or -1 */
	char nonce[33];
	char answer[64]; /* what came of it so far */
	size_t answer_size;
	uint64_t mute_ns;	/* when the holder hung up; 0: it has not */
	struct live_call *call; /* the present one, or NULL */
};

struct replay {
	const struct replay_options *options;
	struct replay_outcome outcome;
	struct live_call *calls;
	size_t live;
	uint32_t numbers;	  /* the last number that the keeper gave */
	bool over;		  /* the run has ended under us */
	const char *tool[2];	  /* argv of weir-tool */
	struct shell_state clean; /* of a shell in which no call has worked */
	struct shell_state state;
	struct session session;
};

struct live_call *live_call_new(const struct trajectory_call *call, bool copied); /* or NULL */
void live_call_free(struct live_call *c);
int live_call_pipe(struct live_call *c, int *ret_inside); /* the inside's end; 0 or -errno */
void live_call_announce(const struct live_call *c, struct call_announce *a); /* borrows */
/* Fills argv, env, cwd, stdin and extra descriptors for CALL_EXEC. */
int live_call_prepare(struct replay *r, struct live_call *c, struct call_request *request,
		      struct fail *f);
/* After the first process: state handed over, comparison with what was recorded. */
int live_call_finish(struct replay *r, struct live_call *c, struct fail *f);

/* replay_state.c: the state of fresh shells */
/* Before the first call, while nothing in the sandbox could meddle: what a clean shell has. */
int replay_learn_clean(struct replay *r, struct fail *f);
/* Takes the state that the call left and tells what of it is new. */
int replay_take_state(struct replay *r, struct live_call *c, struct fail *f);
/* After a step: of the states that its calls handed over the last one that changed is carried on.
 */
void replay_carry_state(struct replay *r);

void session_init(struct session *s);
void session_free(struct session *s);
/* Announces c and hands its command to the living shell, which is started where there is none. */
int session_begin(struct replay *r, struct live_call *c, struct fail *f);
/* s->status is readable. */
int session_answer(struct replay *r, struct fail *f);
/* s->holder has hung up while a call is at work: nothing can state its exit status any more. Where
 * the shell does not turn out to have ended too, the call is. */
int session_mute(struct replay *r, struct fail *f);
/* The shell itself has ended: so has the call that it worked in. */
int session_over(struct replay *r, const struct call_exit *x, struct fail *f);
/* The next call begins in a new shell. */
int session_reset(struct replay *r, struct fail *f);
/* The keeper says that c has ended: on our word, or because it killed it with its shell. */
void session_left(struct replay *r, struct live_call *c);

void replay_begun(const struct replay *r, const struct live_call *c); /* tells on_begin */
/* A call that could not be started. */
int replay_refused(struct replay *r, struct live_call *c, int error, struct fail *f);
int replay_note(struct replay *r, struct live_call *c, struct fail *f);

#endif
