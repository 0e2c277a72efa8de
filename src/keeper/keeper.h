/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of one run: it holds the sandbox, its cgroups and the sensors' descriptors, begins and
 * ends calls, and tells client and recorder. It begins as a spare, without a run, with its launcher
 * started.
 *
 *   main.c     from spare to run, the loop, the links to supervisor and askers
 *   run.c      the run's beginning and end
 *   calls.c    calls and their cgroups
 *   action.c   what findings order: flows cut, calls ended
 *   handover.c what a call takes over from others at its beginning
 *   watch.c    runs that watch what is not ours
 *   agent.c    a live agent: what it starts becomes calls
 *   hook.c     what an agent's hooks say of the calls that it makes
 *   moved.c    a process that was moved by its number is the right one
 *   status.c   how a process ended that is not our child
 *   egress.c   the way out: what holds
 *   gate.c     the gate: its life, what it is told
 *   gate_told.c what it tells
 *   usage.c    the processor time of calls, while they live
 *   session.c  a living shell, as it is seen from outside
 *   listen.c   calls without cgroups: their listeners, their survivors
 *   foresee.c  what the rules say to an attempt that a listener was told of
 *   owner.c    whose flow it is, where the kernel does not keep that
 *   inside.c   the processes of a sandbox, by its pid namespace
 *   record.c   what the recorder is told and what it orders
 *   outbox.c   messages on their way */
#ifndef WEIR_KEEPER_KEEPER_H
#define WEIR_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"
#include "bpf/event.h"
#include "call/call.h"
#include "call/channel.h"
#include "call/loop.h"
#include "call/message.h"
#include "keeper/inside.h"
#include "keeper/outbox.h"
#include "keeper/owner.h"
#include "keeper/usage.h"
#include "policy/policy.h"
#include "sandbox/sandbox.h"

enum run_state {
	RUN_SPARE,    /* no run yet */
	RUN_LIVING,   /* the sandbox stands */
	RUN_STOPPED,  /* nothing lives any more; the client may still say what calls printed */
	RUN_CLOSING,  /* the gate says its last, then the record is being completed */
	RUN_FINISHED, /* nothing is left to do */
};

/* A call whose cgroup, or whose first process, still lives. */
struct call {
	struct call *next;
	struct keeper *keeper;
	uint32_t n;
	int cgroup;	       /* -1: none */
	uint32_t label;	       /* what its processes carry from the beginning */
	pid_t pid;	       /* of the first process, 0: it has ended, or there is none */
	bool adopted;	       /* that is no child of ours: nothing to reap */
	struct watch process;  /* pidfd of the first process; -1 when it has ended */
	struct watch events;   /* cgroup.events, once only survivors are left; else -1 */
	struct notify *notify; /* of the call's seccomp listener, without BPF; else NULL */
	struct watch listener;
	struct shell_facts *facts; /* of a living shell: what it was last seen like; owned */
	uint32_t under;		   /* the living call whose agent began it, or 0 */
	uint32_t session;	   /* the call whose shell works in this one, or 0 */
	bool over;		   /* call_exit was told */
	bool last;		   /* the run ends with it */
	enum call_ending ending;   /* why it is being killed; ENDING_EXIT: it is not */
	uint64_t deadline_ns;	   /* monotonic; UINT64_MAX: none */
	struct resources resources;
	struct usage usage;
};

/* Somebody who came by the run's socket. */
struct visitor {
	struct visitor *next;
	struct keeper *keeper;
	struct channel channel;
	struct watch watch;
	bool wants_end;		   /* waits for KILL_DONE of the whole run */
	uint32_t wants_generation; /* waits for POLICY_DONE of this one; 0: it does not */
};

struct keeper {
	struct loop loop;
	const char *store;
	int place; /* STORE/run */
	int null;  /* /dev/null */
	char *host, *boot_id, *kernel;

	struct channel supervisor; /* fd -1: none lives */
	struct watch supervisor_watch;
	uint64_t supervisor_retry_ns; /* when to start one; UINT64_MAX: not needed */

	struct sandbox_launcher *launcher;
	struct fail launcher_fail;
	struct sandbox *sandbox;
	struct watch init;	      /* its pidfd */
	char inside[INSIDE_NAME_MAX]; /* its pid namespace, where calls have no cgroups */

