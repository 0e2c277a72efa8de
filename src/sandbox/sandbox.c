// SPDX-License-Identifier: Apache-2.0
/* The keeper's side of a sandbox: starts the launcher ahead of time, hands it the plan, and ends
 * both. Owns the launcher, init, the block of host ids and the v1 controller directories. Executing
 * in it is exec.c. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/barrier.h"
#include "sandbox/kernel.h"
#include "sandbox/living.h"

/* What errno alone does not tell. */
static const char *outcome_hint(const struct step *s, int error)
{
	if (error == EINVAL && (s->op == STEP_WORKSPACE || s->flags & STEP_IDMAP))
		return " (can this file system be mounted with mapped owners? overlay, 9p and old "
		       "kernels' network file systems cannot)";
	if (error == ESTALE && s->op == STEP_WORKSPACE)
		return " (it is another directory than a moment ago)";
	return "";
}

int outcome_explain(const struct arena *a, struct fail *f)
{
	const struct plan_image *image = &a->image;
	const struct step *s = &image->steps[a->outcome.step];
	cleanup_buf struct buf words = { 0 };
	int error = a->outcome.error;

	buf_init(&words, 1024);
	if (a->outcome.step >= image->step_count)
		return fail(f, error, "sandbox: start a process");
	plan_describe(image, s, &words);
	buf_add_text(&words, outcome_hint(s, error));
	return fail(f, error, "sandbox: %s: %s", barriers[s->barrier]->name, buf_text(&words));
}

static int launcher_ids(struct sandbox_launcher *l, struct fail *f)
{
	struct id_map map = { .count = IDENTITY_RANGE };
	int r = id_range_take(&l->range, f);

	if (r < 0)
		return r;
	map.outside = l->range.base;
	r = user_namespace_make(map, map, f);
	if (r < 0)
		return r;
	l->userns = r;
	map = (struct id_map){ 0, l->range.base + IDENTITY_USER_ID, 1 };
	r = user_namespace_make(map, map, f);
	l->root_map = r;
	return r < 0 ? r : 0;
}

static int launcher_arena(struct sandbox_launcher *l, struct fail *f)
{
	struct sandbox_plan *ahead;
	void *memory;
	int r = plan_make_ahead(&ahead, f);

	if (r < 0)
		return r;
	memory = mmap(NULL, sizeof(*l->arena), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory != MAP_FAILED) {
		l->arena = memory;
		plan_image_copy(&l->arena->image, ahead->image);
	}
	l->privileged = ahead->host.privileged;
	sandbox_plan_free(ahead);
	return memory == MAP_FAILED ? fail(f, ENOMEM, "start the launcher") : 0;
}

/* The keeper's own number and a count of descriptors make it unique among its launchers. */
static void launcher_controllers(struct sandbox_launcher *l)
{
	snprintf(l->id, sizeof(l->id), "%d-%d", getpid(), l->socket);
	if (!l->privileged)
		return;
	controllers_find(&l->controllers);
	l->made = controllers_make(&l->controllers, l->id);
}

/* Fields 48 and 49 of /proc/self/stat, proc(5): where our arguments lie in memory. */
static void command_line_find(struct launcher_birth *birth)
{
	cleanup_buf struct buf text = { 0 };
	unsigned long long start, end;
	const char *at;

	buf_init(&text, 4096);
	if (file_read_path(AT_FDCWD, "/proc/self/stat", &text) < 0)
		return;
	at = strrchr(buf_text(&text), ')'); /* ends field 2, which may hold anything */
	for (int field = 2; at && field < 48; field++)
		at = strchr(at + 1, ' ');
	if (at && sscanf(at, "%llu %llu", &start, &end) == 2 && start && end > start) {
		birth->command_line = (char *)(uintptr_t)start;
		birth->command_line_size = (size_t)(end - start);
	}
}

static int launcher_fork(struct sandbox_launcher *l, int far_socket, struct fail *f)
{
	struct launcher_birth birth = { .arena = l->arena,
					.keeper = getpid(),
					.socket = far_socket,
					.userns = l->userns,
					.base = l->range.base };
	int alive[2];

	if (pipe2(alive, O_CLOEXEC) < 0)
		return fail(f, errno, "start the launcher");
	command_line_find(&birth);
	l->alive = alive[1];
	birth.alive = alive[0];
	controllers_open(&l->controllers, l->id, l->made, birth.procs);
	l->pid = fork();
	if (l->pid == 0)
		launcher_main(&birth);
	close(alive[0]);
	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (birth.procs[i] >= 0)
			close(birth.procs[i]);
	}
	return l->pid < 0 ? fail(f, errno, "start the launcher") : 0;
}

