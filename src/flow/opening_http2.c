// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 with prior knowledge: the preface, and the first HEADERS with its CONTINUATIONs (RFC 9113
 * 3.4, 4.1, 6.2). A client that waits for the server's SETTINGS before its first request names no
 * host in time, and does not pass where one is asked for. */
#include <string.h>

#include "flow/opening_hpack.h"
#include "flow/opening_kind.h"

#define FRAME_HEAD 9
#define FRAME_MAX 16384 /* until the server allows more, RFC 9113 4.2 */

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	CONTINUATION = 9
};
enum { END_HEADERS = 0x4, PADDED = 0x8, WITH_PRIORITY = 0x20 };

struct frame {
	uint8_t type, flags;
	uint32_t stream;
	struct opening_bytes payload;
};

static enum opening_claim next_frame(struct opening_bytes *b, struct frame *ret)
{
	const uint8_t *p = b->data;
	size_t size;

	if (b->size < FRAME_HEAD)
		return OPENING_GOES_ON;
	size = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
	if (size > FRAME_MAX)
		return OPENING_WRONG;
	if (b->size < FRAME_HEAD + size)
		return OPENING_GOES_ON;
	*ret = (struct frame){
		.type = p[3],
		.flags = p[4],
		.stream = (p[5] & 0x7fu) << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8],
		.payload = { p + FRAME_HEAD, size },
	};
	b->data += FRAME_HEAD + size;
	b->size -= FRAME_HEAD + size;
	return OPENING_WHOLE;
}

/* Takes padding and priority off a HEADERS frame. */
static bool strip(struct frame *f)
{
	size_t before = 0, after = 0;

	if (f->flags & PADDED) {
		if (!f->payload.size)
			return false;
		before = 1;
		after = f->payload.data[0];
	}
	before += f->flags & WITH_PRIORITY ? 5 : 0;
	if (before + after > f->payload.size)
		return false;
	f->payload.data += before;
	f->payload.size -= before + after;
	return true;
}

/* What may come before the first request. */
static bool may_precede(const struct frame *f, size_t n)
{
	if (n == 0)
		return f->type == SETTINGS && !f->stream && !(f->flags & 1);
	switch (f->type) {
	case DATA:
	case RST_STREAM:
	case PUSH_PROMISE:
	case GOAWAY:
	case CONTINUATION:
		return false;
	}
	return true;
}

/* The first request's header block, put together. */
static enum opening_claim read_block(struct opening_bytes b, uint8_t *block, size_t *ret_size)
{
	struct frame f = { .type = 0 };
	uint32_t stream = 0;
	size_t size = 0;

	for (size_t n = 0; !(stream && f.flags & END_HEADERS); n++) {
		enum opening_claim claim = next_frame(&b, &f);

		if (claim != OPENING_WHOLE)
			return claim;
		if (stream ? f.type != CONTINUATION || f.stream != stream : !may_precede(&f, n))
			return OPENING_WRONG;
		if (f.type == HEADERS) {
			if (!f.stream || !strip(&f))
				return OPENING_WRONG;
			stream = f.stream;
		}
		if (!stream)
			continue;
		memcpy(block + size, f.payload.data, f.payload.size);
		size += f.payload.size;
	}
	*ret_size = size;
	return OPENING_WHOLE;
}

struct request {
	struct opening *opening;
	struct opening host;
	unsigned count[HPACK_NAME_COUNT];
	bool wrong;
};

static void take_field(void *context, enum hpack_name name, const char *value, size_t size)
{
	struct request *r = context;
	const struct opening_bytes b = { (const uint8_t *)value, size };

	r->wrong |= name != HPACK_OTHER && r->count[name];
	r->count[name]++;
	if (name == HPACK_AUTHORITY)
		opening_authority(r->opening, b);
	else if (name == HPACK_HOST)
		opening_authority(&r->host, b);
	else if (name == HPACK_METHOD)
		r->opening->tunnel = opening_is(b, "CONNECT");
}

static enum opening_claim read_http2(struct opening_bytes b, struct opening *ret)
{
	uint8_t block[OPENING_MAX];
	struct request r = { .opening = ret };
	enum opening_claim claim = opening_begins(b, HTTP2_PREFACE);
	size_t size = 0;

	if (claim != OPENING_WHOLE)
		return claim;
	b.data += strlen(HTTP2_PREFACE);
	b.size -= strlen(HTTP2_PREFACE);
	opening_detail(ret, "HTTP/2", NULL, 0);
	claim = read_block(b, block, &size);
	if (claim != OPENING_WHOLE)
		return claim;
	if (hpack_read(block, size, take_field, &r) < 0 || r.wrong || r.count[HPACK_METHOD] != 1)
		return OPENING_WRONG;
	if (!r.host.has_name)
		return OPENING_WHOLE;
	if (ret->has_name)
		return strcmp(ret->name, r.host.name) == 0 ? OPENING_WHOLE : OPENING_WRONG;
	ret->has_name = true;
	memcpy(ret->name, r.host.name, sizeof(ret->name));
	return OPENING_WHOLE;
}

const struct opening_kind opening_http2 = {
	.protocol = PROTOCOL_HTTP,
	.names_host = true,
	.read = read_http2,
};
