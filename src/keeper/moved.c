// SPDX-License-Identifier: Apache-2.0
/* A process is moved into a cgroup by its number; see moved_check(). The window is as long as the
 * kernel waits for its own locks (milliseconds after a while of idleness), and who wants to use it
 * must kill the process that was to be moved and make the kernel count once around all numbers.
 * Owns nothing. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "call/cgroup.h"
#include "keeper/keeper.h"

/* Below the root of the v2 tree, which is the run's cgroup's grandparent. */
static int open_cgroup_of(const struct keeper *k, pid_t pid)
{
	cleanup_buf struct buf text = { 0 };
	char path[PATH_MAX];
	const char *line;

	buf_init(&text, sizeof(path));
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	line = file_read_path(AT_FDCWD, path, &text) < 0 ? NULL : strstr(buf_text(&text), "0::/");
	if (!line)
		return -1;
	snprintf(path, sizeof(path), "../..%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	return openat(k->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static pid_t parent_of(pid_t pid)
{
	cleanup_buf struct buf text = { 0 };
	const char *line = NULL;
	char path[32];

	buf_init(&text, 16384);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read_path(AT_FDCWD, path, &text) == 0)
		line = strstr(buf_text(&text), "\nPPid:\t");
	return line ? (pid_t)strtol(line + strlen("\nPPid:\t"), NULL, 10) : 0;
}

static void put_back(const struct keeper *k, pid_t pid, const char *inside)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	cleanup_fd int born_in = -1;
	char its[INSIDE_NAME_MAX];

	inside_name(pid, its);
	if (*inside && strcmp(its, inside) == 0) {
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		return;
	}
	born_in = open_cgroup_of(k, parent_of(pid));
	if (born_in >= 0)
		cgroup_move(born_in, pid);
}

void moved_check(struct keeper *k, int cgroup, int pidfd)
{
	cleanup_buf struct buf text = { 0 };
	char inside[INSIDE_NAME_MAX];

	if (pidfd_send_signal(pidfd, 0, NULL, 0) == 0)
		return; /* it lives, or nobody has reaped it: until then the number is its own */
	buf_init(&text, 4096);
	inside_name(sandbox_init_pid(k->sandbox), inside);
	if (file_read_path(cgroup, "cgroup.procs", &text) < 0)
		return;
	for (const char *line = buf_text(&text); *line; line += strcspn(line, "\n") + 1)
		put_back(k, (pid_t)strtol(line, NULL, 10), inside);
}
