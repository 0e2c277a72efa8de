// SPDX-License-Identifier: Apache-2.0
/* One datagram of fixed size with descriptors; used on both sides, only system calls. Each side
 * trusts the other: they are the same program with the same privileges. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/launcher.h"

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
};

int message_send(int socket, const struct message *m, const int *fds, size_t count)
{
	struct iovec iov = { .iov_base = (void *)m, .iov_len = sizeof(*m) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };

	if (count > MESSAGE_FDS_MAX)
		return -EINVAL;
	if (count) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
	}
	while (sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int message_receive(int socket, struct message *ret, int fds[MESSAGE_FDS_MAX], size_t *ret_count)
{
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	union control control;
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	*ret_count = 0;
	while ((n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	c = CMSG_FIRSTHDR(&header);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*ret_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *ret_count * sizeof(int));
	}
	return n == 0 ? -EPIPE : 0;
}
