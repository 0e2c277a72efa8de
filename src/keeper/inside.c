// SPDX-License-Identifier: Apache-2.0
/* Walks /proc for the members of a pid namespace; see inside.h. Owns nothing. A process is held by
 * pidfd while it is looked at, so a pid that is used again is never hit. */
#include "keeper/inside.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"

void inside_name(pid_t pid, char name[INSIDE_NAME_MAX])
{
	char path[48];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	n = readlink(path, name, INSIDE_NAME_MAX - 1);
	name[n > 0 ? n : 0] = '\0';
}

/* A zombie has no namespace to read. */
static bool is_in(pid_t pid, const char *name)
{
	char its[INSIDE_NAME_MAX];

	inside_name(pid, its);
	return *name && strcmp(its, name) == 0;
}

/* Calls on_process for each living one; how many it said yes to. */
static uint32_t each(const char *name, pid_t init, bool (*on_process)(int pidfd))
{
	cleanup_dir DIR *proc = opendir("/proc");
	struct dirent *e;
	uint32_t count = 0;

	while (proc && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		cleanup_fd int pidfd = -1;

		if (pid <= 0 || pid == init || !is_in(pid, name))
			continue;
		pidfd = pidfd_open(pid, 0);
		if (pidfd >= 0 && is_in(pid, name))
			count += on_process(pidfd);
	}
	return count;
}

static bool lives(int pidfd)
{
	return pidfd_send_signal(pidfd, 0, NULL, 0) == 0;
}

static bool killed(int pidfd)
{
	return pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0;
}

uint32_t inside_count(const char *name, pid_t init)
{
	return each(name, init, lives);
}

uint32_t inside_kill(const char *name, pid_t init)
{
	return each(name, init, killed);
}
