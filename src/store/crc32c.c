// SPDX-License-Identifier: Apache-2.0
/* CRC-32C; see crc32c.h. The processor's instruction where it has one (SSE 4.2), else one bit at a
 * time of the reflected polynomial 0x82f63b78. Pure; owns nothing. */
#include "store/crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u

static uint32_t by_bits(uint32_t crc, const unsigned char *p, size_t size)
{
	while (size--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const unsigned char *p, size_t size)
{
	uint64_t wide = crc;

	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), p += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (size--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_instruction(~crc, data, size);
#endif
	return ~by_bits(~crc, data, size);
}
