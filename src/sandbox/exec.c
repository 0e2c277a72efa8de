// SPDX-License-Identifier: Apache-2.0
/* Starts a call's first process: lays out argv and environment in the shared arena, where the child
 * finds them at the same address, and asks the launcher. Everything is bounded by the arena. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "sandbox/environment.h"
#include "sandbox/kernel.h"
#include "sandbox/listener.h"
#include "sandbox/living.h"
#include "sandbox/seccomp.h"

#define STANDARD_CWD "/work"
#define EXTRA_MAX 8
/* A newborn that already has the sandbox's ids could be stopped by its fellows before it executes,
 * and with it the launcher: after this long it is killed. */
#define EXEC_TIMEOUT_MS 10000

/* The arena's text, used up from both ends of the request: pointers and strings as they come. */
struct layout {
	char *at;
	size_t left;
	bool full;
};

static void *take(struct layout *l, size_t size)
{
	void *p = l->at;

	size = (size + 7) & ~(size_t)7;
	if (size > l->left) {
		l->full = true;
		return NULL;
	}
	l->at += size;
	l->left -= size;
	return p;
}

static const char *take_text(struct layout *l, const char *text)
{
	size_t size = strlen(text) + 1;
	char *p = take(l, size);

	return p ? memcpy(p, text, size) : NULL;
}

static size_t name_size(const char *variable)
{
	return strcspn(variable, "=");
}

static bool overridden(char *const *added, const char *variable)
{
	for (; added && *added; added++) {
		if (name_size(*added) == name_size(variable) &&
		    memcmp(*added, variable, name_size(variable)) == 0)
			return true;
	}
	return false;
}

static char *const *take_strings(struct layout *l, char *const *list)
{
	size_t count = 0;
	const char **to;

	while (list[count])
		count++;
	to = take(l, (count + 1) * sizeof(*to));
	for (size_t i = 0; to && i < count; i++)
		to[i] = take_text(l, list[i]);
	if (to)
		to[count] = NULL;
	return (char *const *)to;
}

/* The clean environment, less what the call sets itself, and that. */
static char *const *take_environment(struct layout *l, const struct buf *clean, char *const *added)
{
	size_t room = 1, count = 0;
	const char **to;

	for (size_t i = 0; i < clean->size; i++)
		room += clean->data[i] == '\0';
	for (char *const *a = added; a && *a; a++)
		room++;
	to = take(l, room * sizeof(*to));
	if (!to)
		return NULL;
	for (const char *v = clean->data; v && v < clean->data + clean->size; v += strlen(v) + 1) {
		if (!overridden(added, v))
			to[count++] = take_text(l, v);
	}
	for (char *const *a = added; a && *a; a++)
		to[count++] = take_text(l, *a);
	to[count] = NULL;
	return (char *const *)to;
}

static const char *find_path(char *const *environment)
{
	for (; *environment; environment++) {
		if (strncmp(*environment, "PATH=", 5) == 0)
			return *environment + 5;
	}
	return ENVIRONMENT_PATH;
}

static void take_candidates(struct layout *l, struct exec_request *x, const char *program)
{
	const char *path = find_path(x->env);
	size_t count = 0;

	if (strchr(program, '/') || !*program) {
		x->candidates[count++] = take_text(l, program);
	} else {
		while (count < EXEC_CANDIDATES - 1) {
			size_t size = strcspn(path, ":");
			char *p = take(l, size + strlen(program) + 3);

			if (!p)
				return;
			memcpy(p, size ? path : ".", size ? size : 1);
			strcpy(p + (size ? size : 1), "/");
			strcat(p, program);
			x->candidates[count++] = p;
			if (path[size] == '\0')
				break;
			path += size + 1;
		}
	}
	x->candidates[count] = NULL;
}

static int told_make(struct told_filters *told, enum sandbox_told kind, struct fail *f)
{
	int listener, filter;

	if (told->kind == kind)
		return 0;
	listener = seccomp_listener(kind, told->listener, ARRAY_LENGTH(told->listener));
	filter = seccomp_program_told(kind, told->filter, ARRAY_LENGTH(told->filter));
	if (listener < 0 || filter < 0)
		return fail(f, ENOBUFS, "make the system call filters");
	told->listener_count = (uint32_t)listener;
	told->filter_count = (uint32_t)filter;
	told->kind = kind;
	return 0;
}

