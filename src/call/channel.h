/* SPDX-License-Identifier: Apache-2.0 */
/* Typed messages over SOCK_SEQPACKET unix sockets. tables/messages.tbl says who may send what to
 * whom, how large it may be and how many descriptors come with it; channel_receive() holds every
 * message against it and trusts nothing else. A payload up to CHANNEL_INLINE_MAX travels in the
 * packet, a larger one as a sealed memfd in front of the descriptors; neither side sees the
 * difference. */
#ifndef WEIR_CALL_CHANNEL_H
#define WEIR_CALL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"

#define CHANNEL_INLINE_MAX 16384
#define MESSAGE_FDS_MAX 112
#define MESSAGE_TEXT_MAX 4096
#define MESSAGE_REQUEST_MAX (1024 * 1024)
#define MESSAGE_CALL_MAX (4 * 1024 * 1024)
#define MESSAGE_OBSERVATION_MAX (512 * 1024)
#define MESSAGE_CHANGES_MAX (512 * 1024)
#define MESSAGE_FINDING_MAX 4096
#define MESSAGE_STATUS_MAX 8192

enum message_type {
#define MESSAGE(NAME, sender, receiver, max, fds_min, fds_max, about) MESSAGE_##NAME,
#include "tables/messages.tbl"
#undef MESSAGE
	MESSAGE_TYPE_COUNT
};

/* Bits, so that a listening socket may expect several kinds of peer. */
enum party {
	PARTY_CLIENT = 1 << 0,
	PARTY_SUPERVISOR = 1 << 1,
	PARTY_KEEPER = 1 << 2,
	PARTY_RECORDER = 1 << 3,
	PARTY_ASKER = 1 << 4,
	PARTY_GATE = 1 << 5,
};

/* One end of a connection. */
struct channel {
	int fd;	       /* owned by whoever made the channel; -1: closed */
	unsigned self; /* enum party */
	unsigned peer; /* enum party bits that may be at the other end */
};

struct message {
	enum message_type type;
	uint64_t seq;	  /* see messages.tbl; 0 where there is none */
	const char *data; /* owned; never NULL */
	size_t size;
	size_t fd_count;
	int fds[MESSAGE_FDS_MAX]; /* owned, CLOEXEC; take_fd() to keep one */
};

/* Sends one message; fds are borrowed. 0 or -errno: -EPIPE when the peer is gone, -EAGAIN when the
 * socket is non-blocking (or flags has MSG_DONTWAIT) and full, -EMSGSIZE or -EPROTO when the table
 * forbids it. */
int channel_send(const struct channel *c, enum message_type type, uint64_t seq, const void *data,
		 size_t size, const int *fds, size_t fd_count, int flags);

/* Receives one message into ret, which the caller releases with message_free(). 1: a message; 0:
 * the peer has closed; -EAGAIN: nothing there (flags: MSG_DONTWAIT); -EPROTO: what came breaks the
 * table, and the connection is not to be used any more; another -errno. */
int channel_receive(const struct channel *c, struct message *ret, int flags);
void message_free(struct message *m); /* accepts a zeroed message */

/* As channel_receive, blocking at most timeout_ms (-1: for ever); -ETIMEDOUT. */
int channel_receive_within(const struct channel *c, struct message *ret, int timeout_ms);

const char *message_name(enum message_type type);

/* A connected, CLOEXEC pair. */
int channel_pair(int ret_fds[2]);
/* Sockets directory/name; the directory is an open descriptor, so that its path may have any
 * length. Return a CLOEXEC descriptor or -errno. */
int channel_listen(int directory, const char *name);
int channel_connect(int directory, const char *name);
int channel_accept(int listener); /* checks the peer: its uid must be ours or root; -EPERM */

#define cleanup_message __attribute__((__cleanup__(message_free)))

#endif
