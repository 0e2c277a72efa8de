/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a call, which are JSON text that an agent wrote. */
#ifndef WEIR_REPORT_ARGUMENTS_H
#define WEIR_REPORT_ARGUMENTS_H

#include <stdbool.h>

#include "base/buf.h"

/* Whether text is one JSON value, so that it may stand in JSON as it is. */
bool arguments_are_json(const char *text);
/* What a person recognises the call by: the command, the path, or the text as it is; escaped, on
 * one line, cut to width columns. NULL prints nothing. */
void arguments_words(const char *text, size_t width, struct buf *out);

#endif
