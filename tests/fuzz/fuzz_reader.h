/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's reader, over inputs of pieces: a byte that says whose they are, how much later, and
 * how many bytes (0: two more say so, and the last of them are missing), then these. Whatever
 * comes: bounded memory, counts that agree, and traits that stay. */
#ifndef WEIR_TESTS_FUZZ_READER_H
#define WEIR_TESTS_FUZZ_READER_H

#include <assert.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check(const struct flow_reader *r, uint32_t *traits)
{
	const struct flow_signs *s = flow_reader_signs(r);

	assert((s->traits & *traits) == *traits && !(s->traits >> FLOW_TRAIT_COUNT));
	*traits = s->traits;
	assert(s->inner < PROTOCOL_COUNT && flow_reader_protocol(r) < PROTOCOL_COUNT);
	assert(flow_reader_memory(r) <= READER_SIZE_MAX);
	for (int i = INSIDE; i <= OUTSIDE; i++) {
		assert(s->answered[i] <= s->initiative[i][0]);
		assert(s->initiative[i][0] >= s->initiative[i][1] &&
		       s->initiative[i][1] >= s->initiative[i][2]);
	}
}

static inline void fuzz_reader(struct flow_reader *r, const uint8_t *data, size_t size)
{
	uint64_t now = 1000000000;
	uint32_t traits = 0;

	assert(r);
	while (size > 3) {
		size_t given = data[1] ? data[1] : (size_t)data[2] << 4, n;
		uint8_t *copy;

		n = given < size - 3 ? given : size - 3;
		copy = malloc(n ? n : 1); /* so that a read past its end is seen */
		assert(copy);
		memcpy(copy, data + 3, n);
		now += (uint64_t)(data[0] >> 1) * 50000000;
		flow_reader_take(r, data[0] & 1, now, copy, n,
				 data[1] ? n : n + (data[2] & 0x80 ? 77u : 0));
		free(copy);
		fuzz_check(r, &traits);
		flow_reader_news(r);
		data += 3 + n;
		size -= 3 + n;
	}
	flow_reader_free(r);
}

#endif
