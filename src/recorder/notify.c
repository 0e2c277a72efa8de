// SPDX-License-Identifier: Apache-2.0
/* The notifier; see notify.h. A child of the recorder with the recorder's first privileges, which
 * reads only from its parent and ends with it. Commands get a clean environment, no shell, and 30
 * seconds; at most 4 run at a time and the rest wait in the socket, which is bounded. */
#include "recorder/notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/wire.h"
#include "detect/finding.h"

#define COMMANDS_MAX 4
#define COMMAND_NS (30 * NSEC_PER_SEC)
#define NOTE_MAX 16384

struct running {
	pid_t pid; /* 0: free */
	uint64_t started_ns;
};

void notify_finding(struct notifier *n, const struct notify_target *target, const char *run_id,
		    const struct finding *finding)
{
	cleanup_buf struct buf json = { 0 }, note = { 0 }, words = { 0 };
	struct json j;

	buf_init(&json, NOTE_MAX);
	buf_init(&note, NOTE_MAX);
	buf_init(&words, NOTE_MAX);
	buf_printf(&words, "%s%s%s", finding->summary, finding->done[0] ? "; " : "", finding->done);
	json_init(&j, &json);
	finding_json(&j, finding, run_id);
	buf_add_char(&json, '\n');
	wire_put_u8(&note, target->syslog);
	wire_put_u8(&note, (uint8_t)finding->severity);
	wire_put_text(&note, target->command);
	wire_put_text(&note, buf_text(&words));
	wire_put_text(&note, run_id);
	wire_put_bytes(&note, buf_text(&json), json.size);
	if (note.error || json.error ||
	    send(n->fd, note.data, note.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		n->dropped++;
}

static void execute(const char *command, const char *json, size_t size)
{
	char *argv[] = { (char *)command, NULL };
	char *env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"LANG=C.UTF-8", NULL };
	int in = file_memfd("finding", json, size);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || syscall(SYS_close_range, 3, ~0u, 0) < 0)
		_exit(126);
	execve(command, argv, env);
	_exit(errno == ENOENT ? 127 : 126);
}

static void reap(struct running *running, uint64_t now)
{
	for (int i = 0; i < COMMANDS_MAX; i++) {
		struct running *r = &running[i];

		if (r->pid && waitpid(r->pid, NULL, WNOHANG) != 0)
			r->pid = 0;
		else if (r->pid && now - r->started_ns > COMMAND_NS)
			kill(-r->pid, SIGKILL);
	}
}

static struct running *free_slot(struct running *running)
{
	for (int i = 0; i < COMMANDS_MAX; i++)
		if (!running[i].pid)
			return &running[i];
	return NULL;
}

static void carry_out(struct running *slot, const char *data, size_t size)
{
	static const int levels[SEVERITY_COUNT] = { LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERR,
						    LOG_CRIT };
	cleanup_free char *command = NULL, *summary = NULL, *run = NULL;
	struct bytes json;
	struct wire w;
	uint8_t to_syslog, severity;

	wire_init(&w, data, size);
	to_syslog = wire_get_u8(&w);
	severity = wire_get_u8(&w);
	command = wire_get_text(&w, NOTE_MAX);
	summary = wire_get_text(&w, NOTE_MAX);
	run = wire_get_text(&w, NOTE_MAX);
	json = wire_get_bytes(&w, NOTE_MAX);
	if (wire_end(&w) < 0 || severity >= SEVERITY_COUNT)
		return;
	if (to_syslog)
		syslog(levels[severity], "run %s: %s finding: %s", run,
		       severity_name((enum severity)severity), summary);
	if (!*command)
		return;
	slot->started_ns = clock_mono_ns();
	slot->pid = fork();
	if (slot->pid == 0)
		execute(command, json.data, json.size);
	if (slot->pid < 0)
		slot->pid = 0;
}

static void serve(int fd)
{
	struct running running[COMMANDS_MAX] = { { 0 } };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char note[NOTE_MAX];

	openlog("weir", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	for (;;) {
		struct running *slot = free_slot(running);
		ssize_t n;
		int ready = poll(slot ? &p : NULL, slot ? 1 : 0, 200);

		reap(running, clock_mono_ns());
		if (ready <= 0 || !slot)
			continue;
		n = recv(fd, note, sizeof(note), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			_exit(0);
		if (n > 0)
			carry_out(slot, note, (size_t)n);
	}
}

int notifier_start(struct notifier *n)
{
	int ends[2];
	pid_t pid;

	*n = (struct notifier){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		/* Nothing of the recorder's but this socket: not even its way to the supervisor. */
		if (dup2(ends[1], 3) < 0 || syscall(SYS_close_range, 4, ~0u, 0) < 0)
			_exit(1);
		prctl(PR_SET_NAME, "weir-notifier");
		serve(3);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -errno;
	}
	n->fd = ends[0];
	return 0;
}

void notifier_stop(struct notifier *n)
{
	cleanup_fd_(&n->fd);
	n->fd = -1;
}
