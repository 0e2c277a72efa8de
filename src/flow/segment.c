// SPDX-License-Identifier: Apache-2.0
/* See segment.h. Owns nothing. */
#include "flow/segment.h"

#define HEADER 20

bool segment_read(struct octets payload, struct segment *ret)
{
	const uint8_t *h = payload.data;
	size_t head, there;

	if (payload.there < HEADER)
		return false;
	head = (size_t)(h[12] >> 4) * 4;
	if (head < HEADER || head > payload.size)
		return false;
	there = head < payload.there ? head : payload.there;
	*ret = (struct segment){
		.from_port = read16(h, true),
		.to_port = read16(h + 2, true),
		.sequence = read32(h + 4, true),
		.acknowledged = read32(h + 8, true),
		.flags = h[13],
		.data = { h + there, payload.there - there, payload.size - head },
	};
	return true;
}
