// SPDX-License-Identifier: Apache-2.0
/* A record that a stranger hands us. The input is read twice: as the bytes of a segment, and as a
 * kind and a payload, which get a header and a right checksum so that everything behind the
 * checksum is reached: decoding, the tally, and both forms for people. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/frame_json.h"
#include "store/segment.h"
#include "store/tally.h"

#define OUTPUT_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An 8-byte aligned copy, as a cursor's buffer is. */
static void *copy(const uint8_t *data, size_t size, size_t room)
{
	void *bytes = calloc(1, room ? room : 1);

	assert(bytes);
	if (size)
		memcpy(bytes, data, size);
	return bytes;
}

static void read_segment(const uint8_t *data, size_t size)
{
	char *bytes = copy(data, size, size);
	size_t at = sizeof(struct segment_header), need;
	struct fail f;
	uint64_t seq;
	long n = 1;

	if (size >= at && segment_header_check((struct segment_header *)bytes, NULL, 1, &f) == 0)
		for (seq = ((struct segment_header *)bytes)->first_seq; n > 0; seq++) {
			n = frame_check(bytes + at, size - at, seq, &need);
			assert(n <= (long)(size - at));
			at += n > 0 ? (size_t)n : 0;
		}
	free(bytes);
}

static void show(const struct frame_header *h)
{
	const struct frame frame = { .seq = h->seq,
				     .wall_ns = h->wall_ns,
				     .kind = h->kind,
				     .data = h + 1,
				     .size = h->size - sizeof(*h) };
	cleanup_buf struct buf text = { .max = OUTPUT_MAX }, json = { .max = OUTPUT_MAX };
	struct frame_view v;
	struct json j;

	if (frame_view_make("0123456789abcdef", &frame, NULL, &v) < 0)
		return;
	json_init(&j, &json);
	frame_json(&j, &v);
	frame_text(&text, &v);
	assert(!json.error && !text.error && j.depth == 0);
	for (size_t i = 0; i < text.size; i++)
		assert((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f);
	frame_view_free(&v);
}

static void read_frame(const uint8_t *data, size_t size)
{
	size_t whole = sizeof(struct frame_header) + size - 1, need;
	struct frame_header *h = calloc(1, frame_padded(whole));
	cleanup_frame_body struct frame_body body = { 0 };
	struct tally t;

	assert(h);
	h->kind = data[0] % EVENT_KIND_COUNT;
	if (size > 1)
		memcpy(h + 1, data + 1, size - 1);
	frame_seal(h, (uint32_t)whole, 1);
	assert(frame_check(h, frame_padded(whole), 1, &need) == (long)frame_padded(whole));
	show(h);
	tally_init(&t);
	if (frame_body_decode(h->kind, h + 1, size - 1, &body) == 0 &&
	    frame_body_call(&body) < 1000)
		tally_add(&t, h, (struct segment_position){ 1, 64 }, &body);
	tally_lost(&t);
	tally_free(&t);
	free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_segment(data, size);
	if (size && size < FRAME_SIZE_MAX - sizeof(struct frame_header))
		read_frame(data, size);
	return 0;
}
