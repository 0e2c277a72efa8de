/* SPDX-License-Identifier: Apache-2.0 */
/* A file format, one const struct each; for the readers of this room. */
#ifndef WEIR_CAPTURE_FORMAT_H
#define WEIR_CAPTURE_FORMAT_H

#include <stdbool.h>

#include "capture/file.h"
#include "capture/source.h"
#include "flow/octets.h"

struct capture_format {
	bool (*is)(const uint8_t first[4]);
	/* As capture_file_open() and _next(); state is the format's own, freed by close. */
	int (*open)(struct source *s, void **ret_state, struct fail *f);
	int (*next)(struct source *s, void *state, struct packet *ret, struct fail *f);
	void (*close)(void *state);
};

extern const struct capture_format capture_pcap, capture_pcapng;

/* The file ends with `left` bytes of a thing that is longer, or could not be read. */
int source_ended(const struct source *s, size_t left, const char *what, struct fail *f);

#endif
