// SPDX-License-Identifier: Apache-2.0
/* SHA-1 as FIPS 180-4 section 6.1 says it; see sha1.h. Owns nothing. */
#include "base/sha1.h"

#include <assert.h>
#include <string.h>

#define BLOCK 64

static uint32_t rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static uint32_t mixed(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round / 20) {
	case 0:
		return ((b & c) | (~b & d)) + 0x5a827999;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1;
	case 2:
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	default:
		return (b ^ c ^ d) + 0xca62c1d6;
	}
}

static void add_block(uint32_t state[5], const uint8_t *block)
{
	uint32_t w[80], s[5];

	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
		       (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
	for (unsigned i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, state, sizeof(s));
	for (unsigned i = 0; i < 80; i++) {
		uint32_t next = rotate(s[0], 5) + mixed(i, s[1], s[2], s[3]) + s[4] + w[i];

		s[4] = s[3];
		s[3] = s[2];
		s[2] = rotate(s[1], 30);
		s[1] = s[0];
		s[0] = next;
	}
	for (unsigned i = 0; i < 5; i++)
		state[i] += s[i];
}

void sha1_short(const void *message, size_t size, uint8_t digest[SHA1_BYTES])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t padded[2 * BLOCK] = { 0 };
	size_t total = size + 9 <= BLOCK ? BLOCK : 2 * BLOCK;

	assert(size <= SHA1_MESSAGE_MAX);
	memcpy(padded, message, size);
	padded[size] = 0x80;
	padded[total - 2] = (uint8_t)(size * 8 >> 8);
	padded[total - 1] = (uint8_t)(size * 8);
	for (size_t at = 0; at < total; at += BLOCK)
		add_block(state, padded + at);
	for (unsigned i = 0; i < SHA1_BYTES; i++)
		digest[i] = (uint8_t)(state[i / 4] >> (24 - i % 4 * 8));
}
