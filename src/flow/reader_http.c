// SPDX-License-Identifier: Apache-2.0
/* HTTP/1 in the middle (RFC 9112): where messages end, what JSON their bodies hold, and where
 * another protocol takes over (RFC 9110 7.8, 9.3.6). Only the beginning of a line is looked at.
 * Trusts no byte: a head that is none is passed over line by line. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "flow/reader_part.h"

#define STATUS_SWITCHED 101

static bool begins(const struct http *h, const char *text)
{
	size_t size = strlen(text);

	return h->line_size >= size && strncasecmp(h->line, text, size) == 0;
}

static bool holds(const struct http *h, const char *text)
{
	size_t size = strlen(text);

	for (size_t i = 0; i + size <= h->line_size; i++)
		if (strncasecmp(h->line + i, text, size) == 0)
			return true;
	return false;
}

static void head_start(struct http *h)
{
	*h = (struct http){ .where = HTTP_HEAD, .first_line = true };
}

static uint64_t read_number(const char *text, size_t size, unsigned base)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size && n < UINT64_MAX / 32; i++) {
		char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] | 0x20) : text[i];
		unsigned digit =
			c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;

		if (digit >= base)
			return n;
		n = n * base + digit;
	}
	return n;
}

static void take_first_line(struct flow_reader *r, struct http *h, bool request)
{
	h->first_line = false;
	if (request) {
		r->asked_tunnel = begins(h, "CONNECT ");
		r->asked_head = begins(h, "HEAD ");
	} else if (h->line_size > 9) {
		h->status = (uint16_t)read_number(h->line + 9, 3, 10);
	}
}

static void take_field(struct http *h)
{
	const char *colon = memchr(h->line, ':', h->line_size);
	const char *end = h->line + h->line_size;

	if (!colon)
		return;
	for (colon++; colon < end && *colon == ' '; colon++)
		;
	if (begins(h, "content-length:")) {
		h->has_length = true;
		h->left = read_number(colon, (size_t)(end - colon), 10);
	} else if (begins(h, "transfer-encoding:")) {
		h->chunked = holds(h, "chunked");
	} else if (begins(h, "upgrade:")) {
		h->websocket = holds(h, "websocket");
	}
}

static bool has_no_body(const struct flow_reader *r, const struct http *h)
{
	return r->asked_head || h->status < 200 || h->status == 204 || h->status == 304;
}

static void body_start(const struct flow_reader *r, struct side *s, bool request)
{
	struct http *h = s->http;
	bool none = request ? !h->has_length && !h->chunked : has_no_body(r, h);

	lines_start(s);
	s->has_line = false;
	h->body_first = true;
	if (none || (!h->chunked && h->has_length && !h->left))
		head_start(h);
	else if (h->chunked)
		h->where = HTTP_SIZE;
	else
		h->where = h->has_length ? HTTP_BODY : HTTP_ENDLESS;
}

/* What the client said before it was answered is HTTP after all. */
static void tunnel_refused(struct flow_reader *r)
{
	enum meter_side client = r->client;

	r->asked_tunnel = false;
	if (r->sides[client].step != STEP_WAIT)
		return;
	side_step(r, client, STEP_HTTP);
	side_again(r, client);
}

/* The head has ended: whether its side goes on with HTTP. */
static bool head_end(struct flow_reader *r, enum meter_side side)
{
	struct side *s = &r->sides[side];
	struct http *h = s->http;

	if ((uint8_t)side == r->client) {
		if (r->asked_tunnel)
			side_step(r, side, STEP_WAIT);
		else
			body_start(r, s, true);
		return !r->asked_tunnel;
	}
	if (r->asked_tunnel && h->status >= 200 && h->status < 300) {
		reader_carry(r, FLOW_TRAIT_CONNECT, false);
		return false;
	}
	if (h->status == STATUS_SWITCHED) {
		bool websocket = h->websocket;

		reader_note(r, FLOW_TRAIT_UPGRADED);
		reader_carry(r, websocket ? FLOW_TRAIT_WEBSOCKET : FLOW_TRAIT_UPGRADED, websocket);
		return false;
	}
	if (r->asked_tunnel && h->status >= 200)
		tunnel_refused(r);
	body_start(r, s, false);
	return true;
}

