/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded binary encoding shared by control messages, policies and record frames: little-endian
 * integers, and byte strings with a u32 length. A reader never reads past its end: the first short
 * or oversized field sets `error` and every later get returns zero or empty, so one check at the
 * end is enough. */
#ifndef WEIR_BASE_WIRE_H
#define WEIR_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct bytes {
	const char *data; /* borrowed; not NUL-terminated */
	size_t size;
};

void wire_put_u8(struct buf *b, uint8_t n);
void wire_put_u32(struct buf *b, uint32_t n);
void wire_put_u64(struct buf *b, uint64_t n);
void wire_put_bytes(struct buf *b, const void *data, size_t size);
void wire_put_text(struct buf *b, const char *text); /* NULL is written as empty */

struct wire {
	const unsigned char *at;
	size_t left;
	int error; /* 0 or -EBADMSG; sticky */
};

void wire_init(struct wire *w, const void *data, size_t size);
uint8_t wire_get_u8(struct wire *w);
uint32_t wire_get_u32(struct wire *w);
uint64_t wire_get_u64(struct wire *w);
/* At most max bytes, else error. Borrowed from the message. */
struct bytes wire_get_bytes(struct wire *w, size_t max);
/* A malloc'ed NUL-terminated copy of a byte string of at most max bytes without NUL inside, or NULL
 * with error set. */
char *wire_get_text(struct wire *w, size_t max);
/* 0 when everything was read without error and nothing is left, else -EBADMSG. */
int wire_end(const struct wire *w);

#endif
