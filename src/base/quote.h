/* SPDX-License-Identifier: Apache-2.0 */
/* A command line as one line that a shell would read back as the same words. */
#ifndef WEIR_BASE_QUOTE_H
#define WEIR_BASE_QUOTE_H

#include "base/buf.h"

void quote_add_word(const char *word, struct buf *out);
void quote_add_words(char *const *words, struct buf *out); /* NULL-terminated */

#endif