	enum run_state state;
	struct message_assign assign;
	struct message_request request;
	struct policy policy;
	int sensor_fds[MESSAGE_FDS_MAX];
	size_t sensor_fd_count;
	struct watch listener;
	struct visitor *visitors;
	int cgroup;	     /* RUN; -1: none */
	int call0;	     /* RUN/0; -1: none */
	struct usage usage;  /* of call 0 */
	struct watch target; /* what is watched: a cgroup's directory, or a pidfd; -1: nothing */
	uint64_t
		target_check_ns; /* when to look whether it has gone; UINT64_MAX: it will be told */
	bool target_gone;
	uint32_t watched_living; /* calls in it, call 0 among them, as the recorder says */
	uint64_t deadline_ns, cpu_check_ns;

	struct call *calls;
	uint32_t calls_begun, shells_begun, labels_given;
	uint32_t *left_labels; /* by call: what its processes carried, as far as it is known */
	size_t left_count;
	struct agent *agent;	 /* NULL: none lives */
	struct egress *egress;	 /* NULL: there is no way out */
	struct actions *actions; /* what findings ordered, or NULL: see action.h */
	struct owners *owners; /* NULL: the kernel knows whose a flow is, or there is no way out */

	struct outbox client;
	struct outbox recorder;
	int first_recorder;	/* came with the assignment; -1: taken, or none */
	bool recorder_expected; /* a supervisor will bring one */
	bool recorder_failed;	/* it said that it cannot record */
	struct buf opening;	/* struct run_open as every recorder gets it */
	uint64_t seq;
	struct message_gap gap; /* not yet told; last 0: none */
	bool close_told;	/* to the recorder */
	bool summed;
	struct run_summary summary;

	bool last_is_over; /* the call with which the run ends has ended */
	char end_reason[128];
	int exit_code;
	uint64_t state_deadline_ns; /* RUN_STOPPED and RUN_CLOSING end by then */
};

/* run.c */
/* Begins the run that a supervisor assigned; takes the message's descriptors. Tells the client. */
int run_begin(struct keeper *k, struct message *assign);
/* Ends everything that lives in the sandbox and removes its cgroups. reason "": the client asked.
 * Idempotent. */
void run_stop(struct keeper *k, const char *reason);
/* Stops the run if it lives, and completes its record. */
void run_close(struct keeper *k);
/* Moves on from RUN_STOPPED and RUN_CLOSING when there is nothing left to wait for. */
void run_advance(struct keeper *k);
/* Looks at the run's limits; returns when to look again. */
uint64_t run_limits(struct keeper *k, uint64_t now);
int run_client_message(struct outbox *o, struct message *m);
void run_client_lost(struct outbox *o, int err);

/* calls.c */
void call_begin(struct keeper *k, struct message *m);
void call_end(struct keeper *k, uint32_t n, int exit_code); /* of a call in a living shell */
struct call *call_find(struct keeper *k, uint32_t n);
void call_signal(struct call *c, int signal);
void call_kill(struct call *c, enum call_ending why);
/* Living processes of the call and of those that agents in it began, by their cgroups. */
uint32_t call_count(const struct call *c);
uint64_t calls_limits(struct keeper *k, uint64_t now);
void calls_reap(struct keeper *k); /* everything has been killed: take the first processes' ends */
void calls_finish(struct keeper *k); /* everything has gone: tell, and remove the cgroups */

bool call_has_cgroup(const struct call *c); /* of its own */
void call_gone(struct call *c); /* nothing of it lives: tells, removes the cgroup, frees */

/* handover.c */
/* The descriptor of a program or map of the sensors, or -1. */
int handover_sensor(const struct keeper *k, const char *name);
/* What stands behind the call from its beginning is told before its first process exists: to the
 * kernel, or where that has no sensors to the recorder. -EINVAL where the list cannot be true,
 * -ENOMEM. */
int handover_begin(struct call *c, uint32_t parent, const struct call_behind *behind, size_t count);

uint32_t handover_left(const struct keeper *k, uint32_t n); /* label of what call n left behind */
/* A call stands behind an event besides those of the event's label: tells the recorder, and returns
 * the label that stands for all of them. */
