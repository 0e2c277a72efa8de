// SPDX-License-Identifier: Apache-2.0
/* What a side speaks, by its first bytes, or by what it says after a silence. Trusts no byte. */
#include <string.h>

#include "flow/opening.h"
#include "flow/reader_part.h"

static enum step step_of(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_UNKNOWN:
	case PROTOCOL_STRATUM:
		return STEP_PLAIN;
	case PROTOCOL_HTTP:
		return STEP_HTTP;
	case PROTOCOL_SOCKS:
		return STEP_SOCKS;
	case PROTOCOL_SSH:
		return STEP_SSH;
	default:
		return STEP_DULL;
	}
}

enum {
	TLS_FIRST = 20,
	TLS_HANDSHAKE = 22,
	TLS_LAST = 24,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	TLS_MAX = 16640
};

#define HELD_WITHIN 64 /* bytes of a tunnel's own head */
#define MIDSTREAM_TRIES 64
#define FRAMES_ROW 3 /* so many must fit in a row; of text one is enough */

/* A record's head, at the least. */
static bool is_tls(const uint8_t *p, size_t size)
{
	return size >= 5 && p[0] >= TLS_FIRST && p[0] <= TLS_LAST && p[1] == 3 && p[2] <= 4 &&
	       (p[3] << 8 | p[4]) <= TLS_MAX && (p[3] || p[4]);
}

/* "HTTP/1.1 200", as only servers begin. */
static bool is_status(const uint8_t *p, size_t size)
{
	return size >= 12 && memcmp(p, "HTTP/1.", 7) == 0 && p[8] == ' ' && p[9] >= '1' &&
	       p[9] <= '5';
}

/* Its error packets are too short to be nothing else. */
enum { MYSQL_KIND = 4, MYSQL_GREETING = 10 };

/* What only a server begins with; *ret_more: more bytes could tell. */
static enum protocol server_speaks(const uint8_t *data, size_t size, bool *ret_more)
{
	struct opening o;

	if (is_tls(data, size) && data[0] == TLS_HANDSHAKE && size > 5 && data[5] == SERVER_HELLO)
		return PROTOCOL_TLS;
	if (is_status(data, size))
		return PROTOCOL_HTTP;
	*ret_more |= opening_read(data, size, true, &o) == OPENING_MORE;
	if (o.state != OPENING_KNOWN || o.protocol == PROTOCOL_SSH ||
	    (o.protocol == PROTOCOL_MYSQL && data[MYSQL_KIND] != MYSQL_GREETING))
		return PROTOCOL_UNKNOWN;
	return o.protocol;
}

/* What only a client begins with, and is long enough to be nothing else. */
static enum protocol client_speaks(const uint8_t *data, size_t size, bool *ret_more)
{
	struct opening o;

	opening_read(data, size, false, &o);
	if (o.protocol != PROTOCOL_TLS && o.protocol != PROTOCOL_HTTP)
		return PROTOCOL_UNKNOWN;
	*ret_more |= o.state == OPENING_MORE;
	return o.state == OPENING_KNOWN ? o.protocol : PROTOCOL_UNKNOWN;
}

/* Where a side's first words are the other's, their parts are taken to be so from here on. */
static enum protocol swapped(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			     size_t size, bool *ret_more)
{
	bool client = (uint8_t)side == r->client;
	enum protocol protocol;

	if (r->sides[side].begun || r->level != PROTOCOL_UNKNOWN || FLOW_HAS(&r->signs, MIDSTREAM))
		return PROTOCOL_UNKNOWN;
	protocol =
		client ? server_speaks(data, size, ret_more) : client_speaks(data, size, ret_more);
	if (protocol == PROTOCOL_UNKNOWN)
		return protocol;
	reader_note(r, FLOW_TRAIT_SWAPPED);
	r->client = !r->client;
	return protocol;
}

enum protocol begin_held(const uint8_t *data, size_t size)
{
	size_t room = size < HELD_WITHIN ? size : HELD_WITHIN;

	for (size_t at = 0; at + 9 <= room; at++) {
		const uint8_t *p = data + at;

		if (memcmp(p, "SSH-2.0-", 8) == 0)
			return PROTOCOL_SSH;
		if (is_tls(p, size - at) && p[0] == TLS_HANDSHAKE && p[5] == CLIENT_HELLO &&
		    !p[6] && (p[3] << 8 | p[4]) == 4 + (p[7] << 8 | p[8]))
			return PROTOCOL_TLS;
	}
	return PROTOCOL_UNKNOWN;
}

