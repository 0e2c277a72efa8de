// SPDX-License-Identifier: Apache-2.0
/* Reads /proc and the memory of a process that waits for us; see notify_process.h. Owns one
 * directory descriptor a process. Every byte read here is the process's own to choose. */
#include "sensor/notify_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define ARGV_STRINGS_MAX 256

static uint64_t start_of(const char *stat)
{
	const char *at = strrchr(stat, ')'); /* the name may hold anything, also spaces and ')' */
	unsigned long long ticks = 0;

	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at, NULL, 10);
	return ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t start_read(int dir, const char *path)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 4096);
	if (file_read_path(dir, path, &text) < 0)
		return 0;
	return start_of(buf_text(&text));
}

/* The last number of the line: with nested pid namespaces the innermost. */
static uint32_t status_number(const char *status, const char *key, bool last)
{
	const char *line = strstr(status, key);
	unsigned long n;
	char *end;

	if (!line)
		return 0;
	line += strlen(key);
	n = strtoul(line, &end, 10);
	while (last && *end == '\t')
		n = strtoul(end + 1, &end, 10);
	return (uint32_t)n;
}

void process_open(struct process_facts *p, pid_t tid)
{
	cleanup_buf struct buf status = { 0 };
	char path[32];

	*p = (struct process_facts){ .tid = (uint32_t)tid, .pid = (uint32_t)tid };
	snprintf(path, sizeof(path), "/proc/%d", (int)tid);
	p->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	buf_init(&status, 16384);
	if (p->dir < 0 || file_read_path(p->dir, "status", &status) < 0)
		return;
	p->pid = status_number(buf_text(&status), "\nTgid:\t", false);
	p->ppid = status_number(buf_text(&status), "\nPPid:\t", false);
	p->uid = status_number(buf_text(&status), "\nUid:\t", false);
	p->pid_inside = status_number(buf_text(&status), "\nNStgid:\t", true);
	sscanf(buf_text(&status), "Name:\t%15[^\n]", p->comm);
	snprintf(path, sizeof(path), "/proc/%u/stat", p->pid);
	p->start_ns = start_read(AT_FDCWD, path);
	snprintf(path, sizeof(path), "/proc/%u/stat", p->ppid);
	p->parent_start_ns = start_read(AT_FDCWD, path);
}

void process_name(struct process_facts *p)
{
	cleanup_buf struct buf name = { 0 };

	buf_init(&name, 64);
	if (p->dir >= 0 && file_read_path(p->dir, "comm", &name) == 0 && name.size)
		snprintf(p->comm, sizeof(p->comm), "%.*s", (int)name.size - 1, name.data);
}

void process_close(struct process_facts *p)
{
	if (p->dir >= 0)
		close(p->dir);
}

size_t process_memory(const struct process_facts *p, uint64_t address, void *to, size_t size)
{
	struct iovec here = { .iov_base = to, .iov_len = size };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	ssize_t n = process_vm_readv((pid_t)p->tid, &here, 1, &there, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* Reads page by page: a string may end just before one that is not mapped. */
size_t process_text(const struct process_facts *p, uint64_t address, char *to, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), have = 0;

	while (have < size) {
		size_t want = page - (address + have) % page;
		size_t got, length;

		if (want > size - have)
			want = size - have;
		got = process_memory(p, address + have, to + have, want);
		length = strnlen(to + have, got);
		have += length;
		if (length < want)
			break;
	}
	return have;
}

size_t process_argv(const struct process_facts *p, uint64_t address, char *to, size_t size)
{
	size_t have = 0;

	for (size_t i = 0; i < ARGV_STRINGS_MAX && have + 1 < size; i++) {
		uint64_t string = 0;

		if (process_memory(p, address + i * sizeof(string), &string, sizeof(string)) !=
			    sizeof(string) ||
		    !string)
			break;
		have += process_text(p, string, to + have, size - have - 1);
		to[have++] = '\0';
	}
	return have;
}

int process_descriptor(const struct process_facts *p, int fd)
{
	cleanup_fd int process = (int)syscall(SYS_pidfd_open, p->pid, 0);

	return process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
}

void process_socket(const struct process_facts *p, int fd, uint16_t *type, uint16_t *protocol,
		    __u64 *cookie)
{
	cleanup_fd int copy = process_descriptor(p, fd);
	int value;
	socklen_t size = sizeof(value);

	if (copy < 0)
		return;
	if (getsockopt(copy, SOL_SOCKET, SO_TYPE, &value, &size) == 0)
		*type = (uint16_t)value;
	if (getsockopt(copy, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0)
		*protocol = (uint16_t)value;
	size = sizeof(*cookie);
	getsockopt(copy, SOL_SOCKET, SO_COOKIE, cookie, &size);
}

size_t process_link(const struct process_facts *p, const char *name, char *to, size_t size)
{
	ssize_t n = readlinkat(p->dir, name, to, size);

	return n < 0 ? 0 : (size_t)n;
}

size_t process_arguments(const struct process_facts *p, char *to, size_t size)
{
	cleanup_fd int fd = openat(p->dir, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size);

	return n < 0 ? 0 : (size_t)n;
}

bool process_stat(const struct process_facts *p, const char *path, size_t size, struct stat *ret)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	cleanup_fd int base = -1, fd = -1;
	char name[PATH_MAX];

	if (!size || size >= sizeof(name))
		return false;
	memcpy(name, path, size);
	name[size] = '\0';
	base = openat(p->dir, *name == '/' ? "root" : "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return false;
	if (*name != '/') /* ".." may leave the directory, but not, by its mounts, the root */
		return fstatat(base, name, ret, 0) == 0;
	fd = (int)syscall(SYS_openat2, base, name, &how, sizeof(how));
	return fd >= 0 && fstat(fd, ret) == 0;
}

static int open_within(int base, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve };

	return (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
}

static int open_base(const struct process_facts *p, int dirfd, const char *path)
{
	char name[32] = "cwd";

	if (*path == '/')
		strcpy(name, "root");
	else if (dirfd != AT_FDCWD)
		snprintf(name, sizeof(name), "fd/%d", dirfd);
	return openat(p->dir, name, O_PATH | O_CLOEXEC);
}

/* The last component is missing in a directory that is there, or any component on a way without
 * links. A relative way that a link or ".." may lead out of the directory is not followed. */
int process_lacks(const struct process_facts *p, int dirfd, const char *path)
{
	uint64_t resolve = *path == '/' ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	const char *last = strrchr(path, '/');
	cleanup_fd int base = open_base(p, dirfd, path);
	cleanup_fd int parent = -1, file = -1;
	char directory[PATH_MAX] = ".";
	struct stat st;
	int r;

	if (base < 0 || !*path || strlen(path) >= sizeof(directory))
		return 0;
	if (last)
		snprintf(directory, sizeof(directory), "%.*s", (int)(last - path) + 1, path);
	parent = open_within(base, directory, resolve);
	if (parent >= 0)
		r = fstatat(parent, last ? last + 1 : path, &st, AT_SYMLINK_NOFOLLOW);
	else
		r = file = open_within(base, path, resolve | RESOLVE_NO_SYMLINKS);
	return r < 0 && (errno == ENOENT || errno == ENOTDIR) ? errno : 0;
}
