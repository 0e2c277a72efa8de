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

static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];
	cleanup_file FILE *f = NULL;
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return 0;
	state = strrchr(text, ')'); /* proc(5): the name is in parentheses, and is the process's */
	return state && state[1] == ' ' && state[2] ? (pid_t)strtol(state + 3, NULL, 10) : 0;
}

static bool is_stopped(const struct inside_stopped *s, pid_t pid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->of[i].pid == pid)
			return true;
	return false;
}

static bool stop(struct inside_stopped *s, const char *name, pid_t pid)
{
	int pidfd = s->count < INSIDE_STOPPED_MAX ? pidfd_open(pid, 0) : -1;

	if (pidfd < 0)
		return false;
	if (!is_in(pid, name) || pidfd_send_signal(pidfd, SIGSTOP, NULL, 0) < 0) {
		close(pidfd);
		return false;
	}
	s->of[s->count].pid = pid;
	s->of[s->count++].pidfd = pidfd;
	return true;
}

/* Once over all processes; whether there was a new one. */
static bool stop_some(struct inside_stopped *s, const char *name, pid_t init, pid_t root)
{
	cleanup_dir DIR *proc = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while (proc && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid <= 0 || pid == init || is_stopped(s, pid) || !is_in(pid, name))
			continue;
		if (!root || pid == root || is_stopped(s, parent_of(pid)))
			found |= stop(s, name, pid);
	}
	return found;
}

struct inside_stopped *inside_stop(const char *name, pid_t init, pid_t root)
{
	struct inside_stopped *s = calloc(1, sizeof(*s));

	while (s && stop_some(s, name, init, root))
		;
	return s;
}

void inside_end(struct inside_stopped *s)
{
	for (size_t i = 0; s && i < s->count; i++) {
		pidfd_send_signal(s->of[i].pidfd, SIGKILL, NULL, 0);
		close(s->of[i].pidfd);
	}
	free(s);
}
