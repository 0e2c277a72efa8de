// SPDX-License-Identifier: Apache-2.0
/* A live agent: its first process lives in call 0, and each process tree that it starts is a call.
 * Every exec in the sandbox waits for this file's answer. What an agent has forked and what is
 * about to execute a program becomes, before that program runs, the first process of a new call:
 * announced, and moved into the call's cgroup. An agent that a call started makes calls of its own,
 * whose parent that call is. Owns the listener. Trusts the kernel for who asks; arguments are the
 * process's own word. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>

#include "base/ask.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/quote.h"
#include "bpf/event.h"
#include "call/cgroup.h"
#include "keeper/agents.h"
#include "keeper/hook.h"
#include "keeper/keeper.h"
#include "sensor/notify_process.h"
#include "sensor/question.h"

#define ANSWERS_MAX 64 /* at once, so that others get their turn */
#define ARGV_ROOM 32768
/* Then no call can have calls of its own: those that are left are the outermost agent's. */
#define CALLS_OF_CALLS_MAX (CALLS_PER_RUN_MAX / 2)

struct agent {
	struct keeper *keeper;
	struct question question;
	struct watch watch;
	struct agents agents;
	struct hooks hooks;
	struct stat hook; /* HOOK_PROGRAM, as it was before anything ran inside */
};

/* An exec that waits. */
struct request {
	struct process_facts process;
	int dirfd;
	char path[PATH_MAX];
	uint64_t words;	      /* where they are in its memory */
	char argv[ARGV_ROOM]; /* those that fit, with their NULs */
	size_t argv_size;
};

static void request_read(const struct question *q, struct request *r)
{
	const struct seccomp_data *d = &q->asked->data;
	bool at = d->nr == SYS_execveat;
	size_t size;

	process_open(&r->process, (pid_t)q->asked->pid);
	r->dirfd = at ? (int)d->args[0] : AT_FDCWD;
	size = process_text(&r->process, d->args[at ? 1 : 0], r->path, sizeof(r->path) - 1);
	r->path[size] = '\0';
	r->words = d->args[at ? 2 : 1];
	r->argv_size = process_argv(&r->process, r->words, r->argv, sizeof(r->argv));
}

/* {"command": "…"}: the words as a line that a shell would read back. */
static void arguments_make(const struct request *r, struct buf *out)
{
	cleanup_buf struct buf line = { 0 };
	struct json j;

	buf_init(&line, CALL_ARGUMENTS_MAX / 8);
	buf_init(out, CALL_ARGUMENTS_MAX);
	for (size_t at = 0; at < r->argv_size; at += strlen(r->argv + at) + 1) {
		if (at)
			buf_add_char(&line, ' ');
		quote_add_word(r->argv + at, &line);
	}
	json_init(&j, out);
	json_object(&j);
	json_field_bytes(&j, "command", buf_text(&line), line.size);
	json_object_end(&j);
}

/* The process begins a call of its own, or, where a call began enough already, stays a part of
 * that. 0, or the errno value with which its exec fails. */
static int begin_call(struct agent *a, const struct request *r, uint32_t parent)
{
	struct announced *by_hook;
	cleanup_buf struct buf arguments = { 0 };
	struct call_announce announce = { .parent = parent,
					  .tool_call_id = (char *)"",
					  .function_name = (char *)"exec",
					  .executed = true,
					  .source = CALL_BY_EXEC,
					  .started_ns = clock_wall_ns() };
	cleanup_fd int pidfd = pidfd_open((pid_t)r->process.pid, 0);
	int error = ESRCH; /* it was killed: nobody hears this */

	if (parent && a->keeper->calls_begun >= CALLS_OF_CALLS_MAX)
		return 0;
	by_hook = hooks_claim(&a->hooks, parent, r->argv, r->argv_size);
	if (by_hook)
		announced_words(by_hook, &announce);
	if (!announce.arguments) {
		arguments_make(r, &arguments);
		announce.arguments = (char *)buf_text(&arguments);
	}
	if (pidfd >= 0 && question_valid(&a->question))
		error = -call_adopt(a->keeper, &announce, (pid_t)r->process.pid, take_fd(&pidfd));
	if (by_hook)
		hooks_became(&a->hooks, by_hook, error ? 0 : announce.n);
	return error;
}

/* Who is no agent, and no fork of one, may not say what calls are. It is told so, and recorded. */
static int refuse_hook(struct agent *a, const struct request *r, uint32_t call)
{
	static const char barrier[] = "hook", op[] = "announce";
	struct {
		struct event_denied e;
		char text[sizeof(barrier) - 1 + sizeof(op) - 1 + CALL_ID_MAX];
	} event = { .e = { .h = { .kind = EVENT_DENIED,
				  .call = call,
				  .run = a->keeper->assign.key,
				  .mono_ns = clock_mono_ns(),
				  .start_ns = r->process.start_ns,
				  .pid = r->process.pid,
				  .tid = r->process.tid,
				  .ppid = r->process.ppid,
				  .pid_inside = r->process.pid_inside,
				  .uid = r->process.uid },
			   .barrier_size = sizeof(barrier) - 1,
			   .op_size = sizeof(op) - 1 } };
	const char *id = word_next(r->argv, r->argv + r->argv_size);
	char *text = (char *)(&event.e + 1);

	event.e.target_size = (uint16_t)(id ? strnlen(id, CALL_ID_MAX) : 0);
	text = mempcpy(text, barrier, sizeof(barrier) - 1);
	text = mempcpy(text, op, sizeof(op) - 1);
	memcpy(text, id ? id : "", event.e.target_size);
	event.e.h.size = (uint16_t)(sizeof(event.e) + event.e.barrier_size + event.e.op_size +
				    event.e.target_size);
	record_bytes(a->keeper, MESSAGE_REC_EVENT, &event, event.e.h.size);
	return EPERM;
}

