// SPDX-License-Identifier: Apache-2.0
/* TCP segments and IP fragments in any order, with any overlap and loss. Each byte's value follows
 * from its place, so that what comes out is known: in order, without a byte moved, and in the end
 * nothing is held. Input: a stream of steps of five bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "flow/fragments.h"
#include "flow/stream.h"

#define SEGMENT_MAX 4096
#define TABLE_SIZE (65536 + 2 * SEGMENT_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes from any place on: two bytes of place tell them all, so that none is made twice. */
static const uint8_t *bytes_at(uint32_t place)
{
	static uint8_t table[TABLE_SIZE];

	/* the first one last: it says that all are there */
	for (uint32_t i = TABLE_SIZE; !table[0] && i-- > 0;)
		table[i] = (uint8_t)((i & 0xffff) * 2654435761u >> 24 | 1);
	return table + (place & 0xffff);
}

static void check(const uint8_t *data, uint32_t place, size_t size)
{
	assert((place & 0xffff) + size <= TABLE_SIZE);
	assert(!size || memcmp(data, bytes_at(place), size) == 0);
}

static void hear(void *context, struct octets o)
{
	uint32_t *place = context;

	assert(o.there <= o.size && (o.data || !o.there));
	check(o.data, *place, o.there);
	*place += (uint32_t)o.size;
}

static void segments(const uint8_t *data, size_t size)
{
	struct account a = { .limit = SIZE_MAX };
	struct stream s = { .known = false };
	uint32_t place = 0xfffff000; /* wraps soon */
	uint64_t now = 0;

	stream_begin(&s, place);
	for (; size >= 5; data += 5, size -= 5) {
		uint32_t at = s.next + (uint32_t)(int16_t)(data[1] << 8 | data[2]);
		size_t length = (size_t)(data[3] & 15) << 8 | data[4];

		now += (uint64_t)(data[0] >> 2) * (NSEC_PER_SEC / 16);
		if (data[0] & 1) {
			stream_acknowledged(&s, &a, now, at, hear, &place);
		} else {
			stream_add(&s, &a, now, at,
				   (struct octets){ bytes_at(at), data[0] & 2 ? length / 2 : length,
						    length },
				   hear, &place);
		}
		assert(place == s.next && s.pieces <= STREAM_PIECES_MAX + 1);
		assert(!s.first == !s.pieces && !s.first == !s.last);
	}
	stream_end(&s, &a, hear, &place);
	assert(a.used == 0 && s.waiting == 0 && !s.first);
}

static void fragments(const uint8_t *data, size_t size)
{
	struct account a = { .limit = SIZE_MAX };
	struct fragments *f = NULL;
	uint64_t now = 0;

	assert(fragments_new(&a, &f) == 0);
	for (; size >= 5; data += 5, size -= 5) {
		size_t length = (size_t)(data[3] & 15) << 8 | data[4];
		struct ip_packet p = { .four = true,
				       .protocol = 17,
				       .fragment = true,
				       .more = data[0] & 1,
				       .id = data[0] >> 1 & 3,
				       .at = (uint32_t)(data[1] << 8 | data[2]) * 8 % 8192,
				       .payload = { NULL, data[3] & 0x80 ? length / 3 : length,
						    length } };

		p.payload.data = bytes_at(p.at);
		now += (uint64_t)(data[0] >> 3) * (NSEC_PER_SEC / 8);
		if (fragments_add(f, now, &p)) {
			assert(!p.fragment && p.payload.there <= p.payload.size);
			check(p.payload.data, 0, p.payload.there);
		}
	}
	fragments_free(f);
	assert(a.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] & 0x80)
		fragments(data + 1, size - 1);
	else if (size)
		segments(data + 1, size - 1);
	return 0;
}
