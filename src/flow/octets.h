/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as they were seen, and numbers in them. */
#ifndef WEIR_FLOW_OCTETS_H
#define WEIR_FLOW_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of which not all may have been captured. */
struct octets {
	const uint8_t *data;
	size_t there, size; /* there is at most size */
};

static inline uint16_t read16(const uint8_t *p, bool big)
{
	return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static inline uint32_t read32(const uint8_t *p, bool big)
{
	uint32_t first = read16(p, big), second = read16(p + 2, big);

	return big ? first << 16 | second : second << 16 | first;
}

#endif
