/* SPDX-License-Identifier: Apache-2.0 */
/* Times and counts as a person says them. */
#ifndef WEIR_BASE_WORDS_H
#define WEIR_BASE_WORDS_H

#include <stdint.h>

#include "base/buf.h"

void duration_words(uint64_t ns, struct buf *out); /* "0.12 s", "3 min 20 s" */
void count_words(uint64_t n, struct buf *out);	   /* "12,345" */
void bytes_words(uint64_t n, struct buf *out);	   /* "312 B", "1.2 kB", "80 MB": powers of 1000 */
/* "1 process", "2 processes": the plural is given. */
void plural_words(uint64_t n, const char *one, const char *many, struct buf *out);
/* Columns that the text takes; wide characters count as one. */
size_t text_columns(const char *text);

#endif
