/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a file, or of a pipe, one after another through one buffer. */
#ifndef WEIR_CAPTURE_SOURCE_H
#define WEIR_CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define SOURCE_PEEK_MAX (2u * 1024 * 1024)

struct source {
	int fd;
	const char *name; /* for messages; borrowed */
	uint8_t *data;
	size_t room;
	size_t begin, end; /* of what is in data and not yet taken */
	uint64_t offset;   /* of begin, in the file */
	int error;	   /* errno value of a read that failed */
};

/* "-" is standard input. */
int source_open(struct source *s, const char *path, struct fail *f);
void source_close(struct source *s);
/* The next size bytes, SOURCE_PEEK_MAX at most, borrowed until the next call; NULL where the file
 * ends before, *ret_left of which are there. */
const uint8_t *source_peek(struct source *s, size_t size, size_t *ret_left);
/* False: the file ended before. */
bool source_skip(struct source *s, uint64_t size);

#endif
