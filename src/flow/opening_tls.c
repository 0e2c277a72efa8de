// SPDX-License-Identifier: Apache-2.0
/* TLS: the ClientHello, over any number of records (RFC 8446 4.1.2 and 5.1; server names RFC 6066;
 * ALPN RFC 7301; ECH draft-ietf-tls-esni). Strict where servers differ: two server names, a second
 * extension of the same kind, bytes behind the hello in its record. With Encrypted ClientHello the
 * outer name counts; it is noted, as nobody but the server sees the inner one. */
#include <string.h>

#include "flow/opening_kind.h"

#define RECORD_HEAD 5
#define RECORD_MAX 16384
#define HELLO_HEAD 4
#define CLIENT_HELLO 1

enum { CHANGE_CIPHER_SPEC = 20, HANDSHAKE = 22, HEARTBEAT = 24 }; /* types of records */

enum {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_PRE_SHARED_KEY = 41,
	EXTENSION_ECH = 0xfe0d,
	EXTENSION_ESNI = 0xffce, /* its draft, with no name outside */
};

/* What is left to read; wrong once something did not fit. */
struct span {
	const uint8_t *at;
	size_t left;
	bool wrong;
};

static struct span take(struct span *s, size_t size)
{
	struct span part = { s->at, size, false };

	if (size > s->left) {
		s->wrong = true;
		s->left = 0;
		return (struct span){ s->at, 0, true };
	}
	s->at += size;
	s->left -= size;
	return part;
}

static uint32_t take_number(struct span *s, size_t bytes)
{
	struct span part = take(s, bytes);
	uint32_t n = 0;

	for (; part.left; part.left--)
		n = n << 8 | *part.at++;
	return n;
}

/* A part behind its length, which has so many bytes. */
static struct span take_part(struct span *s, size_t length_bytes)
{
	size_t size = take_number(s, length_bytes);

	return take(s, size);
}

struct hello {
	struct opening *opening;
	struct span name, protocols;
	bool has_name, has_protocols, has_key, has_ech;
};

/* Exactly one, of the only type there is. */
static bool server_name(struct hello *h, struct span s)
{
	struct span list = take_part(&s, 2);
	uint32_t type = take_number(&list, 1);

	if (h->has_name)
		return false;
	h->has_name = true;
	h->name = take_part(&list, 2);
	return !s.wrong && !s.left && !list.wrong && !list.left && type == 0 && h->name.left;
}

static bool alpn(struct hello *h, struct span s)
{
	struct span list;

	if (h->has_protocols)
		return false;
	h->has_protocols = true;
	h->protocols = list = take_part(&s, 2);
	if (s.wrong || s.left || !list.left)
		return false;
	while (list.left)
		if (!take_part(&list, 1).left)
			return false;
	return !list.wrong;
}

static bool extension(struct hello *h, uint32_t type, struct span s)
{
	switch (type) {
	case EXTENSION_SERVER_NAME:
		return server_name(h, s);
	case EXTENSION_ALPN:
		return alpn(h, s);
	case EXTENSION_PRE_SHARED_KEY:
		h->has_key = true;
		break;
	case EXTENSION_ECH:
	case EXTENSION_ESNI:
		h->has_ech = true;
		break;
	}
	return true;
}

static bool extensions(struct hello *h, struct span s)
{
	while (s.left) {
		uint32_t type = take_number(&s, 2);
		struct span part = take_part(&s, 2);

		if (s.wrong || !extension(h, type, part))
			return false;
	}
	return !s.wrong;
}

static void describe(struct hello *h)
{
	struct opening *o = h->opening;
	const char *before = ", ALPN ";

	if (h->has_name) {
		opening_name(o, h->name.at, h->name.left);
		opening_detail(o, "SNI ", h->name.at, h->name.left);
	} else {
		opening_detail(o, "no SNI", NULL, 0);
	}
	while (h->protocols.left) {
		struct span p = take_part(&h->protocols, 1);

		opening_detail(o, before, p.at, p.left);
		before = " ";
	}
	if (h->has_ech)
		opening_detail(o, ", ECH", NULL, 0);
	if (h->has_key)
		opening_detail(o, ", resumes", NULL, 0);
}