static int request_lay_out(struct sandbox *s, const struct sandbox_exec *x, struct fail *f)
{
	struct arena *a = s->launcher->arena;
	struct exec_request *request = &a->exec;
	struct layout l = { .at = a->text, .left = sizeof(a->text) };

	if (!x->argv || !x->argv[0])
		return fail_text(f, EINVAL, "sandbox: no command given");
	if (x->told != TOLD_NOTHING) {
		int r = told_make(&a->told, x->told, f);

		if (r < 0)
			return r;
	}
	request->terminal = x->terminal;
	request->told = x->told != TOLD_NOTHING ? &a->told : NULL;
	request->cwd = take_text(&l, x->cwd ? x->cwd : STANDARD_CWD);
	request->env = take_environment(&l, &s->environment, x->env);
	if (!l.full)
		request->argv = take_strings(&l, x->argv);
	if (!l.full)
		take_candidates(&l, request, x->argv[0]);
	return l.full ? fail(f, E2BIG, "sandbox: execute %s", x->argv[0]) : 0;
}

static int request_send(struct sandbox *s, const struct sandbox_exec *x, struct fail *f)
{
	struct message m = { .kind = MESSAGE_EXEC,
			     .has_cgroup = x->cgroup >= 0,
			     .has_terminal = x->terminal,
			     .rows = x->rows,
			     .columns = x->columns };
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	int r;

	if (x->extra_count > EXTRA_MAX)
		return fail(f, EINVAL, "sandbox: more than %d extra descriptors", EXTRA_MAX);
	if (m.has_cgroup)
		fds[count++] = x->cgroup;
	for (int i = 0; i < 3 && !x->terminal; i++)
		fds[count++] = x->stdio[i];
	for (size_t i = 0; i < x->extra_count; i++)
		fds[count++] = x->extra[i];
	r = message_send(s->launcher->socket, &m, fds, count);
	return r < 0 ? fail(f, -r, "sandbox: reach the launcher") : 0;
}

static void newborn_kill(const struct arena *a)
{
	if (a->pid > 0)
		kill(a->pid, SIGKILL);
}

/* Until the launcher has answered; a listener that comes before is kept, and answered for the
 * process until it has executed. */
static int answer_wait(struct sandbox *s, struct sandbox_process *ret, struct fail *f)
{
	struct sandbox_launcher *l = s->launcher;
	int timeout = EXEC_TIMEOUT_MS;

	for (;;) {
		struct pollfd wait[2] = { { .fd = l->socket, .events = POLLIN },
					  { .fd = ret->has_early ? -1 : ret->listener,
					    .events = POLLIN } };
		int fds[MESSAGE_FDS_MAX];
		struct message m;
		size_t count;
		int n = poll(wait, 2, timeout);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) {
			newborn_kill(l->arena);
			timeout = -1; /* the launcher is free again and will say so */
			continue;
		}
		if (wait[1].revents)
			ret->has_early = listener_answer(ret->listener, l->arena->pid, &ret->early);
		if (!wait[0].revents)
			continue;
		if (message_receive(l->socket, &m, fds, &count) < 0)
			return fail_text(f, EPIPE, "sandbox: the launcher has died");
		if (m.kind == MESSAGE_LISTENER && count == 1) {
			ret->listener = fds[0];
			continue;
		}
		if (count == 1)
			ret->terminal = fds[0];
		if (timeout < 0)
			return fail(f, ETIMEDOUT, "sandbox: execute a call");
		return l->arena->outcome.error ? outcome_explain(l->arena, f) : 0;
	}
}

/* Forgets those that the keeper has reaped, then remembers one more. */
static int process_remember(struct sandbox *s, pid_t pid)
{
	if (s->process_count == s->process_room) {
		size_t kept = 0, room;
		pid_t *grown;

		for (size_t i = 0; i < s->process_count; i++) {
			siginfo_t info;

			if (waitid(P_PID, (id_t)s->processes[i], &info,
				   WEXITED | WNOHANG | WNOWAIT) == 0)
				s->processes[kept++] = s->processes[i];
		}
		s->process_count = kept;
		room = kept * 2 + 16;
		grown = reallocarray(s->processes, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		s->processes = grown;
		s->process_room = room;
	}
	s->processes[s->process_count++] = pid;
	return 0;
}

static void fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int sandbox_exec(struct sandbox *s, const struct sandbox_exec *x, struct sandbox_process *ret,
		 struct fail *f)
{
	struct sandbox_process p = { .pidfd = -1, .terminal = -1, .listener = -1 };
	int r = request_lay_out(s, x, f);

	if (r == 0)
		r = request_send(s, x, f);
	if (r < 0)
		return r;
	r = answer_wait(s, &p, f);
	p.pid = s->launcher->arena->pid;
	if (r == 0 && process_remember(s, p.pid) < 0)
		r = fail(f, ENOMEM, "sandbox: execute %s", x->argv[0]);
	if (r == 0 && (p.pidfd = kernel_pidfd_open(p.pid)) < 0)
		r = fail(f, errno, "sandbox: execute %s", x->argv[0]);
	if (r < 0) {
		if (p.pid > 0) {
			kill(p.pid, SIGKILL);
			waitpid(p.pid, NULL, 0);
		}
		fd_drop(&p.terminal);
		fd_drop(&p.listener);
		return r;
	}
	*ret = p;
	return 0;
}