int sandbox_launcher_start(struct sandbox_launcher **ret, struct fail *f)
{
	struct sandbox_launcher *l = calloc(1, sizeof(*l));
	cleanup_fd int far = -1;
	int ends[2];
	int r;

	if (!l)
		return fail(f, ENOMEM, "start the launcher");
	l->socket = l->alive = l->userns = l->root_map = l->range.lock = -1;
	r = launcher_arena(l, f);
	if (r == 0 && l->privileged)
		r = launcher_ids(l, f);
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		r = fail(f, errno, "start the launcher");
	if (r == 0) {
		l->socket = ends[0];
		far = ends[1];
		launcher_controllers(l);
		r = launcher_fork(l, far, f);
	}
	if (r < 0) {
		sandbox_launcher_stop(l);
		return r;
	}
	*ret = l;
	return 0;
}

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void sandbox_launcher_stop(struct sandbox_launcher *l)
{
	if (!l)
		return;
	if (l->pid > 0) {
		kill(l->pid, SIGKILL);
		while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	controllers_remove(&l->controllers, l->id, l->made);
	fd_close(l->socket);
	fd_close(l->alive);
	fd_close(l->userns);
	fd_close(l->root_map);
	fd_close(l->range.lock);
	if (l->arena)
		munmap(l->arena, sizeof(*l->arena));
	free(l);
}

int launcher_wait(struct sandbox_launcher *l, int fds[MESSAGE_FDS_MAX], size_t *ret_count,
		  struct fail *f)
{
	struct message m;
	int r = message_receive(l->socket, &m, fds, ret_count);

	if (r < 0)
		return fail_text(f, EPIPE, "sandbox: the launcher has died");
	return l->arena->outcome.error ? outcome_explain(l->arena, f) : 0;
}

/* The workspace's owner becomes the sandbox's user, and nobody else's files change hands. */
static int workspace_map(const struct sandbox_plan *plan, const struct sandbox_launcher *l,
			 struct fail *f)
{
	bool made = !plan->workspace_uid && !plan->workspace_gid && plan->identity == IDENTITY_USER;
	struct id_map uid = { plan->workspace_uid, l->range.base + plan->image->uid, 1 };
	struct id_map gid = { plan->workspace_gid, l->range.base + plan->image->gid, 1 };

	return made ? fcntl(l->root_map, F_DUPFD_CLOEXEC, 0) : user_namespace_make(uid, gid, f);
}

/* For the lower layers of a writable system: accounts of people on the host stay nobody's.
 * Elsewhere it is not used, and any map will do. */
static int system_map(const struct sandbox_plan *plan, const struct sandbox_launcher *l, int unused,
		      struct fail *f)
{
	struct id_map map = { 0, l->range.base, SYSTEM_IDS };

	if (plan->identity != IDENTITY_ROOT)
		return fcntl(unused, F_DUPFD_CLOEXEC, 0);
	return user_namespace_make(map, map, f);
}

static int limits_apply(const struct sandbox_plan *plan, struct sandbox_launcher *l, int cgroup,
			struct fail *f)
{
	cleanup_fd int run = cgroup < 0 ? -1 : openat(cgroup, "..", O_PATH | O_CLOEXEC);
	unsigned int missing;

	if (!l->privileged)
		return 0; /* the plan has said what is not limited */
	missing = controllers_limit(&l->controllers, l->id, l->made, run, &plan->limits);
	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		bool planned = l->controllers.v2[i] || *l->controllers.v1[i];

		if (planned && missing >> i & 1)
			return fail_text(f, EIO, "sandbox: the %s limit could not be set",
					 controller_name(i));
	}
	return 0;
}

static int start_request(const struct sandbox_plan *plan, struct sandbox_launcher *l, int cgroup,
			 struct sandbox *s, struct fail *f)
{
	struct message m = { .kind = MESSAGE_START, .has_cgroup = cgroup >= 0 };
	int fds[MESSAGE_FDS_MAX];
	cleanup_fd int map = -1, system = -1;
	size_t count = 0;
	int r;

