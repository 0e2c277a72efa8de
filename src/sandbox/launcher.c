// SPDX-License-Identifier: Apache-2.0
/* The launcher: a child of the keeper that sits in the run's v1 controller cgroups and inside the
 * sandbox's namespaces (all but user and cgroup when it is root), and clones init and every call as
 * its own siblings (CLONE_PARENT). It owns nothing but its descriptors; it ends with the keeper.
 * From its birth it makes only system calls on memory that the keeper prepared. */
#include "sandbox/launcher.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "sandbox/kernel.h"

#define CALL_UMASK 022
#define TTY_GROUP 5

struct launcher {
	struct arena *arena;
	int socket, alive;
	int own_alive; /* init's other sign: closes with us */
	struct work work;
	char *command_line;
	size_t command_line_size;
};

/* Closes every descriptor but these; they are few. */
static void keep_only(const int *fds, size_t count)
{
	unsigned int next = 0;

	for (;;) {
		int lowest = -1;

		for (size_t i = 0; i < count; i++) {
			if (fds[i] >= (int)next && (lowest < 0 || fds[i] < lowest))
				lowest = fds[i];
		}
		if (lowest < 0)
			break;
		if (lowest > (int)next)
			kernel_close_range(next, (unsigned int)lowest - 1);
		next = (unsigned int)lowest + 1;
	}
	kernel_close_range(next, ~0u);
}

static void signals_reset(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int n = 1; n < NSIG; n++)
		sigaction(n, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The command line is the keeper's and tells of the host; inside, anyone may read init's. */
static void name_set(char *command_line, size_t size, const char *name)
{
	prctl(PR_SET_NAME, name);
	for (size_t i = 0; i < size; i++)
		command_line[i] = *name ? *name++ : '\0';
}

/* init: the reaper of the pid namespace (the kernel reaps for it), and its end: when keeper or
 * launcher die, so does it, and the kernel kills all the rest. */
static void init_main(struct launcher *l, int launcher_alive, int ready) __attribute__((noreturn));
static void init_main(struct launcher *l, int launcher_alive, int ready)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct pollfd signs[2] = { { .fd = l->alive }, { .fd = launcher_alive } };
	const int kept[] = { l->alive, launcher_alive, ready, l->work.userns };
	char byte = 0;

	keep_only(kept, ARRAY_LENGTH(kept));
	name_set(l->command_line, l->command_line_size, "weir-init");
	if (steps_run(&l->work, STAGE_INIT) < 0)
		_exit(1);
	close(l->work.userns);
	/* Changing ids has cleared it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGCHLD, &ignore, NULL);
	if (write(ready, &byte, 1) != 1)
		_exit(1);
	close(ready);
	while (poll(signs, 2, -1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* The error of something that is not a step. */
static void outcome_set(struct launcher *l, int r)
{
	l->arena->outcome.step = l->arena->image.step_count;
	l->arena->outcome.error = -r;
}

/* Returns where init says that it stands, or -errno. */
static int init_clone(struct launcher *l, int cgroup)
{
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_PARENT_SETTID,
				   .parent_tid = (uintptr_t)&l->arena->pid };
	cleanup_fd int ready_read = -1, ready_write = -1, alive_read = -1;
	int ready[2], alive[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	ready_read = ready[0];
	ready_write = ready[1];
	if (pipe2(alive, O_CLOEXEC) < 0)
		return -errno;
	alive_read = alive[0];
	l->own_alive = alive[1];
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = kernel_clone3(&args);
	if (pid == 0)
		init_main(l, alive[0], ready[1]);
	return pid < 0 ? -errno : take_fd(&ready_read);
}

static int init_wait(struct launcher *l, int ready)
{
	char byte;

	if (read(ready, &byte, 1) == 1)
		return 0;
	return l->arena->outcome.error ? -l->arena->outcome.error : -ECHILD;
}

/* init and the launcher work side by side, except where init's proc must be mounted while the
 * host's is still to be seen (an ordinary user's condition, mount_too_revealing() in Linux). */
static int start(struct launcher *l, const struct message *m, const int *fds)
{
	cleanup_fd int ready = -1;
	int r;

	if (m->has_map) {
		l->work.workspace_map = fds[m->has_cgroup];
		l->work.system_map = fds[m->has_cgroup + 1];
	}
	r = steps_run(&l->work, STAGE_BUILD);
	if (r < 0)
		return r;
	ready = r = init_clone(l, m->has_cgroup ? fds[0] : -1);
	if (r >= 0 && !l->work.image->privileged)
		r = init_wait(l, ready);
	if (r >= 0)
		r = steps_run(&l->work, STAGE_SEAL);
	if (r >= 0 && l->work.image->privileged)
		r = init_wait(l, ready);
	umask(CALL_UMASK);
	return r;
}

/* A terminal of the sandbox's own devpts: the slave is the call's 0, 1 and 2. Returns the master.
 */
static int terminal_open(struct launcher *l, const struct message *m, int *ret_slave)
{
	struct winsize size = { .ws_row = m->rows, .ws_col = m->columns };
	struct work *w = &l->work;
	cleanup_fd int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	cleanup_fd int slave = -1;
	int locked = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &locked) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || ioctl(slave, TIOCSWINSZ, &size) < 0)
		return -errno;
	if (w->image->privileged && fchown(slave, w->base + w->image->uid, w->base + TTY_GROUP) < 0)
		return -errno;
	*ret_slave = take_fd(&slave);
	return take_fd(&master);
}

