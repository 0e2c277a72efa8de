// SPDX-License-Identifier: Apache-2.0
/* A stand-in for src/call/client.c: every call is a forked process, its process group stands for
 * the call's cgroup, and a timer looks after limits and survivors. Owns its children. */
#include "fake_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define CALLS_MAX 64
#define SHELLS_MAX 8
#define TICK_NS 5000000
#define LIMIT_NS (2 * NSEC_PER_SEC)

struct fake_call {
	struct call_announce announce;
	pid_t pid, group;
	uint32_t session;
	uint64_t deadline, told_at;
	int exit_code;
	enum call_ending ending;
	bool ended, told, gone;
};

struct client {
	const char *directory;
	int timer;
	uint32_t count;
	struct fake_call calls[CALLS_MAX + 1];
	uint32_t shell_count;
	struct fake_call shells[SHELLS_MAX];
	const char *over;
};

static struct fake_call *find(struct client *c, uint32_t n)
{
	return n >= CALL_SHELL_FIRST ? &c->shells[n - CALL_SHELL_FIRST] : &c->calls[n];
}

struct client *fake_client_new(const char *directory)
{
	const struct itimerspec tick = { .it_interval = { .tv_nsec = TICK_NS },
					 .it_value = { .tv_nsec = TICK_NS } };
	struct client *c = calloc(1, sizeof(*c));

	c->directory = directory;
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	timerfd_settime(c->timer, 0, &tick, NULL);
	return c;
}

static void end(struct fake_call *call)
{
	if (call->group)
		kill(-call->group, SIGKILL);
	if (call->pid)
		waitpid(call->pid, NULL, 0);
	free(call->announce.tool_call_id);
	free(call->announce.function_name);
	free(call->announce.reason);
}

void client_free(struct client *c)
{
	for (uint32_t n = 1; n <= c->count; n++)
		end(&c->calls[n]);
	for (uint32_t n = 0; n < c->shell_count; n++)
		end(&c->shells[n]);
	close(c->timer);
	free(c);
}

const struct call_announce *fake_client_announced(const struct client *c, uint32_t n)
{
	return &c->calls[n].announce;
}

uint32_t fake_client_count(const struct client *c)
{
	return c->count;
}

void fake_client_end_run(struct client *c, const char *reason)
{
	c->over = reason;
}

int client_fd(const struct client *c)
{
	return c->timer;
}

static void become(const struct client *c, const struct call_request *request)
{
	int fds[3 + CALL_EXTRA_MAX], count = 0;

	setsid();
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 3; i++)
		fds[count++] =
			fcntl(request->stdio[i] < 0 ? open("/dev/null", O_RDWR) : request->stdio[i],
			      F_DUPFD, 300);
	for (size_t i = 0; i < request->extra_count; i++)
		fds[count++] = fcntl(request->extra[i], F_DUPFD, 300);
	for (int i = 0; i < count; i++)
		dup2(fds[i], i);
	close_range((unsigned)count, ~0U, 0);
	if (chdir(request->cwd ? request->cwd : c->directory) < 0)
		_exit(125);
	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HOME", "/tmp", 1);
	for (char *const *e = request->env; e && *e; e++)
		putenv(*e);
	execvp(request->argv[0], request->argv);
	_exit(127);
}

int client_call_begin(struct client *c, const struct call_request *request, uint32_t *ret_n,
		      int *ret_terminal, struct fail *f)
{
	uint32_t number =
		request->kind == CALL_SHELL ? CALL_SHELL_FIRST + c->shell_count++ : ++c->count;
	struct fake_call *call = find(c, number);
	const struct call_announce *a = &request->announce;

	(void)ret_terminal;
	call->announce = (struct call_announce){
		.n = number,
		.parent = a->parent,
		.tool_call_id = strdup(a->tool_call_id),
		.function_name = strdup(a->function_name),
		.executed = a->executed,
		.reason = a->reason ? strdup(a->reason) : NULL,
	};
	call->deadline = request->time_limit_ns ? UINT64_MAX : clock_mono_ns() + LIMIT_NS;
	*ret_n = number;
	if (request->kind == CALL_NOTE) {
		call->ended = call->told = call->gone = true;
	} else if (request->kind == CALL_SESSION) {
		call->session = request->session;
		if (!find(c, call->session)->pid)
			return fail_text(f, ESRCH, "no shell");
	} else {
		call->pid = fork();
		if (call->pid == 0)
			become(c, request);
		call->group = call->pid;
	}
	return 0;
}