static int hear_hook(struct agent *a, const struct request *r, uint32_t call)
{
	cleanup_free char *words = malloc(ASK_HOOK_SIZE);
	size_t size = words ? process_argv(&r->process, r->words, words, ASK_HOOK_SIZE) : 0;

	return -hooks_hear(&a->hooks, a->keeper, call, words, size) ?: ASK_DONE;
}

/* The agent's hook on its way to us, by itself or through the shell that agents start commands
 * with: a system's shell, whose whole command it is. */
static bool is_hook(const struct agent *a, const struct request *r)
{
	const char *end = r->argv + r->argv_size;
	const char *flag = word_next(r->argv, end), *command = flag ? word_next(flag, end) : NULL;
	struct stat st;

	if (strcmp(r->path, HOOK_PROGRAM) == 0)
		return process_stat(&r->process, r->path, strlen(r->path), &st) &&
		       st.st_ino == a->hook.st_ino && st.st_dev == a->hook.st_dev;
	return command && strcmp(flag, "-c") == 0 && strcmp(command, HOOK_PROGRAM) == 0 &&
	       !word_next(command, end) && r->path[0] == '/' &&
	       process_stat(&r->process, r->path, strlen(r->path), &st) && S_ISREG(st.st_mode) &&
	       st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* 0 lets the exec run; an errno value is what it fails with. */
static int judge_call(struct agent *a, const struct request *r, uint32_t call)
{
	const struct agent_process *self = agents_find(&a->agents, &r->process);
	const struct agent_process *above = self ?: agents_above(&a->agents, &r->process, call);
	bool is_agents = call == 0 || above; /* the agent's own, which has executed nothing since */
	int error;

	if (strcmp(r->path, ASK_HOOK) == 0)
		return is_agents ? hear_hook(a, r, call) : refuse_hook(a, r, call);
	if (strcmp(r->path, ASK_AGENT) == 0)
		return self ? ASK_DONE : -agents_add(&a->agents, &r->process, call) ?: ASK_DONE;
	if (self || !is_agents || is_hook(a, r))
		return 0;
	error = process_lacks(&r->process, r->dirfd, r->path);
	if (error)
		return error;
	if (above && agents_again(above, &r->process, r->path, r->argv, r->argv_size))
		return -agents_add(&a->agents, &r->process, call);
	return begin_call(a, r, call);
}

static int judge(struct agent *a, const struct request *r)
{
	struct keeper *k = a->keeper;
	int64_t call =
		k->state == RUN_LIVING ? cgroup_call_of((pid_t)r->process.pid, k->assign.id) : -1;

	return call < 0 ? 0 : judge_call(a, r, (uint32_t)call);
}

static void answer(struct agent *a)
{
	struct request *request = malloc(sizeof(*request));

	if (!request) {
		question_answer(&a->question, ENOMEM);
		return;
	}
	request_read(&a->question, request);
	question_answer(&a->question, judge(a, request));
	process_close(&request->process);
	free(request);
}

static void agent_ready(struct watch *w, uint32_t events)
{
	struct agent *a = container_of(w, struct agent, watch);
	int r = 1;

	for (int i = 0; r > 0 && i < ANSWERS_MAX; i++) {
		r = question_read(&a->question);
		if (r > 0)
			answer(a);
	}
	if (r == -EPIPE)
		loop_remove(&a->keeper->loop, w);
}

int agent_open(struct keeper *k, const struct sandbox_process *first)
{
	struct process_facts process cleanup_process = { .dir = -1 };
	struct agent *a = calloc(1, sizeof(*a));
	int listener = first->listener;
	int r = a ? question_open(&a->question, listener) : -ENOMEM;

	if (r < 0) {
		cleanup_fd_(&listener);
		free(a);
		return r;
	}
	hooks_init(&a->hooks);
	process_open(&process, first->pid);
	process_stat(&process, HOOK_PROGRAM, strlen(HOOK_PROGRAM), &a->hook);
	agents_add(&a->agents, &process, 0);
	a->keeper = k;
	a->watch = (struct watch){ .fd = listener, .events = EPOLLIN, .ready = agent_ready };
	k->agent = a;
	if (first->has_early) {
		question_resume(&a->question, &first->early);
		answer(a);
	}
	return loop_add(&k->loop, &a->watch);
}

void agent_close(struct keeper *k)
{
	struct agent *a = take_ptr(k->agent);

	if (!a)
		return;
	loop_remove(&k->loop, &a->watch);
	question_close(&a->question);
	hooks_end(&a->hooks, k);
	free(a);
}
