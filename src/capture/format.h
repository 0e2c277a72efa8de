/* SPDX-License-Identifier: Apache-2.0 */
/* A file format, one const struct each; for the readers of this room. */
#ifndef WEIR_CAPTURE_FORMAT_H
#define WEIR_CAPTURE_FORMAT_H

#include <stdbool.h>

#include "capture/file.h"
#include "capture/source.h"

struct capture_format {
	bool (*is)(const uint8_t first[4]);
	/* As capture_file_open() and _next(); state is the format's own, freed by close. */
	int (*open)(struct source *s, void **ret_state, struct fail *f);
	int (*next)(struct source *s, void *state, struct packet *ret, struct fail *f);
	void (*close)(void *state);
};

extern const struct capture_format capture_pcap, capture_pcapng;

static inline uint16_t read16(const uint8_t *p, bool big)
{
	return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static inline uint32_t read32(const uint8_t *p, bool big)
{
	uint32_t first = read16(p, big), second = read16(p + 2, big);

	return big ? first << 16 | second : second << 16 | first;
}

/* The file ends with `left` bytes of a thing that is longer, or could not be read. */
int source_ended(const struct source *s, size_t left, const char *what, struct fail *f);

#endif
