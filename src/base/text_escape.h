/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent wrote must never reach a terminal, a log or a page as it is. */
#ifndef WEIR_BASE_TEXT_ESCAPE_H
#define WEIR_BASE_TEXT_ESCAPE_H

#include <stddef.h>

#include "base/buf.h"

/* Bytes of the valid UTF-8 sequence at p (1-4; overlong forms, surrogates and > U+10FFFF are
 * invalid), or 0. RFC 3629. */
size_t utf8_length(const unsigned char *p, size_t size);

/* Appends the bytes with every control character, DEL, C1 control, bidirectional or zero-width
 * format character and invalid byte shown as \n \t \e or \xNN / \u{NNNN}; a backslash is doubled.
 */
void text_escape(struct buf *out, const char *bytes, size_t size);

/* As text_escape, then cut to at most `width` columns with "…" at the end when something was cut.
 */
void text_escape_cut(struct buf *out, const char *bytes, size_t size, size_t width);

/* As text_escape_cut for text that should have been escaped before: what a terminal would obey is
 * escaped all the same, but a backslash is not doubled. */
void text_escape_again(struct buf *out, const char *text, size_t width);

/* Appends the bytes escaped for HTML text and attribute values; invalid bytes become U+FFFD. */
void text_escape_html(struct buf *out, const char *bytes, size_t size);

#endif
