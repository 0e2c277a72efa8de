/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a mandatory maximum. Always NUL-terminated behind the last byte. A
 * write that would pass the maximum, or that finds no memory, sets `error` and is dropped whole;
 * later writes are dropped too, so one check at the end is enough. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* never NULL after the first write; owned */
	size_t size;
	size_t room;
	size_t max;
	int error; /* 0, -ENOBUFS (maximum reached) or -ENOMEM; sticky */
};

/* max: bytes this buffer may hold, not counting the NUL. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory, clears the error */
int buf_add(struct buf *b, const void *data, size_t size);
int buf_add_text(struct buf *b, const char *text);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* Makes room for `size` more bytes and returns where they go, or NULL; buf_commit() counts them in.
 */
void *buf_reserve(struct buf *b, size_t size);
void buf_commit(struct buf *b, size_t size);
/* The text, "" when nothing was written. */
const char *buf_text(const struct buf *b);

#define cleanup_buf __attribute__((__cleanup__(buf_free)))

#endif
