// SPDX-License-Identifier: Apache-2.0
/* Host ids for sandboxes started by root, and user namespaces that hold a mapping. A block of ids
 * is taken by binding an abstract unix socket named after it: the kernel lets go of it whatever way
 * the holder ends, so nothing has to be swept. Another user could bind these names too and make us
 * look further; all of them taken is an error, never a shared block. */
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/identity.h"
#include "sandbox/kernel.h"

/* Above what systemd gives to users, services and containers (doc/UIDS-GIDS of systemd), below the
 * ids near 2^32 that have special meanings. */
#define RANGE_FIRST 0x70000000u
#define RANGE_COUNT 0x7000u
#define RANGE_TRIES 4096u

static int range_lock(uint32_t number)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size;

	if (fd < 0)
		return -errno;
	size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "weir-ids-%u", number);
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)) < 0)
		return -errno;
	return take_fd(&fd);
}

int id_range_take(struct id_range *ret, struct fail *f)
{
	uint32_t start = (uint32_t)getpid();

	for (uint32_t i = 0; i < RANGE_TRIES; i++) {
		uint32_t number = (start + i) % RANGE_COUNT;
		int fd = range_lock(number);

		if (fd == -EADDRINUSE)
			continue;
		if (fd < 0)
			return fail(f, -fd, "reserve host ids for the sandbox");
		ret->base = RANGE_FIRST + number * IDENTITY_RANGE;
		ret->lock = fd;
		return 0;
	}
	return fail_text(f, EAGAIN, "reserve host ids for the sandbox: %u blocks in use",
			 RANGE_TRIES);
}

static int map_write(pid_t pid, const char *file, struct id_map map)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	snprintf(line, sizeof(line), "%u %u %u\n", map.inside, map.outside, map.count);
	return file_write_path(AT_FDCWD, path, line);
}

static int namespace_of(pid_t pid, struct id_map uid, struct id_map gid)
{
	char path[64];
	int r = map_write(pid, "uid_map", uid);

	if (r == 0)
		r = map_write(pid, "gid_map", gid);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

/* Lives until the other end closes, or its holder dies. Shares our memory, so that no page table is
 * copied; touches nothing but its own stack. */
static int placeholder(void *ends)
{
	const int *pipe = ends;
	char byte;

	close(pipe[1]);
	while (read(pipe[0], &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int user_namespace_make(struct id_map uid, struct id_map gid, struct fail *f)
{
	_Alignas(16) char stack[8192];
	int ends[2];
	pid_t pid;
	int r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(f, errno, "create a user namespace");
	pid = clone(placeholder, stack + sizeof(stack), CLONE_VM | CLONE_NEWUSER | SIGCHLD, ends);
	r = pid < 0 ? -errno : namespace_of(pid, uid, gid);
	close(ends[0]);
	close(ends[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (r == -EPERM)
		return fail(f, EPERM, "create a user namespace (not possible in a chroot)");
	return r < 0 ? fail(f, -r, "create a user namespace") : r;
}
