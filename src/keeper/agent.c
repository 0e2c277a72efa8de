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
#include "call/cgroup.h"
#include "keeper/agents.h"
#include "keeper/keeper.h"
#include "sensor/notify_process.h"
#include "sensor/question.h"

#define ANSWERS_MAX 64 /* at once, so that others get their turn */
#define ARGV_ROOM 32768

struct agent {
	struct keeper *keeper;
	struct question question;
	struct watch watch;
	struct agents agents;
};

/* An exec that waits. */
struct request {
	struct process_facts process;
	int dirfd;
	char path[PATH_MAX];
	char argv[ARGV_ROOM]; /* words with their NULs */
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
	r->argv_size = process_argv(&r->process, d->args[at ? 2 : 1], r->argv, sizeof(r->argv));
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

/* The process begins a call of its own. 0, or the errno value with which its exec fails. */
static int begin_call(struct agent *a, const struct request *r, uint32_t parent)
{
	cleanup_buf struct buf arguments = { 0 };
	struct call_announce announce = { .parent = parent,
					  .tool_call_id = (char *)"",
					  .function_name = (char *)"exec",
					  .executed = true,
					  .source = CALL_BY_EXEC,
					  .started_ns = clock_wall_ns() };
	cleanup_fd int pidfd = pidfd_open((pid_t)r->process.pid, 0);

	if (pidfd < 0 || !question_valid(&a->question))
		return ESRCH; /* it was killed: nobody hears this */
	arguments_make(r, &arguments);
	announce.arguments = (char *)buf_text(&arguments);
	return -call_adopt(a->keeper, &announce, (pid_t)r->process.pid, take_fd(&pidfd));
}

/* 0 lets the exec run; an errno value is what it fails with. */
static int judge(struct agent *a, const struct request *r)
{
	struct keeper *k = a->keeper;
	const struct agent_process *above;
	uint32_t call;
	int64_t in;

	in = k->state == RUN_LIVING ? cgroup_call_of((pid_t)r->process.pid, k->assign.id) : -1;
	if (in < 0)
		return 0;
	call = (uint32_t)in;
	if (strcmp(r->path, ASK_AGENT) == 0)
		return -agents_add(&a->agents, &r->process, call) ?: ASK_DONE;
	if (agents_find(&a->agents, &r->process))
		return 0;
	above = agents_above(&a->agents, &r->process, call);
	if (call != 0 && !above)
		return 0;
	if (process_lacks(&r->process, r->dirfd, r->path))
		return ENOENT;
	if (above && agents_again(above, &r->process, r->path, r->argv, r->argv_size))
		return -agents_add(&a->agents, &r->process, call);
	return begin_call(a, r, call);
}

static void agent_ready(struct watch *w, uint32_t events)
{
	struct agent *a = container_of(w, struct agent, watch);
	struct request *request = malloc(sizeof(*request));
	int r = 0;

	for (int i = 0; request && i < ANSWERS_MAX; i++) {
		r = question_read(&a->question);
		if (r <= 0)
			break;
		request_read(&a->question, request);
		question_answer(&a->question, judge(a, request));
		process_close(&request->process);
	}
	free(request);
	if (r == -EPIPE)
		loop_remove(&a->keeper->loop, w);
}

int agent_open(struct keeper *k, pid_t pid, int listener)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct process_facts first cleanup_process = { .dir = -1 };
	int r = a ? question_open(&a->question, listener) : -ENOMEM;

	if (r < 0) {
		cleanup_fd_(&listener);
		free(a);
		return r;
	}
	process_open(&first, pid);
	agents_add(&a->agents, &first, 0);
	a->keeper = k;
	a->watch = (struct watch){ .fd = listener, .events = EPOLLIN, .ready = agent_ready };
	k->agent = a;
	return loop_add(&k->loop, &a->watch);
}

void agent_close(struct keeper *k)
{
	struct agent *a = take_ptr(k->agent);

	if (!a)
		return;
	loop_remove(&k->loop, &a->watch);
	question_close(&a->question);
	free(a);
}