/* The openings that clients and servers have, and what the middle of a flow shows. */
static enum protocol speaks(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			    size_t size, bool *ret_more)
{
	struct opening o;
	enum protocol protocol = PROTOCOL_UNKNOWN;

	*ret_more = opening_read(data, size, (uint8_t)side != r->client, &o) == OPENING_MORE &&
		    o.protocol == PROTOCOL_UNKNOWN;
	if (o.protocol == PROTOCOL_UNKNOWN || o.state == OPENING_BROKEN)
		protocol = swapped(r, side, data, size, ret_more);
	/* words in capital letters may be anybody's */
	if (protocol == PROTOCOL_UNKNOWN &&
	    !(o.protocol == PROTOCOL_HTTP && o.state == OPENING_BROKEN))
		protocol = o.protocol;
	if (protocol == PROTOCOL_UNKNOWN && is_tls(data, size))
		protocol = PROTOCOL_TLS;
	if (protocol == PROTOCOL_UNKNOWN && is_status(data, size))
		protocol = PROTOCOL_HTTP;
	if (protocol == PROTOCOL_UNKNOWN && r->carriers)
		protocol = begin_held(data, size);
	return protocol;
}

/* What is known to be one thing is another only where that is certain. */
static void recognise_anew(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			   size_t size)
{
	enum protocol protocol = PROTOCOL_UNKNOWN;
	struct opening o;

	opening_read(data, size, (uint8_t)side != r->client, &o);
	if (o.state == OPENING_KNOWN &&
	    (o.protocol == PROTOCOL_HTTP || o.protocol == PROTOCOL_STRATUM))
		protocol = o.protocol;
	else if (r->level == PROTOCOL_HTTP && is_status(data, size))
		protocol = PROTOCOL_HTTP;
	reader_know(r, protocol);
	if (protocol != PROTOCOL_UNKNOWN || r->level == PROTOCOL_STRATUM)
		side_step(r, side, step_of(protocol));
	else
		side_step(r, side, STEP_DULL);
}

/* The first bytes so far are data: false where more of them could tell. */
static bool recognise(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	enum protocol protocol;
	bool more;

	if (s->begun && r->level != PROTOCOL_UNKNOWN) {
		recognise_anew(r, side, data, size);
		return true;
	}
	protocol = speaks(r, side, data, size, &more);
	if (more && protocol == PROTOCOL_UNKNOWN && r->level == PROTOCOL_UNKNOWN &&
	    size < KEPT_MAX && s->looks++ < BEGIN_LOOKS)
		return false;
	s->begun = true;
	if (protocol == PROTOCOL_SOCKS)
		r->level = PROTOCOL_SOCKS; /* two bytes can be anything: its request tells */
	else
		reader_know(r, protocol);
	side_step(r, side, step_of(protocol ? protocol : r->level));
	return true;
}

size_t begin_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];

	if (!s->kept_size && recognise(r, side, data, size))
		return 0;
	if (!side_keep(s, data, size)) {
		side_step(r, side, STEP_PLAIN);
		side_again(r, side);
		return 0;
	}
	if (s->kept_size > size && recognise(r, side, s->kept, s->kept_size))
		side_again(r, side);
	return size;
}

static bool is_request(const uint8_t *data, size_t size)
{
	struct opening o;

	if (*data < 'A' || *data > 'Z')
		return false;
	opening_read(data, size, false, &o);
	return o.protocol == PROTOCOL_HTTP && o.state == OPENING_KNOWN;
}

void begin_midstream(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	bool text;

	if (!size || r->level != PROTOCOL_UNKNOWN || s->frame || s->rpc ||
	    s->tries >= MIDSTREAM_TRIES)
		return;
	s->tries++;
	if (is_tls(data, size) || is_status(data, size) || is_request(data, size)) {
		side_forget(s);
		side_step(r, side, STEP_BEGIN);
		return;
	}
	if (!frames_fit(data, size, r->said, (uint8_t)side == r->client, &text)) {
		s->fits = 0;
		return;
	}
	if (!text && ++s->fits < FRAMES_ROW)
		return;
	reader_know(r, PROTOCOL_HTTP);
	reader_carry(r, FLOW_TRAIT_WEBSOCKET, true);
	if (r->sides[!side].frame)
		r->sides[!side].frame->lost = true;
}