/* A line of a head, of a chunk's size, or behind the last chunk: whether its side goes on. */
static bool take_line(struct flow_reader *r, enum meter_side side)
{
	struct http *h = r->sides[side].http;
	bool empty = !h->line_size;

	if (h->where == HTTP_SIZE && !empty) {
		h->left = read_number(h->line, h->line_size, 16);
		h->where = h->left ? HTTP_CHUNK : HTTP_TRAILER;
	} else if (h->where == HTTP_TRAILER && empty) {
		head_start(h);
	} else if (h->where == HTTP_HEAD && h->first_line && !empty) {
		take_first_line(r, h, (uint8_t)side == r->client);
	} else if (h->where == HTTP_HEAD && !h->first_line) {
		if (empty)
			return head_end(r, side);
		take_field(h);
	}
	h->line_size = 0;
	return true;
}

static size_t line_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			size_t size)
{
	struct http *h = r->sides[side].http;
	const uint8_t *end = memchr(data, '\n', size);
	size_t used = end ? (size_t)(end - data) : size;
	size_t room = (size_t)(HTTP_LINE_MAX - h->line_size);

	memcpy(h->line + h->line_size, data, used < room ? used : room);
	h->line_size = (uint8_t)(h->line_size + (used < room ? used : room));
	if (!end)
		return used;
	if (h->line_size && h->line[h->line_size - 1] == '\r')
		h->line_size--;
	take_line(r, side);
	return used + 1;
}

/* Bytes of a body that came together. */
static void body_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	struct http *h = s->http;

	/* a message, or an event stream; also where a new turn begins in the middle */
	if (h->body_first || r->turn)
		h->lines |= *data && strchr(h->body_first ? "{[dei:" : "{[", *data);
	h->body_first = false;
	if (!h->lines)
		return;
	lines_read(r, side, data, size);
	if (s->line_begun && !s->has_line)
		h->lines = false;
}

static bool in_body(const struct http *h)
{
	return h->where == HTTP_BODY || h->where == HTTP_CHUNK || h->where == HTTP_ENDLESS;
}

static size_t content_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			   size_t size)
{
	struct http *h = r->sides[side].http;

	if (h->where == HTTP_ENDLESS) {
		body_read(r, side, data, size);
		return size;
	}
	if (size > h->left)
		size = (size_t)h->left;
	body_read(r, side, data, size);
	h->left -= size;
	if (!h->left && h->where == HTTP_CHUNK)
		h->where = HTTP_SIZE;
	else if (!h->left)
		head_start(h);
	return size;
}

/* An answer begins anew where its last one's end was not understood. */
static bool answers_anew(const struct flow_reader *r, enum meter_side side, const uint8_t *data,
			 size_t size)
{
	return r->turn && (uint8_t)side != r->client && size >= 7 &&
	       memcmp(data, "HTTP/1.", 7) == 0;
}

/* In place of a head: who spoke HTTP to be taken for it. */
static bool begins_message(const struct http *h, uint8_t c)
{
	return h->where == HTTP_HEAD && h->first_line && !h->line_size && (c == '{' || c == '[');
}

size_t http_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];

	if (!s->http) {
		s->http = malloc(sizeof(*s->http));
		if (!s->http) {
			side_step(r, side, STEP_DULL);
			return 0;
		}
		head_start(s->http);
	}
	if (begins_message(s->http, *data)) {
		side_step(r, side, STEP_PLAIN);
		return 0;
	}
	if (in_body(s->http) && answers_anew(r, side, data, size))
		head_start(s->http);
	return in_body(s->http) ? content_read(r, side, data, size)
				: line_read(r, side, data, size);
}

bool http_missed(struct side *s, uint64_t size)
{
	struct http *h = s->http;

	if (!h || !in_body(h))
		return false;
	if (h->where != HTTP_ENDLESS && size >= h->left)
		return false;
	h->left -= h->where == HTTP_ENDLESS ? 0 : size;
	h->lines = false;
	lines_start(s);
	free(take_ptr(s->rpc));
	return true;
}