	if (cgroup >= 0)
		fds[count++] = cgroup;
	if (l->privileged) {
		map = workspace_map(plan, l, f);
		if (map < 0)
			return map;
		system = system_map(plan, l, map, f);
		if (system < 0)
			return system;
		m.has_map = true;
		fds[count++] = map;
		fds[count++] = system;
	}
	plan_image_copy(&l->arena->image, plan->image);
	r = message_send(l->socket, &m, fds, count);
	if (r < 0)
		return fail(f, -r, "sandbox: reach the launcher");
	return launcher_wait(l, s->sockets, &s->socket_count, f);
}

size_t sandbox_sockets(struct sandbox *s, struct gate_socket kinds[SANDBOX_SOCKETS_MAX],
		       int fds[SANDBOX_SOCKETS_MAX])
{
	size_t count = s->socket_count;

	memcpy(fds, s->sockets, count * sizeof(*fds));
	memcpy(kinds, s->launcher->arena->sockets, count * sizeof(*kinds));
	s->socket_count = 0;
	return count;
}

static void sockets_close(struct sandbox *s)
{
	while (s->socket_count > 0)
		close(s->sockets[--s->socket_count]);
}

int sandbox_make_sockets(struct sandbox *s, const struct gate_socket *kind, size_t count, int *fds,
			 struct fail *f)
{
	struct message m = { .kind = MESSAGE_SOCKETS,
			     .socket = *kind,
			     .socket_count = (uint32_t)count };
	int r = message_send(s->launcher->socket, &m, NULL, 0);

	if (count > SANDBOX_SOCKETS_MAX)
		return fail(f, EINVAL, "sandbox: sockets for the gate");
	if (r < 0)
		return fail(f, -r, "sandbox: reach the launcher");
	r = launcher_wait(s->launcher, s->sockets, &s->socket_count, f);
	if (r == 0 && s->socket_count != count)
		r = fail(f, EPROTO, "sandbox: sockets for the gate");
	if (r < 0) {
		sockets_close(s);
		return r;
	}
	memcpy(fds, s->sockets, count * sizeof(*fds));
	s->socket_count = 0;
	return 0;
}

int sandbox_start(const struct sandbox_plan *plan, struct sandbox_launcher *l, int call0_cgroup,
		  struct sandbox **ret, struct fail *f)
{
	cleanup_free struct sandbox *s = calloc(1, sizeof(*s));
	int fds[MESSAGE_FDS_MAX];
	size_t count;
	int r;

	if (!s)
		return fail(f, ENOMEM, "start the sandbox");
	if (!l->ready) {
		r = launcher_wait(l, fds, &count, f);
		if (r < 0)
			return r;
		l->ready = true;
	}
	buf_init(&s->environment, plan->environment.max);
	buf_add(&s->environment, buf_text(&plan->environment), plan->environment.size);
	r = s->environment.error ? fail(f, ENOMEM, "start the sandbox")
				 : limits_apply(plan, l, call0_cgroup, f);
	if (r == 0)
		r = start_request(plan, l, call0_cgroup, s, f);
	s->init = l->arena->pid;
	s->pidfd = r == 0 ? kernel_pidfd_open(s->init) : -1;
	if (r == 0 && s->pidfd < 0)
		r = fail(f, errno, "start the sandbox");
	if (r < 0) {
		if (s->init > 0) {
			kill(s->init, SIGKILL);
			waitpid(s->init, NULL, 0);
		}
		sockets_close(s);
		buf_free(&s->environment);
		return r;
	}
	s->launcher = l;
	*ret = take_ptr(s);
	return 0;
}

pid_t sandbox_init_pid(const struct sandbox *s)
{
	return s->init;
}

int sandbox_init_pidfd(const struct sandbox *s)
{
	return s->pidfd;
}

/* init does not end before every process of its namespace has been reaped, those included that are
 * our own children. */
void sandbox_stop(struct sandbox *s)
{
	if (!s)
		return;
	kill(s->init, SIGKILL);
	kill(s->launcher->pid, SIGKILL);
	for (size_t i = 0; i < s->process_count; i++) {
		waitpid(s->processes[i], NULL, 0);
	}
	while (waitpid(s->init, NULL, 0) < 0 && errno == EINTR)
		;
	sandbox_launcher_stop(s->launcher);
	sockets_close(s);
	fd_close(s->pidfd);
	free(s->processes);
	buf_free(&s->environment);
	free(s);
}
