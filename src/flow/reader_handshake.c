// SPDX-License-Identifier: Apache-2.0
/* Hand-shakes that show something, and after which nothing more does: SOCKS 4, 4a and 5 until it is
 * granted (RFC 1928, 1929), SSH until its keys are in use (RFC 4253 6, 8; 4419). Trusts no byte. */
#include <string.h>

#include "flow/reader_part.h"

#define SOCKS_WRONG SIZE_MAX

/* How long the text from `at` on is, with its NUL; 0: it has not ended. */
static size_t text_size(const uint8_t *p, size_t size, size_t at)
{
	const uint8_t *end = at < size ? memchr(p + at, 0, size - at) : NULL;

	return end ? (size_t)(end - p) - at + 1 : 0;
}

/* Of an address and port behind the type that stands at `at`; 0: not known yet. */
static size_t address_size(const uint8_t *p, size_t size, size_t at)
{
	if (size < at + 2)
		return 0;
	switch (p[at]) {
	case 1:
		return 1 + 4 + 2;
	case 3:
		return 1 + 1 + p[at + 1] + 2u;
	case 4:
		return 1 + 16 + 2;
	}
	return SOCKS_WRONG;
}

/* The bytes of a hand-shake: 0 where they have not all come. */
static size_t whole(size_t at, size_t more, size_t size)
{
	if (!more || more == SOCKS_WRONG)
		return more;
	return at + more <= size ? at + more : 0;
}

static size_t client4(const uint8_t *p, size_t size)
{
	size_t at = 8, name;

	name = size > at ? text_size(p, size, at) : 0;
	if (!name)
		return 0;
	at += name;
	if (p[4] || p[5] || p[6] || !p[7])
		return at;
	name = text_size(p, size, at);
	return name ? at + name : 0;
}

/* Methods, perhaps a user and a password, the request. */
static size_t client5(const uint8_t *p, size_t size)
{
	size_t at;

	if (size < 2 || size < 2u + p[1] + 2)
		return 0;
	at = 2u + p[1];
	if (p[at] == 1) {
		at += 2u + p[at + 1];
		if (size <= at)
			return 0;
		at += 1u + p[at];
	}
	if (size <= at)
		return 0;
	if (p[at] != 5)
		return SOCKS_WRONG;
	return whole(at + 3, address_size(p, size, at + 3), size);
}

/* *ret_granted: the connection that was asked for stands. */
static size_t server4(const uint8_t *p, size_t size, bool *ret_granted)
{
	if (size < 8)
		return 0;
	*ret_granted = p[1] == 0x5a;
	return *ret_granted ? 8 : SOCKS_WRONG;
}

static size_t server5(const uint8_t *p, size_t size, bool *ret_granted)
{
	size_t at = size > 1 && p[1] == 2 ? 4 : 2;

	if (size > 1 && p[1] != 0 && p[1] != 2)
		return SOCKS_WRONG;
	if (size < at + 3)
		return 0;
	if (p[at] != 5 || p[at + 1])
		return SOCKS_WRONG;
	*ret_granted = true;
	return whole(at + 3, address_size(p, size, at + 3), size);
}

static size_t socks_size(const struct side *s, bool client, bool *ret_granted)
{
	const uint8_t *p = s->kept;

	if (client)
		return p[0] == 4 ? client4(p, s->kept_size) : client5(p, s->kept_size);
	return p[0] == 5 ? server5(p, s->kept_size, ret_granted)
			 : server4(p, s->kept_size, ret_granted);
}

size_t socks_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	size_t before = s->kept_size, room = KEPT_MAX - before, needs;
	bool granted = false;

	if (size > room)
		size = room;
	if (!size || !side_keep(s, data, size)) {
		side_step(r, side, STEP_DULL);
		return 0;
	}
	needs = socks_size(s, (uint8_t)side == r->client, &granted);
	if (!needs)
		return size;
	if (needs == SOCKS_WRONG) {
		r->level = PROTOCOL_UNKNOWN;
		side_step(r, side, STEP_PLAIN);
		side_again(r, side);
		return size;
	}
	if ((uint8_t)side == r->client)
		reader_know(r, PROTOCOL_SOCKS);
	side_forget(s);
	side_step(r, side, STEP_WAIT);
	if (granted)
		reader_carry(r, FLOW_TRAIT_SOCKS, false);
	return needs > before ? needs - before : 0;
}

size_t wait_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	size_t room = KEPT_MAX - s->kept_size;

	side_keep(s, data, size < room ? size : room);
	return size;
}

enum {
	SSH_HEAD = 6, /* length, padding, and the message's number */
	SSH_PACKET_MAX = 35000,
	SSH_PACKETS_MAX = 8,
	SSH_NEWKEYS = 21,
	SSH_KEX_FIRST = 30, /* the client's are even, the server's odd: RFC 4253, 4419, 5656 */
	SSH_KEX_LAST = 34,
};

/* A packet's head is whole: how many bytes of it are still to come, 0 where all is over. */
static uint64_t packet_begins(struct flow_reader *r, enum meter_side side, const uint8_t *head)
{
	uint64_t size = (uint64_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
	bool client = (uint8_t)side == r->client;

	if (size < 12 || size > SSH_PACKET_MAX || head[5] == SSH_NEWKEYS ||
	    r->sides[side].count++ > SSH_PACKETS_MAX)
		return 0;
	if (head[5] >= SSH_KEX_FIRST && head[5] <= SSH_KEX_LAST && !(head[5] & 1) != client)
		reader_note(r, FLOW_TRAIT_SWAPPED);
	return size - (SSH_HEAD - 4);
}

size_t ssh_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	const uint8_t *end;
	size_t n;

	if (!s->count) {
		end = memchr(data, '\n', size);
		s->count = end != NULL;
		return end ? (size_t)(end - data) + 1 : size;
	}
	if (s->left) {
		n = size < s->left ? size : (size_t)s->left;
		s->left -= n;
		return n;
	}
	n = (size_t)(SSH_HEAD - s->kept_size);
	n = n < size ? n : size;
	if (!side_keep(s, data, n)) {
		side_step(r, side, STEP_DULL);
		return 0;
	}
	if (s->kept_size < SSH_HEAD)
		return n;
	s->left = packet_begins(r, side, s->kept);
	side_forget(s);
	if (!s->left)
		side_step(r, side, STEP_DULL);
	return n;
}