uint32_t handover_event(struct keeper *k, const struct event_header *of, uint32_t from,
			enum edge_kind edge);

/* The call's first process has ended: what it left to later ones carries what that process did. */
void handover_end(struct call *c);
/* What a call left in the shell, as the client or we ourselves found it. */
void change_tell(struct keeper *k, uint32_t n, const struct call_change *change);
/* From a client; -EBADMSG. */
int changes_take(struct keeper *k, const struct message *m);
/* A process that lives already, in call 0, becomes the first of a new call, which is announced; it
 * must not run meanwhile. Takes over pidfd; n is filled in. 0, or -errno and nothing has begun. */
int call_adopt(struct keeper *k, struct call_announce *a, pid_t pid, int pidfd);

/* agent.c: takes over the listener of the agent whose first process this is. 0 or -errno */
int agent_open(struct keeper *k, const struct sandbox_process *first);
void agent_close(struct keeper *k);

/* moved.c: after `pid` was moved into the call's cgroup. If that process has gone, its number may
 * have been another's by then: such a process goes back to where it was born, or, inside the
 * sandbox, where it could be anybody's, ends. */
void moved_check(struct keeper *k, int cgroup, int pidfd);

/* status.c: the wait status of a process that has ended; false when it cannot be known any more */
bool status_read(int pidfd, pid_t pid, int *ret_status);

/* session.c */
/* A call begins to work in the living shell, and has ended: what of it can be seen is told. */
void session_begun(struct call *shell);
void session_over(struct call *shell, uint32_t n);

/* listen.c: calls on hosts without BPF and cgroups */
/* first: whose listener is taken over, with what already waits there; argv: what it was to run. */
void listen_open(struct call *c, const struct sandbox_process *first, char *const argv[]);
void listen_close(struct call *c);
/* Processes that outlived the call's first one: exact while no other call lives, else at least one.
 * With background: deny they are killed where that can hit no other call; *ret_killed says how many
 * were. */
uint32_t listen_survivors(struct call *c, uint32_t *ret_killed);

/* foresee.c: what the rules of the way out say to a connect() or sendto() that a listener was told
 * of: 0, or the errno value with which it is refused; filled into the event. */
int foresee(const struct keeper *k, struct event_header *event);

/* watch.c */
bool watches(const struct keeper *k); /* is this a run that watches? */
/* In the place of a sandbox. Takes over k->target.fd, which is the target's descriptor. */
int watch_start(struct keeper *k, struct fail *f);
void watch_stop(struct keeper *k);
/* Looks whether there still is something to watch; returns when to look again. */
uint64_t watch_check(struct keeper *k, uint64_t now);
void watch_calls(struct keeper *k, uint32_t begun, uint32_t living); /* the recorder says so */
uint32_t watch_processes(const struct keeper *k);
/* The barriers' states: none of them is ours. NULL for no memory. */
struct state_line *watch_barriers(size_t *ret_count);

/* usage.c: tells the recorder what processor time calls use; returns when to look again */
uint64_t usage_looks(struct keeper *k, uint64_t now);
void usage_end(struct call *c);	      /* nothing of it lives; its cgroup still stands */
void usage_end_run(struct keeper *k); /* the same of call 0 */

/* record.c */
void record_init(struct keeper *k);
void record_link(struct keeper *k, int fd); /* takes over fd: a recorder is there */
void record_call_announce(struct keeper *k, const struct call_announce *a);
void record_call_exit(struct keeper *k, const struct call_exit *e);
void record_call_gone(struct keeper *k, const struct call_gone *g);
void record_bytes(struct keeper *k, enum message_type type, const void *data, size_t size);
void record_run_close(struct keeper *k);

/* main.c */
void tell_client(struct keeper *k, enum message_type type, const struct buf *data, int fd);
void tell_client_text(struct keeper *k, enum message_type type, uint32_t n, int code,
		      const char *text);
/* Answers, and the visitor is gone. */
void visitor_text(struct visitor *v, enum message_type type, uint32_t n, int code,
		  const char *text);
void visitors_end(struct keeper *k); /* answers those who wait for the run's end */

#endif