static bool read_hello(struct span s, struct opening *ret)
{
	struct hello h = { .opening = ret };
	struct span session, suites, compressions;

	take(&s, 2 + 32); /* version, random */
	session = take_part(&s, 1);
	suites = take_part(&s, 2);
	compressions = take_part(&s, 1);
	if (s.wrong || session.left > 32 || !suites.left || suites.left % 2 || !compressions.left)
		return false;
	if (s.left) {
		struct span all = take_part(&s, 2);

		if (s.wrong || s.left || !extensions(&h, all))
			return false;
	}
	describe(&h);
	return true;
}

/* Takes the records apart into `hello`. *ret_size: of the message so far, with its head. */
static enum opening_claim read_records(struct opening_bytes b, uint8_t *hello, size_t *ret_size)
{
	size_t at = 0, size = 0, want = HELLO_HEAD;

	while (size < want) {
		const uint8_t *head = b.data + at;
		size_t length, n;

		if (b.size - at < RECORD_HEAD)
			return OPENING_GOES_ON;
		length = (size_t)head[3] << 8 | head[4];
		if (head[0] != HANDSHAKE || head[1] != 3 || !length || length > RECORD_MAX)
			return OPENING_WRONG;
		at += RECORD_HEAD;
		n = length < b.size - at ? length : b.size - at;
		memcpy(hello + size, b.data + at, n);
		at += n;
		size += n;
		if (n && hello[0] != CLIENT_HELLO)
			return OPENING_WRONG;
		if (size >= HELLO_HEAD)
			want = HELLO_HEAD +
			       ((size_t)hello[1] << 16 | (size_t)hello[2] << 8 | hello[3]);
		if (want > OPENING_MAX || (size >= HELLO_HEAD && size - n + length > want))
			return OPENING_WRONG;
		if (n < length)
			return OPENING_GOES_ON;
	}
	*ret_size = size;
	return OPENING_WHOLE;
}

#define SSL2_HEAD 11

/* The hello of SSL 2 that asks for a later version, which some servers still take. It has no room
 * for a name (RFC 5246 E.2). */
static enum opening_claim find_ssl2(struct opening_bytes b)
{
	const uint8_t *p = b.data;

	if ((b.size > 0 && !(p[0] & 0x80)) || (b.size > 2 && p[2] != CLIENT_HELLO) ||
	    (b.size > 3 && p[3] != 3) || (b.size > 9 && p[9]))
		return OPENING_NOT;
	if (b.size < SSL2_HEAD)
		return OPENING_MAYBE;
	return p[10] >= 16 && p[10] <= 32 ? OPENING_WRONG : OPENING_NOT;
}

/* A server that passes over a warning takes the hello behind it: whatever record comes first, this
 * is TLS. */
static enum opening_claim find_record(struct opening_bytes b)
{
	if (b.size > 0 && (b.data[0] < CHANGE_CIPHER_SPEC || b.data[0] > HEARTBEAT))
		return OPENING_NOT;
	if (b.size > 1 && b.data[1] != 3)
		return OPENING_NOT;
	return b.size > 1 ? OPENING_WHOLE : OPENING_MAYBE;
}

static enum opening_claim read_tls(struct opening_bytes b, struct opening *ret)
{
	uint8_t hello[OPENING_MAX];
	enum opening_claim claim = find_record(b);
	size_t size = 0;

	if (claim == OPENING_NOT)
		return find_ssl2(b);
	if (claim == OPENING_WHOLE)
		claim = read_records(b, hello, &size);
	if (claim != OPENING_WHOLE)
		return claim;
	return read_hello((struct span){ hello + HELLO_HEAD, size - HELLO_HEAD, false }, ret)
		       ? OPENING_WHOLE
		       : OPENING_WRONG;
}

const struct opening_kind opening_tls = {
	.protocol = PROTOCOL_TLS,
	.names_host = true,
	.read = read_tls,
};
