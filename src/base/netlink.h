/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink messages, written into a buffer and sent as one datagram; see netlink(7). Everything is
 * copied byte by byte: a message in a buffer is not aligned for what it holds. Lengths are filled
 * in when a message or nest is closed; an overflow shows in the buffer's error. */
#ifndef WEIR_BASE_NETLINK_H
#define WEIR_BASE_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Opens a message whose own header is `header`; returns what closes it. */
size_t netlink_begin(struct buf *b, uint16_t type, uint16_t flags, uint32_t number,
		     const void *header, size_t size);
void netlink_end(struct buf *b, size_t message);

void netlink_put(struct buf *b, uint16_t type, const void *data, size_t size);
void netlink_put_text(struct buf *b, uint16_t type, const char *text); /* with its NUL */
void netlink_put_u32(struct buf *b, uint16_t type, uint32_t n);	       /* in the host's order */
void netlink_put_net32(struct buf *b, uint16_t type, uint32_t n);      /* in the network's */
size_t netlink_nest(struct buf *b, uint16_t type);
void netlink_nest_end(struct buf *b, size_t nest);

/* A received message or attribute. data is borrowed and not aligned. */
struct netlink_part {
	uint16_t type;
	uint16_t flags;	 /* of a message */
	uint32_t number; /* of a message */
	const void *data;
	size_t size;
};
struct netlink_list {
	const unsigned char *at;
	size_t left;
};
/* The next one; false behind the last, and at the first whose length cannot be true. */
bool netlink_message(struct netlink_list *l, struct netlink_part *ret);
bool netlink_attribute(struct netlink_list *l, struct netlink_part *ret);
/* Copies what a message begins with; false where it is shorter. The list holds what follows. */
bool netlink_header(const struct netlink_part *message, void *ret, size_t size,
		    struct netlink_list *ret_rest);

/* Sends all of b at once. The kernel works on it before this returns, so its answers wait. */
int netlink_send(int fd, const struct buf *b);
/* As above, and takes the answers: 0 when the message `last`, which asked for it (NLM_F_ACK), is
 * acknowledged and no other has failed; else the first failure, -EPROTO without an answer. */
int netlink_order(int fd, const struct buf *b, uint32_t last);

#endif