/* Suspended until the child has executed or ended (CLONE_VFORK); its memory is a copy, but for the
 * arena, where it leaves its error. */
static int call_clone(struct launcher *l, int cgroup)
{
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_VFORK,
				   .parent_tid = (uintptr_t)&l->arena->pid };
	pid_t pid;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = kernel_clone3(&args);
	if (pid == 0) {
		l->work.listener_to = l->socket;
		steps_run(&l->work, STAGE_CALL);
		_exit(127);
	}
	return pid < 0 ? -errno : 0;
}

static int execute(struct launcher *l, const struct message *m, const int *fds, size_t count,
		   int *ret_terminal)
{
	struct exec_request *x = &l->arena->exec;
	cleanup_fd int slave = -1;
	int skipped = m->has_cgroup ? 1 : 0;

	x->fd_count = 0;
	if (m->has_terminal) {
		*ret_terminal = terminal_open(l, m, &slave);
		if (*ret_terminal < 0)
			return *ret_terminal;
		for (int i = 0; i < 3; i++)
			x->fds[x->fd_count++] = slave;
	}
	for (size_t i = (size_t)skipped; i < count && x->fd_count < EXEC_FDS_MAX; i++)
		x->fds[x->fd_count++] = fds[i];
	return call_clone(l, m->has_cgroup ? fds[0] : -1);
}

static int sockets_make(struct launcher *l, const struct message *m)
{
	struct work *w = &l->work;

	while (w->socket_count < m->socket_count && w->socket_count < SANDBOX_SOCKETS_MAX) {
		int fd = gate_socket_open(&m->socket, 0);

		if (fd < 0)
			return fd;
		w->socket_fds[w->socket_count++] = fd;
	}
	return 0;
}

static int obey(struct launcher *l, const struct message *m, const int *fds, size_t count,
		int *ret_terminal)
{
	switch (m->kind) {
	case MESSAGE_START:
		return start(l, m, fds);
	case MESSAGE_SOCKETS:
		return sockets_make(l, m);
	default:
		return execute(l, m, fds, count, ret_terminal);
	}
}

static void serve(struct launcher *l)
{
	int fds[MESSAGE_FDS_MAX];
	struct message m;
	size_t count;

	while (message_receive(l->socket, &m, fds, &count) == 0) {
		struct message done = { .kind = MESSAGE_DONE };
		int r, terminal = -1;

		l->arena->outcome.error = 0;
		l->arena->pid = 0;
		r = obey(l, &m, fds, count, &terminal);
		if (r < 0 && !l->arena->outcome.error)
			outcome_set(l, r); /* not a step's */
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		done.has_terminal = terminal >= 0;
		if (m.kind == MESSAGE_EXEC)
			message_send(l->socket, &done, &terminal, done.has_terminal ? 1 : 0);
		else
			message_send(l->socket, &done, l->work.socket_fds, l->work.socket_count);
		while (l->work.socket_count > 0)
			close(l->work.socket_fds[--l->work.socket_count]);
		if (terminal >= 0)
			close(terminal);
	}
}

void launcher_main(const struct launcher_birth *birth)
{
	const int kept[] = { birth->socket,   birth->alive,    birth->userns,
			     birth->procs[0], birth->procs[1], birth->procs[2] };
	struct launcher l = { .arena = birth->arena,
			      .socket = birth->socket,
			      .alive = birth->alive,
			      .own_alive = -1,
			      .command_line = birth->command_line,
			      .command_line_size = birth->command_line_size };
	struct message ready = { .kind = MESSAGE_READY };
	int r;

	signals_reset();
	name_set(birth->command_line, birth->command_line_size, "weir-launcher");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != birth->keeper)
		_exit(0);
	keep_only(kept, ARRAY_LENGTH(kept));
	umask(0);
	l.work = (struct work){ .image = &l.arena->image,
				.outcome = &l.arena->outcome,
				.exec = &l.arena->exec,
				.sockets = l.arena->sockets,
				.base = birth->base,
				.userns = birth->userns,
				.workspace_map = -1,
				.system_map = -1,
				.ruleset = -1,
				.listener_to = -1 };
	r = controllers_enter(birth->procs);
	if (r < 0)
		outcome_set(&l, r);
	else
		steps_run(&l.work, STAGE_PREPARE);
	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (birth->procs[i] >= 0)
			close(birth->procs[i]);
	}
	message_send(l.socket, &ready, NULL, 0);
	serve(&l);
	_exit(0);
}
