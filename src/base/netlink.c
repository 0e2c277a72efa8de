// SPDX-License-Identifier: Apache-2.0
/* Writes and reads netlink messages; see netlink.h. Owns nothing. Trusts the kernel's answers no
 * further than their lengths. */
#include "base/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MAX 32768 /* what the kernel puts into one datagram (NLMSG_GOODSIZE and above) */

static void pad(struct buf *b)
{
	static const char zero[NLMSG_ALIGNTO];

	buf_add(b, zero, NLMSG_ALIGN(b->size) - b->size);
}

size_t netlink_begin(struct buf *b, uint16_t type, uint16_t flags, uint32_t number,
		     const void *header, size_t size)
{
	struct nlmsghdr h = { .nlmsg_type = type,
			      .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST),
			      .nlmsg_seq = number };
	size_t at = b->size;

	buf_add(b, &h, sizeof(h));
	buf_add(b, header, size);
	pad(b);
	return at;
}

void netlink_end(struct buf *b, size_t message)
{
	uint32_t size = (uint32_t)(b->size - message);

	if (!b->error)
		memcpy(b->data + message + offsetof(struct nlmsghdr, nlmsg_len), &size,
		       sizeof(size));
}

void netlink_put(struct buf *b, uint16_t type, const void *data, size_t size)
{
	struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + size), .nla_type = type };

	if (size > UINT16_MAX - sizeof(a)) {
		b->error = b->error ?: -ENOBUFS;
		return;
	}
	buf_add(b, &a, sizeof(a));
	buf_add(b, data, size);
	pad(b);
}

void netlink_put_text(struct buf *b, uint16_t type, const char *text)
{
	netlink_put(b, type, text, strlen(text) + 1);
}

void netlink_put_u32(struct buf *b, uint16_t type, uint32_t n)
{
	netlink_put(b, type, &n, sizeof(n));
}

void netlink_put_net32(struct buf *b, uint16_t type, uint32_t n)
{
	netlink_put_u32(b, type, htonl(n));
}

size_t netlink_nest(struct buf *b, uint16_t type)
{
	size_t at = b->size;

	netlink_put(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_nest_end(struct buf *b, size_t nest)
{
	size_t size = b->size - nest;
	uint16_t length = (uint16_t)size;

	if (size > UINT16_MAX)
		b->error = b->error ?: -ENOBUFS;
	if (!b->error)
		memcpy(b->data + nest + offsetof(struct nlattr, nla_len), &length, sizeof(length));
}

/* Takes `size` bytes and the padding behind them, which the last one may lack. */
static void step(struct netlink_list *l, size_t size)
{
	size_t whole = NLMSG_ALIGN(size);

	if (whole > l->left)
		whole = l->left;
	l->at += whole;
	l->left -= whole;
}

bool netlink_message(struct netlink_list *l, struct netlink_part *ret)
{
	struct nlmsghdr h;

	if (l->left < sizeof(h))
		return false;
	memcpy(&h, l->at, sizeof(h));
	if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > l->left)
		return false;
	*ret = (struct netlink_part){ .type = h.nlmsg_type,
				      .flags = h.nlmsg_flags,
				      .number = h.nlmsg_seq,
				      .data = l->at + sizeof(h),
				      .size = h.nlmsg_len - sizeof(h) };
	step(l, h.nlmsg_len);
	return true;
}

bool netlink_attribute(struct netlink_list *l, struct netlink_part *ret)
{
	struct nlattr a;

	if (l->left < sizeof(a))
		return false;
	memcpy(&a, l->at, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > l->left)
		return false;
	*ret = (struct netlink_part){ .type = a.nla_type & NLA_TYPE_MASK,
				      .data = l->at + sizeof(a),
				      .size = a.nla_len - sizeof(a) };
	step(l, a.nla_len);
	return true;
}

bool netlink_header(const struct netlink_part *message, void *ret, size_t size,
		    struct netlink_list *ret_rest)
{
	struct netlink_list rest = { message->data, message->size };

	if (message->size < size)
		return false;
	memcpy(ret, message->data, size);
	step(&rest, size);
	*ret_rest = rest;
	return true;
}

int netlink_send(int fd, const struct buf *b)
{
	if (b->error)
		return b->error;
	while (send(fd, b->data, b->size, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* 1: `last` was acknowledged; 0: not among these; else the first failure. */
static int answers_read(const void *data, size_t size, uint32_t last)
{
	struct netlink_list all = { data, size }, rest;
	struct netlink_part m;
	struct nlmsgerr e;

	while (netlink_message(&all, &m)) {
		if (m.type != NLMSG_ERROR || !netlink_header(&m, &e, sizeof(e), &rest))
			continue;
		if (e.error)
			return e.error;
		if (m.number == last)
			return 1;
	}
	return 0;
}

int netlink_order(int fd, const struct buf *b, uint32_t last)
{
	char answer[ANSWER_MAX];
	int r = netlink_send(fd, b), verdict = 0;
	ssize_t n;

	if (r < 0)
		return r;
	/* whatever is read here, none may be left for the next order to take for its own */
	while ((n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		r = n < 0 ? 0 : answers_read(answer, (size_t)n, last);
		verdict = verdict < 0 ? verdict : r ?: verdict;
	}
	return verdict == 0 ? -EPROTO : verdict < 0 ? verdict : 0;
}
