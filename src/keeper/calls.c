// SPDX-License-Identifier: Apache-2.0
/* Calls: each is a cgroup made before its first process and kept until its last. The end of the
 * first process ends the call; what still lives then are survivors, dealt with as the policy's
 * `background` says. Trusts the client for what it may do with its own run, and nothing inside the
 * sandbox. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/event.h"
#include "call/cgroup.h"
#include "call/client.h"
#include "keeper/keeper.h"

struct call *call_find(struct keeper *k, uint32_t n)
{
	struct call *c = k->calls;

	while (c && c->n != n)
		c = c->next;
	return c;
}

/* A living shell is no call: it lives in call 0's cgroup, and only the client hears of it. */
static bool is_shell(const struct call *c)
{
	return c->n >= CALL_SHELL_FIRST;
}

bool call_has_cgroup(const struct call *c)
{
	return c->cgroup >= 0 && !is_shell(c);
}

static void call_name(uint32_t n, char name[16])
{
	snprintf(name, 16, "%u", n);
}

static void close_watch(struct keeper *k, struct watch *w)
{
	if (w->fd < 0)
		return;
	loop_remove(&k->loop, w);
	close(take_fd(&w->fd));
}

/* The calls that its agent began are its parent's then. */
static void pass_on_calls(const struct call *gone)
{
	for (struct call *c = gone->keeper->calls; c; c = c->next)
		if (c->under == gone->n)
			c->under = gone->under;
}

static void call_free(struct call *c)
{
	struct call **at = &c->keeper->calls;

	pass_on_calls(c);

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	close_watch(c->keeper, &c->process);
	close_watch(c->keeper, &c->events);
	listen_close(c);
	free(c->facts);
	cleanup_fd_(&c->cgroup);
	free(c);
}

static void tell_exit(struct keeper *k, const struct call_exit *e)
{
	cleanup_buf struct buf data = { 0 };

	if (e->n < CALL_SHELL_FIRST)
		record_call_exit(k, e);
	buf_init(&data, 512);
	call_exit_encode(e, &data);
	tell_client(k, MESSAGE_CALL_EXITED, &data, -1);
}

static void tell_gone(struct keeper *k, const struct call_gone *g)
{
	cleanup_buf struct buf data = { 0 };

	record_call_gone(k, g);
	buf_init(&data, 512);
	call_gone_encode(g, &data);
	tell_client(k, MESSAGE_CALL_LEFT, &data, -1);
}

/* Nothing of the call lives: the last figures, then the cgroup goes, and with it the kernel's count
 * of what the call's sensors produced. */
void call_gone(struct call *c)
{
	struct keeper *k = c->keeper;
	struct call_gone g = { .n = c->n, .gone_ns = clock_wall_ns(), .resources = c->resources };
	char name[16];

	if (is_shell(c)) {
		call_free(c);
		return;
	}
	if (c->cgroup >= 0) {
		g.resources.cpu_usec = 0;
		cgroup_resources(c->cgroup, &g.resources);
		usage_end(c);
		call_name(c->n, name);
		cgroup_remove(k->cgroup, name);
	}
	tell_gone(k, &g);
	call_free(c);
}

static void survivors_ready(struct watch *w, uint32_t events)
{
	struct call *c = container_of(w, struct call, events);

	if (!cgroup_populated(w->fd))
		call_gone(c);
}

/* Waits for the last survivor. The notification comes late; whoever needs it sooner looks himself.
 */
static void follow_survivors(struct call *c)
{
	c->events.fd = cgroup_events_open(c->cgroup);
	c->events.events = EPOLLPRI;
	c->events.ready = survivors_ready;
	if (c->events.fd < 0)
		return;
	loop_add(&c->keeper->loop, &c->events);
	if (!cgroup_populated(c->events.fd))
		call_gone(c);
}

uint32_t call_count(const struct call *above)
{
	uint32_t count = above->cgroup >= 0 ? cgroup_count(above->cgroup) : 0;

	for (struct call *c = above->keeper->calls; c; c = c->next)
		if (c->under == above->n)
			count += call_count(c);
	return count;
}

static void kill_below(const struct call *above, enum call_ending why)
{
	for (struct call *c = above->keeper->calls; c; c = c->next)
		if (c->under == above->n)
			call_kill(c, why);
}