int client_call_end(struct client *c, uint32_t n, int exit_code, struct fail *f)
{
	(void)f;
	if (c->calls[n].ended)
		return 0;
	c->calls[n].ended = true;
	c->calls[n].exit_code = exit_code;
	return 0;
}

int client_call_kill(struct client *c, uint32_t n, enum call_ending why, struct fail *f)
{
	struct fake_call *call = find(c, n);

	(void)f;
	call->ending = why;
	if (call->group)
		kill(-call->group, SIGKILL);
	if (call->session) {
		kill(-find(c, call->session)->group, SIGKILL);
		call->ended = true;
		call->exit_code = 137;
	}
	return 0;
}

int client_call_observe(struct client *c, const struct call_observation *o, struct fail *f)
{
	(void)c;
	(void)o;
	(void)f;
	return 0;
}

int client_call_changes(struct client *c, uint32_t n, const struct call_change *changes,
			size_t count, struct fail *f)
{
	(void)c;
	(void)n;
	(void)changes;
	(void)count;
	(void)f;
	return 0;
}

static void look(struct client *c, struct fake_call *call, uint32_t n)
{
	int status;

	if (!call->ended && clock_mono_ns() > call->deadline)
		client_call_kill(c, n, ENDING_TIMEOUT, NULL);
	if (!call->pid || waitpid(call->pid, &status, WNOHANG) != call->pid)
		return;
	call->pid = 0;
	call->ended = true;
	call->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (WIFSIGNALED(status) && !call->ending)
		call->ending = ENDING_SIGNAL;
}

/* What a living shell left in a call has no group of its own here: it is given a second. */
static bool all_gone(const struct fake_call *call)
{
	if (call->session)
		return clock_mono_ns() > call->told_at + NSEC_PER_SEC;
	return !call->group || kill(-call->group, 0) < 0;
}

/* What there is to say about one call, if anything. */
static bool tell(struct client *c, uint32_t n, struct client_event *ret)
{
	struct fake_call *call = find(c, n);

	look(c, call, n);
	if (call->ended && !call->told) {
		call->told = true;
		call->told_at = clock_mono_ns();
		ret->kind = CLIENT_CALL_EXIT;
		ret->exit = (struct call_exit){ .n = n,
						.exit_code = call->exit_code,
						.ending = call->ending };
		ret->exit.survivors = call->group && kill(-call->group, 0) == 0;
		return true;
	}
	if (call->told && !call->gone && all_gone(call)) {
		call->gone = true;
		ret->kind = CLIENT_CALL_GONE;
		ret->gone.n = n;
		return true;
	}
	return false;
}

int client_next(struct client *c, int timeout_ms, struct client_event *ret, struct fail *f)
{
	uint64_t ticks;

	(void)timeout_ms;
	(void)f;
	*ret = (struct client_event){ .kind = CLIENT_NOTHING };
	if (read(c->timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return -errno;
	if (c->over) {
		ret->kind = CLIENT_RUN_OVER;
		snprintf(ret->reason, sizeof(ret->reason), "%s", c->over);
		return 0;
	}
	for (uint32_t n = 0; n < c->shell_count; n++)
		if (tell(c, CALL_SHELL_FIRST + n, ret))
			return 0;
	for (uint32_t n = 1; n <= c->count; n++)
		if (tell(c, n, ret))
			return 0;
	return 0;
}
