// SPDX-License-Identifier: Apache-2.0
/* See notify_stream.h. Owns nothing. What is read may change at once: it is what was there when the
 * process asked to execute. */
#include "sensor/notify_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#define PTMX_MAJOR 5 /* Linux, Documentation/admin-guide/devices.txt */
#define PTMX_MINOR 2
#define SLAVE_MAJOR 136
#define SLAVE_MAJORS 8
#define SLAVES_EACH 256

/* A line of /proc/PID/fdinfo/FD, proc_pid_fdinfo(5); -1: there is none. */
static long info_number(const char *info, const char *key, int base)
{
	const char *line = strstr(info, key);

	return line ? strtol(line + strlen(key), NULL, base) : -1;
}

static bool leads_to_pipefs(const struct process_facts *p, const char *path)
{
	char link[16];

	return process_link(p, path, link, sizeof(link)) > 5 && memcmp(link, "pipe:", 5) == 0;
}

/* Both ends of a pair are known by the slave's number, which is unique in its devpts. */
static void terminal_fill(const struct stat *st, const char *info, struct event_stream *s)
{
	unsigned int kind = major(st->st_rdev);
	long number = info_number(info, "tty-index:\t", 10);

	s->accepted = kind == PTMX_MAJOR && minor(st->st_rdev) == PTMX_MINOR && number >= 0;
	if (!s->accepted && kind - SLAVE_MAJOR >= SLAVE_MAJORS)
		return;
	if (!s->accepted)
		number = (long)(kind - SLAVE_MAJOR) * SLAVES_EACH + minor(st->st_rdev);
	s->kind = STREAM_TERMINAL;
	s->object = (uint64_t)st->st_dev << 32 | (uint64_t)number;
}

static void address_fill(const struct sockaddr_storage *at, uint8_t address[16], uint16_t *port)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)at;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)at;

	if (at->ss_family == AF_INET) {
		address[10] = address[11] = 0xff;
		memcpy(address + 12, &in4->sin_addr, 4);
		*port = ntohs(in4->sin_port);
	} else if (at->ss_family == AF_INET6) {
		memcpy(address, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
	}
}

static void inet_fill(int fd, const struct stat *st, struct event_stream *s)
{
	struct sockaddr_storage far = { .ss_family = AF_UNSPEC }, own = far;
	socklen_t far_size = sizeof(far), own_size = sizeof(own);
	socklen_t size = sizeof(s->object);
	uint8_t here[16];

	s->kind = STREAM_INET;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &s->object, &size) < 0)
		s->object = st->st_ino | STREAM_BY_INODE;
	if (getpeername(fd, (struct sockaddr *)&far, &far_size) == 0)
		address_fill(&far, s->address, &s->port);
	if (getsockname(fd, (struct sockaddr *)&own, &own_size) == 0)
		address_fill(&own, here, &s->own_port);
}

static void socket_fill(const struct process_facts *p, int fd, const struct stat *st,
			struct event_stream *s)
{
	cleanup_fd int copy = process_descriptor(p, fd);
	int family = AF_UNSPEC;
	socklen_t size = sizeof(family);

	if (copy < 0 || getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
		return;
	if (family == AF_INET || family == AF_INET6) {
		inet_fill(copy, st, s);
	} else if (family == AF_UNIX) {
		s->kind = STREAM_UNIX;
		s->object = st->st_ino;
	}
}

void process_stream(const struct process_facts *p, int fd, struct event_stream *ret)
{
	cleanup_buf struct buf info = { 0 };
	char path[24], info_path[24];
	struct stat st;

	*ret = (struct event_stream){ .kind = STREAM_NONE };
	snprintf(path, sizeof(path), "fd/%d", fd);
	snprintf(info_path, sizeof(info_path), "fdinfo/%d", fd);
	buf_init(&info, 4096);
	if (file_read_path(p->dir, info_path, &info) < 0 || fstatat(p->dir, path, &st, 0) < 0 ||
	    info_number(buf_text(&info), "flags:\t", 8) & O_CLOEXEC)
		return;
	ret->kind = STREAM_FILE;
	if (S_ISFIFO(st.st_mode)) {
		ret->kind = STREAM_PIPE;
		ret->object = st.st_ino;
		ret->peer = leads_to_pipefs(p, path) ? 0 : st.st_dev;
	} else if (S_ISSOCK(st.st_mode)) {
		socket_fill(p, fd, &st, ret);
	} else if (S_ISCHR(st.st_mode)) {
		terminal_fill(&st, buf_text(&info), ret);
	}
}
