/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that stand for names inside a sandbox, written once: whoever gives them out and
 * whoever shows them has them from here. RFC 2544 (198.18.0.0/15), RFC 4193. */
#ifndef WEIR_BASE_STAND_IN_H
#define WEIR_BASE_STAND_IN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 198.18.0.1 + index, IPv4-mapped, or fd77:6569:72::1 + index, in network byte order. */
static inline void stand_in_address(uint32_t index, bool v6, uint8_t ret[16])
{
	static const uint8_t first[2][16] = {
		{ [10] = 0xff, [11] = 0xff, [12] = 198, [13] = 18 },
		{ 0xfd, 0x77, 0x65, 0x69, 0x00, 0x72 },
	};
	uint32_t number = index + 1;

	memcpy(ret, first[v6], 16);
	for (int at = 15; at > 12; at--, number >>= 8) /* no index needs more than 17 bits */
		ret[at] = (uint8_t)(ret[at] + number);
}

#endif
