// SPDX-License-Identifier: Apache-2.0
/* What may be watched (weir attach). The target comes as a descriptor that the client opened; what
 * it stands for, and whose it is, the kernel says. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "call/cgroup.h"
#include "supervisor/supervisor.h"

#define INITIAL_PID_NAMESPACE "pid:[4026531836]" /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
#define ANCESTORS_MAX 256

/* The number behind "key" at the beginning of a line of a file in /proc. */
static long proc_number(const char *path, const char *key)
{
	cleanup_buf struct buf text = { 0 };
	const char *at;

	buf_init(&text, 8192);
	if (file_read_path(AT_FDCWD, path, &text) < 0)
		return -1;
	at = strstr(buf_text(&text), key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static pid_t pid_of(int pidfd)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	return (pid_t)proc_number(path, "Pid:\t");
}

static pid_t parent_of(pid_t pid)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return (pid_t)proc_number(path, "\nPPid:\t");
}

/* Is the process, or one above it, that one? */
static bool descends(pid_t pid, pid_t from)
{
	for (int i = 0; i < ANCESTORS_MAX && pid > 0; i++) {
		if (pid == from)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static bool is_ours(const struct stat *st)
{
	return geteuid() == 0 || st->st_uid == geteuid();
}

static int refuse_foreign(struct fail *f)
{
	return fail_text(f, EPERM, "it belongs to another user, and only root may watch that");
}

/* Is a process of weir's own in this cgroup: one of the store's, or the client? What they do for
 * the record must not become part of it. */
static bool has_weir(uint64_t id, int client)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);
	cleanup_fd int own = cgroup_of(getpid());
	cleanup_fd int its = -1;

	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		its = cgroup_of(peer.pid);
	return (own >= 0 && cgroup_is_below(own, id)) || (its >= 0 && cgroup_is_below(its, id));
}

static int cgroup_target(const struct supervisor *s, int fd, int client, struct watch_target *ret,
			 struct fail *f)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return fail(f, errno, "the cgroup");
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		return fail_text(f, EINVAL,
				 "it belongs to a controller of cgroup v1; give the processes' "
				 "directory in the v2 tree (the line 0:: of /proc/PID/cgroup), or, "
				 "where that is the root, --pid");
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return fail_text(f, EINVAL, "it is not a cgroup");
	if (!is_ours(&st))
		return refuse_foreign(f);
	if (!cgroup_exists(fd))
		return fail_text(f, ENOENT, "the cgroup has just gone");
	if (cgroup_is_below(fd, cgroup_id(s->cgroup)))
		return fail_text(f, EINVAL, "it is weir's own: those runs are watched already");
	if (cgroup_is_below(s->cgroup, st.st_ino) || has_weir(st.st_ino, client))
		return fail_text(f, EINVAL,
				 "weir itself is in it, and would watch what it does for that; "
				 "give one below it, or start weir elsewhere");
	*ret = (struct watch_target){ .cgroup = st.st_ino };
	return 0;
}

static int process_target(const struct supervisor *s, int fd, struct watch_target *ret,
			  struct fail *f)
{
	pid_t pid = pid_of(fd);
	cleanup_fd int cgroup = pid > 0 ? cgroup_of(pid) : -1;
	char path[48], namespace[64] = "";
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (pid <= 0 || stat(path, &st) < 0)
		return fail_text(f, ESRCH, "the process has gone");
	if (!is_ours(&st))
		return refuse_foreign(f);
	if (readlink("/proc/self/ns/pid", namespace, sizeof(namespace) - 1) < 0 ||
	    strcmp(namespace, INITIAL_PID_NAMESPACE) != 0)
		return fail_text(f, ENOTSUP,
				 "weir runs in a pid namespace of its own and cannot name "
				 "processes to the kernel; give --cgroup");
	if (cgroup >= 0 && cgroup_is_below(cgroup, cgroup_id(s->cgroup)))
		return fail_text(f, EINVAL, "it is in a run of weir: that is watched already");
	if (descends(getpid(), pid))
		return fail_text(f, EINVAL,
				 "weir itself descends from it, and would watch what it does for "
				 "that");
	*ret = (struct watch_target){ .pid = pid };
	return 0;
}

int watch_target_of(const struct supervisor *s, enum watch_kind kind, int fd, int client,
		    struct watch_target *ret, struct fail *f)
{
	return kind == WATCH_CGROUP ? cgroup_target(s, fd, client, ret, f)
				    : process_target(s, fd, ret, f);
}

int watch_possible(const struct message_assign *a, struct fail *f)
{
	const char *reason = "there is no cgroup v2 tree that is ours";

	for (size_t i = 0; a->has_cgroup && i < a->sensor_state_count; i++) {
		const struct state_line *line = &a->sensor_states[i];

		if (strcmp(line->name, "watch") != 0)
			continue;
		if (line->state == STATE_ENFORCED)
			return 0;
		reason = line->reason;
	}
	return fail_text(f, ENOTSUP, "weir attach needs root, BPF and a cgroup v2 tree: %s",
			 reason);
}

size_t watch_states(const struct state_line *states, size_t count, enum watch_kind kind,
		    struct state_line *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct state_line *line = &ret[kept];

		*line = states[i];
		if (kind != WATCH_NONE && strcmp(line->name, "egress") == 0) {
			line->state = STATE_NOT_OURS;
			snprintf(line->reason, sizeof(line->reason),
				 "weir attach watches, and refuses nothing");
		}
		kept += kind != WATCH_NONE || strcmp(line->name, "watch") != 0;
	}
	return kept;
}