/* The call's first process has ended (or its shell has left it). */
static void call_over(struct call *c, int exit_code, enum call_ending ending)
{
	struct keeper *k = c->keeper;
	struct call_exit e = {
		.n = c->n, .exit_code = exit_code, .ending = ending, .ended_ns = clock_wall_ns()
	};

	c->over = true;
	if (is_shell(c)) {
		; /* what it leaves behind belongs to the run */
	} else if (c->cgroup >= 0) {
		handover_end(c);
		e.survivors = call_count(c);
		if (e.survivors && k->policy.background == BACKGROUND_DENY &&
		    cgroup_kill(c->cgroup) == 0) {
			kill_below(c, ENDING_SIGNAL);
			e.killed = e.survivors;
		}
		c->resources.cpu_usec = 0;
		cgroup_resources(c->cgroup, &c->resources);
	} else {
		e.survivors = listen_survivors(c, &e.killed);
	}
	e.resources = c->resources;
	tell_exit(k, &e);
	if (c->last) {
		k->exit_code = exit_code;
		k->last_is_over = true;
	}
	if (!e.survivors)
		call_gone(c);
	else if (c->cgroup >= 0)
		follow_survivors(c);
}

/* Reaps the first process; its figures stand in where there is no cgroup to ask. */
static int reap(struct call *c)
{
	struct rusage usage = { .ru_maxrss = 0 };
	int status = 0;

	while (wait4(c->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	c->pid = 0;
	close_watch(c->keeper, &c->process);
	c->resources.cpu_usec =
		(uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	c->resources.memory_peak = (uint64_t)usage.ru_maxrss * 1024;
	return status;
}

/* As reap(), for a process that somebody else reaps. */
static int part(struct call *c)
{
	int status = 0;

	if (!status_read(c->process.fd, c->pid, &status) && c->ending == ENDING_EXIT)
		c->ending = ENDING_UNKNOWN;
	c->pid = 0;
	close_watch(c->keeper, &c->process);
	return status;
}

static void process_ready(struct watch *w, uint32_t events)
{
	struct call *c = container_of(w, struct call, process);
	int status = c->adopted ? part(c) : reap(c);

	if (c->ending == ENDING_UNKNOWN)
		call_over(c, -1, c->ending);
	else if (WIFSIGNALED(status))
		call_over(c, 128 + WTERMSIG(status), c->ending ? c->ending : ENDING_SIGNAL);
	else
		call_over(c, WEXITSTATUS(status), c->ending);
}

static struct call *call_new(struct keeper *k, uint32_t n)
{
	struct call *c = calloc(1, sizeof(*c));
	char name[16];

	if (!c)
		return NULL;
	*c = (struct call){ .next = k->calls,
			    .keeper = k,
			    .n = n,
			    .cgroup = -1,
			    .process.fd = -1,
			    .events.fd = -1,
			    .deadline_ns = UINT64_MAX };
	call_name(n, name);
	if (k->cgroup >= 0)
		c->cgroup = is_shell(c) ? fcntl(k->call0, F_DUPFD_CLOEXEC, 0)
					: cgroup_make(k->cgroup, name);
	if (k->cgroup >= 0 && c->cgroup < 0) {
		free(c);
		return NULL;
	}
	usage_begin(&c->usage, clock_mono_ns());
	k->calls = c;
	return c;
}

/* Nothing was ever in it. */
static void call_undo(struct call *c)
{
	char name[16];

	call_name(c->n, name);
	if (c->cgroup >= 0 && !is_shell(c))
		cgroup_remove(c->keeper->cgroup, name);
	call_free(c);
}

/* What was announced did not run: the record says so, and the client gets the reason. */
static void call_failed(struct keeper *k, uint32_t n, int err, const char *text)
{
	struct call_exit e = { .n = n,
			       .exit_code = err == ENOENT ? 127 : 126,
			       .ending = ENDING_NOT_EXECUTED,
			       .ended_ns = clock_wall_ns() };
	struct call_gone g = { .n = n, .gone_ns = e.ended_ns };

	if (n < CALL_SHELL_FIRST) {
		record_call_exit(k, &e);
		record_call_gone(k, &g);
	}
	tell_client_text(k, MESSAGE_CALL_FAILED, n, err, text);
}

static void tell_begun(struct keeper *k, uint32_t n, int terminal)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4);
	wire_put_u32(&data, n);
	tell_client(k, MESSAGE_CALL_BEGUN, &data, terminal);
}

static void limit_call(struct call *c, uint64_t limit_ns)
{
	if (limit_ns == 0)
		limit_ns = c->keeper->policy.call_time_ns;
	if (limit_ns != 0 && limit_ns != POLICY_UNLIMITED)
		c->deadline_ns = clock_mono_ns() + limit_ns;
}

/* Standard descriptors that were not given are /dev/null. */
static void place_fds(struct keeper *k, const struct message_call *mc, const struct message *m,
		      struct sandbox_exec *x)
{
	size_t at = 0;

	for (int i = 0; i < 3; i++)
		x->stdio[i] = mc->stdio & (1 << i) ? m->fds[at++] : k->null;
	x->extra = m->fds + at;
	x->extra_count = mc->extra_count;
}

static void begin_exec(struct keeper *k, struct call *c, const struct message_call *mc,
		       const struct message *m)
{
	struct sandbox_exec x = { .cgroup = c->cgroup,
				  .argv = mc->argv,
				  .env = mc->env,
				  .cwd = mc->cwd ? mc->cwd : "/work",
				  .terminal = mc->terminal,
				  .told = k->assign.by_listener	   ? TOLD_ALL
					  : mc->kind == CALL_AGENT ? TOLD_EXECS
								   : TOLD_NOTHING,
				  .rows = mc->rows,
				  .columns = mc->columns };
	struct sandbox_process p = { .pidfd = -1, .terminal = -1, .listener = -1 };
	struct fail f = { .code = 0 };
	uint32_t n = c->n;
	int r;

	place_fds(k, mc, m, &x);
	r = sandbox_exec(k->sandbox, &x, &p, &f);
	if (r < 0) {
		call_undo(c);
		fail_wrap(&f, "cannot execute %.200s", mc->argv[0]);
		call_failed(k, n, -r, f.text);
		return;
	}
	c->pid = p.pid;
	c->process = (struct watch){ .fd = p.pidfd, .events = EPOLLIN, .ready = process_ready };
	loop_add(&k->loop, &c->process);
	if (p.listener >= 0 && mc->kind == CALL_AGENT)
		agent_open(k, &p);
	else if (p.listener >= 0)
		listen_open(c, &p, mc->argv);
	c->last = mc->last;
	limit_call(c, mc->time_limit_ns);
	tell_begun(k, n, p.terminal);
}

int call_adopt(struct keeper *k, struct call_announce *a, pid_t pid, int pidfd)
{
	const struct call_behind by_parent = { .call = a->parent, .edge = EDGE_STARTED };
	const struct call *above = a->parent ? call_find(k, a->parent) : NULL;
	struct call *c = NULL;
	int r = 0;

	if (k->calls_begun < CALLS_PER_RUN_MAX)
		c = call_new(k, k->calls_begun + 1);
	if (c && a->parent)
		r = handover_begin(c, a->parent, &by_parent, 1);
	if (c && r == 0)
		r = cgroup_move(c->cgroup, pid);
	if (!c || r < 0) {
		if (c)
			call_undo(c);
		cleanup_fd_(&pidfd);
		return r < 0 ? r : -EAGAIN;
	}
	moved_check(k, c->cgroup, pidfd);
	a->n = ++k->calls_begun;
	record_call_announce(k, a);
	c->pid = pid;
	c->adopted = true;
	c->under = above ? above->n : 0;
	c->process = (struct watch){ .fd = pidfd, .events = EPOLLIN, .ready = process_ready };
	loop_add(&k->loop, &c->process);
	limit_call(c, 0);
	if (above && above->deadline_ns < c->deadline_ns)
		c->deadline_ns = above->deadline_ns;
	return 0;
}

/* A living shell works in the call from now on. */
static void begin_session(struct keeper *k, struct call *c, const struct message_call *mc)
{
	struct call *shell = call_find(k, mc->session);
	uint32_t n = c->n;
	int r = shell && shell->pid ? 0 : -ESRCH;

	if (r == 0 && c->cgroup >= 0)
		r = cgroup_move(c->cgroup, shell->pid);
	if (r < 0) {
		call_undo(c);
		call_failed(k, n, -r, "the shell of the session does not live any more");
		return;
	}
	c->session = mc->session;
	session_begun(shell);
	limit_call(c, mc->time_limit_ns);
	tell_begun(k, n, -1);
}

void call_end(struct keeper *k, uint32_t n, int exit_code)
{
	struct call *c = call_find(k, n);
	struct call *shell = c && c->session ? call_find(k, c->session) : NULL;

	if (!c || !c->session || c->over)
		return;
	if (shell && shell->pid)
		session_over(shell, n);
	if (shell && shell->pid && shell->cgroup >= 0)
		cgroup_move(shell->cgroup, shell->pid);
	call_over(c, exit_code, c->ending);
}

static size_t fds_expected(const struct message_call *mc)
{
	return (size_t)__builtin_popcount(mc->stdio) + mc->extra_count;
}

static void begin_note(struct keeper *k, uint32_t n)
{
	struct call_exit e = {
		.n = n, .exit_code = -1, .ending = ENDING_NOT_EXECUTED, .ended_ns = clock_wall_ns()
	};
	struct call_gone g = { .n = n, .gone_ns = e.ended_ns };

	tell_begun(k, n, -1);
	tell_exit(k, &e);
	tell_gone(k, &g);
}

static void begin_announced(struct keeper *k, const struct message_call *mc,
			    const struct message *m)
{
	uint32_t n = mc->announce.n;
	struct call *c;
	int r;

	if (mc->announce.n < CALL_SHELL_FIRST)
		record_call_announce(k, &mc->announce);
	if (mc->kind == CALL_NOTE) {
		begin_note(k, n);
		return;
	}
	if (k->state != RUN_LIVING) {
		call_failed(k, n, ESHUTDOWN, "the run is over");
		return;
	}
	if (mc->kind == CALL_AGENT && (k->cgroup < 0 || k->assign.by_listener)) {
		call_failed(k, n, ENOTSUP,
			    "--agent needs root, cgroup v2 and BPF, which are not all here: weir "
			    "doctor says why; without --agent the agent runs as one call");
		return;
	}
	c = call_new(k, n);
	if (!c) {
		call_failed(k, n, errno, "cannot make the call's cgroup");
		return;
	}
	r = handover_begin(c, mc->announce.parent, mc->behind, mc->behind_count);
	if (r < 0) {
		call_undo(c);
		call_failed(k, n, -r, "what is said to stand behind the call cannot be told");
		return;
	}
	if (mc->kind == CALL_SESSION)
		begin_session(k, c, mc);
	else
		begin_exec(k, c, mc, m);
}

void call_begin(struct keeper *k, struct message *m)
{
	struct message_call mc;
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (message_call_decode(&w, &mc) < 0 || fds_expected(&mc) != m->fd_count) {
		run_stop(k, "the client sent a call that cannot be read");
		return;
	}
	if (k->calls_begun >= CALLS_PER_RUN_MAX) {
		tell_client_text(k, MESSAGE_CALL_FAILED, 0, E2BIG, "too many calls in one run");
	} else {
		mc.announce.n = mc.kind == CALL_SHELL || mc.kind == CALL_AGENT
					? CALL_SHELL_FIRST + k->shells_begun++
					: ++k->calls_begun;
		mc.announce.started_ns = clock_wall_ns();
		begin_announced(k, &mc, m);
	}
	message_call_free(&mc);
}

/* The first process of a call, or the shell that works in it. */
static struct call *process_of(struct call *c)
{
	return c->session ? call_find(c->keeper, c->session) : c;
}

void call_signal(struct call *c, int signal)
{
	struct call *p = process_of(c);

	if (p && p->process.fd >= 0)
		pidfd_send_signal(p->process.fd, signal, NULL, 0);
}

void call_kill(struct call *c, enum call_ending why)
{
	struct call *p = process_of(c);

	if (!c->over && c->ending == ENDING_EXIT)
		c->ending = why;
	c->deadline_ns = UINT64_MAX;
	kill_below(c, why);
	if (c->cgroup >= 0 && !is_shell(c))
		cgroup_kill(c->cgroup);
	else if (p && p->process.fd >= 0)
		pidfd_send_signal(p->process.fd, SIGKILL, NULL, 0);
	/* its shell has gone with it: nobody will say that it is over */
	if (c->session && !c->over)
		call_over(c, 128 + SIGKILL, why);
}

/* Stopped by the kernel because it wanted a terminal that is not its own (job control). */
static bool waits_for_terminal(pid_t pid)
{
	char path[32], text[256];
	cleanup_file FILE *f = NULL;
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return false;
	state = strrchr(text, ')');
	return state && state[1] == ' ' && state[2] == 'T';
}

uint64_t calls_limits(struct keeper *k, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct call *c = k->calls;

	while (c) {
		struct call *following = c->next;

		if (c->deadline_ns <= now)
			call_kill(c, c->pid && waits_for_terminal(c->pid) ? ENDING_TERMINAL
									  : ENDING_TIMEOUT);
		else if (c->deadline_ns < next)
			next = c->deadline_ns;
		c = following;
	}
	return next;
}

void calls_reap(struct keeper *k)
{
	for (struct call *c = k->calls; c; c = c->next)
		if (c->pid && !c->adopted)
			reap(c);
}

void calls_finish(struct keeper *k)
{
	while (k->calls) {
		struct call *c = k->calls;

		if (!c->over) {
			struct call_exit e = { .n = c->n,
					       .exit_code = 128 + SIGKILL,
					       .ending = c->ending ? c->ending : ENDING_RUN_OVER,
					       .ended_ns = clock_wall_ns(),
					       .resources = c->resources };

			tell_exit(k, &e);
		}
		call_gone(c);
	}
}
