/* SPDX-License-Identifier: Apache-2.0 */
/* Events, times and sizes as a person says them. Agent bytes come out escaped. */
#ifndef WEIR_REPORT_WORDS_H
#define WEIR_REPORT_WORDS_H

#include <stdint.h>

#include "base/buf.h"
#include "store/record.h"

/* One line without the time and the process: "connect to 203.0.113.18 port 443: refused
 * (ENETUNREACH)". */
void frame_words(const struct frame *frame, struct buf *out);
/* NUL-separated argv as one line, cut to width columns. */
void argv_words(const char *argv, size_t size, size_t width, struct buf *out);
void duration_words(uint64_t ns, struct buf *out); /* "0.12 s", "3 min 20 s" */
void count_words(uint64_t n, struct buf *out);	   /* "12,345" */
/* "1 process", "2 processes": the plural is given. */
void plural_words(uint64_t n, const char *one, const char *many, struct buf *out);
/* Columns that the text takes; wide characters count as one. */
size_t text_columns(const char *text);

#endif
