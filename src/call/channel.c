// SPDX-License-Identifier: Apache-2.0
/* Packets of typed messages; see channel.h. Owns nothing but what it is receiving. Trusts neither
 * the type, the size, the number of descriptors nor the memfd of what arrives: all of it is held
 * against tables/messages.tbl before a byte of the payload is looked at. */
#include "call/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "bpf/event.h"

struct packet_header {
	uint32_t type;
	uint32_t size; /* of the payload, wherever it is */
	uint64_t seq;
};

static const struct message_row {
	const char *name;
	unsigned sender, receiver;
	size_t max, fds_min, fds_max;
} rows[] = {
#define MESSAGE(NAME, sender, receiver, max, fds_min, fds_max, about) \
	{ #NAME, PARTY_##sender, PARTY_##receiver, max, fds_min, fds_max },
#include "tables/messages.tbl"
#undef MESSAGE
};

const char *message_name(enum message_type type)
{
	return (unsigned)type < MESSAGE_TYPE_COUNT ? rows[type].name : "?";
}

/* 0 when the table lets this message go from sender to receiver (sets of enum party bits). */
static int check_row(unsigned type, unsigned sender, unsigned receiver, size_t size,
		     size_t fd_count)
{
	const struct message_row *row;

	if (type >= MESSAGE_TYPE_COUNT)
		return -EPROTO;
	row = &rows[type];
	if (!(row->sender & sender) || !(row->receiver & receiver) || size > row->max)
		return -EPROTO;
	return fd_count < row->fds_min || fd_count > row->fds_max ? -EPROTO : 0;
}

/* One more than MESSAGE_FDS_MAX: the memfd of a large payload. */
union control {
	char bytes[CMSG_SPACE(sizeof(int) * (MESSAGE_FDS_MAX + 1))];
	struct cmsghdr align;
};

static int send_packet(int fd, const struct packet_header *head, const void *data, size_t size,
		       const int *fds, size_t fd_count, int flags)
{
	union control control;
	struct iovec parts[2] = {
		{ .iov_base = (void *)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)data, .iov_len = size },
	};
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;

	if (fd_count) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, CMSG_SPACE(sizeof(int) * fd_count));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int channel_send(const struct channel *c, enum message_type type, uint64_t seq, const void *data,
		 size_t size, const int *fds, size_t fd_count, int flags)
{
	struct packet_header head = { .type = type, .size = (uint32_t)size, .seq = seq };
	cleanup_fd int memory = -1;
	int all[MESSAGE_FDS_MAX + 1];
	int r = check_row(type, c->self, c->peer, size, fd_count);

	if (r < 0)
		return r;
	if (size <= CHANNEL_INLINE_MAX)
		return send_packet(c->fd, &head, data, size, fds, fd_count, flags);
	memory = file_memfd("weir-message", data, size);
	if (memory < 0)
		return memory;
	all[0] = memory;
	if (fd_count)
		memcpy(all + 1, fds, sizeof(int) * fd_count);
	return send_packet(c->fd, &head, NULL, 0, all, fd_count + 1, flags);
}

struct packet {
	struct packet_header head;
	char data[CHANNEL_INLINE_MAX];
};

/* Puts every descriptor that came into ret; -EPROTO when some were cut off. */
static int take_fds(struct msghdr *m, int *ret_memory, struct message *ret)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		const int *fds = (const int *)CMSG_DATA(c);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			if (ret->fd_count < MESSAGE_FDS_MAX)
				ret->fds[ret->fd_count++] = fds[i];
			else if (*ret_memory < 0)
				*ret_memory = fds[i];
			else
				close(fds[i]);
		}
	}
	return m->msg_flags & (MSG_CTRUNC | MSG_TRUNC) ? -EPROTO : 0;
}

/* The payload of a large message stands in a memfd, the first descriptor that came. */
static int move_memory_out(struct message *m, int *memory)
{
	int overflow = *memory;

	if (m->fd_count == 0)
		return -EPROTO;
	*memory = m->fds[0];
	m->fd_count--;
	memmove(m->fds, m->fds + 1, sizeof(int) * m->fd_count);
	if (overflow >= 0)
		m->fds[m->fd_count++] = overflow;
	return 0;
}

static int read_memory(int memory, char *data, size_t size)
{
	const int want = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int seals = fcntl(memory, F_GET_SEALS);
	struct stat st;
	size_t done = 0;

	if (seals < 0 || (seals & want) != want || fstat(memory, &st) < 0 ||
	    st.st_size != (off_t)size)
		return -EPROTO;
	while (done < size) {
		ssize_t n = pread(memory, data + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPROTO;
		done += (size_t)n;
	}
	return 0;
}

/* Checks the packet against the table and copies the payload out. */
static int unpack(const struct channel *c, const struct packet *p, size_t arrived, int *memory,
		  struct message *ret)
{
	bool large = p->head.size > CHANNEL_INLINE_MAX;
	char *data;
	int r;

	if (arrived < sizeof(p->head) || arrived - sizeof(p->head) != (large ? 0 : p->head.size))
		return -EPROTO;
	if (large) {
		r = move_memory_out(ret, memory);
		if (r < 0)
			return r;
	} else if (*memory >= 0) {
		return -EPROTO;
	}
	r = check_row(p->head.type, c->peer, c->self, p->head.size, ret->fd_count);
	if (r < 0)
		return r;
	data = malloc(p->head.size + 1u);
	if (!data)
		return -ENOMEM;
	ret->data = data;
	ret->size = p->head.size;
	ret->type = p->head.type;
	ret->seq = p->head.seq;
	data[p->head.size] = '\0';
	if (large)
		return read_memory(*memory, data, p->head.size);
	memcpy(data, p->data, p->head.size);
	return 0;
}

int channel_receive(const struct channel *c, struct message *ret, int flags)
{
	struct packet packet;
	union control control;
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct message got = { .fd_count = 0 };
	cleanup_fd int memory = -1;
	ssize_t n;
	int r;

	/* a peer that closed with something of ours unread is told as ECONNRESET, once, before what
	 * it had sent to us (net/unix/af_unix.c, unix_release_sock) */
	do
		n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (n == 0)
		return 0;
	r = take_fds(&m, &memory, &got);
	if (r == 0)
		r = unpack(c, &packet, (size_t)n, &memory, &got);
	if (r < 0) {
		message_free(&got);
		return r;
	}
	*ret = got;
	return 1;
}

int channel_receive_within(const struct channel *c, struct message *ret, int timeout_ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : channel_receive(c, ret, MSG_DONTWAIT);
}

void message_free(struct message *m)
{
	for (size_t i = 0; i < m->fd_count; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->fd_count = 0;
	free((char *)m->data);
	m->data = NULL;
}

int channel_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

/* The address goes through /proc/self/fd, so the directory's own path has no limit here. */
static int socket_address(int directory, const char *name, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", directory, name);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

int channel_listen(int directory, const char *name)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r = socket_address(directory, name, &address);

	if (r < 0)
		return r;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 128) < 0)
		return -errno;
	return take_fd(&fd);
}

int channel_connect(int directory, const char *name)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r = socket_address(directory, name, &address);

	if (r < 0)
		return r;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int channel_accept(int listener)
{
	cleanup_fd int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid != 0 && peer.uid != geteuid())
		return -EPERM;
	return take_fd(&fd);
}
