// SPDX-License-Identifier: Apache-2.0
/* Lists of counts; see counts.h. Zeros at the end are not written. */
#include "store/counts.h"

size_t counts_encode(const uint64_t *counts, size_t n, unsigned char *out)
{
	size_t at = 0;

	while (n && !counts[n - 1])
		n--;
	for (size_t i = 0; i < n; i++) {
		uint64_t left = counts[i];

		for (; left >= 0x80; left >>= 7)
			out[at++] = (unsigned char)(left | 0x80);
		out[at++] = (unsigned char)left;
	}
	return at;
}

void counts_decode(const void *data, size_t size, uint64_t *counts, size_t n)
{
	const unsigned char *p = data;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		counts[i] = 0;
		for (unsigned shift = 0; at < size && shift < 64; shift += 7) {
			counts[i] |= (uint64_t)(p[at] & 0x7f) << shift;
			if (!(p[at++] & 0x80))
				break;
		}
	}
}
