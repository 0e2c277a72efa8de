// SPDX-License-Identifier: Apache-2.0
/* WebSocket frames (RFC 6455 5.2): where each ends, without its mask. Messages that are compressed
 * (RFC 7692) are passed over. Trusts no byte; a length of 2^63 is one to pass over. */
#include <string.h>

#include "flow/reader_part.h"

enum {
	OPCODE_TEXT = 1,
	OPCODE_BINARY = 2,
	OPCODE_CONTROL = 8,
	OPCODE_LAST = 10,
	HEAD_FIN = 0x80,
	HEAD_COMPRESSED = 0x40,
	HEAD_RESERVED = 0x30,
	HEAD_MASKED = 0x80,
};

#define PIECE 512 /* bytes that are unmasked at once */
#define TEXT_LOOKED_AT 8
#define DULL_PIECE 16 /* bytes of a frame that are looked at where nothing is followed */

/* Bytes of the head, as far as what there is of it tells. */
static size_t head_needs(const uint8_t *head, size_t size)
{
	size_t length;

	if (size < 2)
		return 2;
	length = head[1] & 0x7f;
	return 2u + (length == 126 ? 2u : 0) + (length == 127 ? 8u : 0) +
	       (head[1] & HEAD_MASKED ? 4u : 0);
}

static uint64_t head_length(const uint8_t *head)
{
	unsigned length = head[1] & 0x7f, bytes = length == 126 ? 2 : 8;
	uint64_t n = 0;

	if (length < 126)
		return length;
	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | head[2 + i];
	return n;
}

static const uint8_t *head_mask(const uint8_t *head)
{
	return head + head_needs(head, 2) - 4;
}

static bool head_is(const uint8_t *head, bool masked)
{
	unsigned opcode = head[0] & 0x0f;

	return !(head[0] & HEAD_RESERVED) && !!(head[1] & HEAD_MASKED) == masked &&
	       opcode <= OPCODE_LAST && (opcode <= OPCODE_BINARY || opcode >= OPCODE_CONTROL);
}

/* What it begins with is: text of other letters is told by how many frames fit. */
static bool is_text(const uint8_t *head, size_t needs, uint64_t length)
{
	bool masked = head[1] & HEAD_MASKED;

	if (head[0] != (HEAD_FIN | OPCODE_TEXT) || length < 2)
		return false;
	for (size_t i = 0; i < length && i < TEXT_LOOKED_AT; i++) {
		uint8_t c = masked ? head[needs + i] ^ head_mask(head)[i % 4] : head[needs + i];

		if (c < ' ' || c > '~')
			return false;
	}
	return true;
}

bool frames_fit(const uint8_t *data, size_t there, size_t size, bool masked, bool *ret_text)
{
	*ret_text = false;
	for (bool first = true; size; first = false) {
		size_t needs = head_needs(data, there), next;
		uint64_t length;

		if (there < needs || !head_is(data, masked) || !(data[0] & 0x0f))
			return false;
		length = head_length(data);
		if (length > size - needs)
			return false;
		*ret_text |= first && length <= there - needs && is_text(data, needs, length);
		next = needs + (size_t)length;
		size -= next;
		next = next < there ? next : there;
		data += next;
		there -= next;
	}
	return true;
}

static void head_read(struct side *s, uint8_t byte)
{
	struct frame *f = s->frame;
	unsigned opcode;

	f->head[f->head_size++] = byte;
	if (f->head_size < head_needs(f->head, f->head_size))
		return;
	f->left = head_length(f->head);
	f->mask_at = 0;
	opcode = f->head[0] & 0x0f;
	if (opcode == OPCODE_TEXT || opcode == OPCODE_BINARY)
		f->compressed = f->head[0] & (HEAD_COMPRESSED | HEAD_RESERVED);
	if (opcode == OPCODE_TEXT && !s->rpc)
		s->line_begun = false;
	f->passed_over = f->compressed || opcode >= OPCODE_CONTROL;
	if (!f->left)
		f->head_size = 0;
}

static void payload_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			 size_t size, bool begins)
{
	struct frame *f = r->sides[side].frame;
	bool masked = f->head[1] & HEAD_MASKED;
	const uint8_t *mask = head_mask(f->head);
	uint8_t piece[PIECE];
	size_t n;

	for (size_t at = 0; at < size && r->sides[side].frame == f; at += n) {
		n = size - at < PIECE ? size - at : PIECE;
		if (r->sides[side].step == STEP_DULL && (at || !begins))
			return;
		if (r->sides[side].step == STEP_DULL && n > DULL_PIECE)
			n = DULL_PIECE;
		for (size_t i = 0; i < n; i++)
			piece[i] = masked ? data[at + i] ^ mask[(f->mask_at + at + i) % 4]
					  : data[at + i];
		side_read(r, side, piece, n);
	}
}

static size_t frame_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			 size_t size)
{
	struct frame *f = r->sides[side].frame;
	bool begins = f->left == head_length(f->head);

	if (size > f->left)
		size = (size_t)f->left;
	if (!f->passed_over)
		payload_read(r, side, data, size, begins);
	f->mask_at = (uint8_t)((f->mask_at + size) % 4);
	f->left -= size;
	if (!f->left)
		f->head_size = 0;
	return size;
}

void frames_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	bool text;

	if (s->frame->lost && !frames_fit(data, size, r->said, (uint8_t)side == r->client, &text))
		return;
	s->frame->lost = false;
	while (size) {
		size_t used = 1;

		if (s->frame->left)
			used = frame_read(r, side, data, size);
		else
			head_read(s, *data);
		data += used;
		size -= used;
	}
}

void frames_missed(struct side *s, uint64_t size)
{
	struct frame *f = s->frame;

	if (size < f->left) {
		f->mask_at = (uint8_t)((f->mask_at + size) % 4);
		f->left -= size;
		return;
	}
	f->lost = size > f->left || !f->left;
	f->left = 0;
	f->head_size = 0;
}
