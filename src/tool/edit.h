/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a text in memory, for weir-tool. Pure functions over two buffers. */
#ifndef WEIR_TOOL_EDIT_H
#define WEIR_TOOL_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/wire.h"

/* Every occurrence of `old` (which is not empty) in text becomes `new`, into out. Unless `all`, it
 * must be there exactly once. ret_count: how many. -ENOENT, -ENOTUNIQ (the text names the lines) or
 * -EFBIG. */
int edit_replace(struct bytes text, struct bytes old, struct bytes new, bool all, struct buf *out,
		 size_t *ret_count, struct fail *f);
/* `added` goes in after line `line` (0: at the top) and ends in a newline. -ERANGE past the last
 * line. */
int edit_insert(struct bytes text, uint64_t line, struct bytes added, struct buf *out,
		struct fail *f);
/* The lines from..to (from 0 or 1: the first; to 0: the last), numbered where asked. -ERANGE where
 * there is no line `from`. */
int edit_lines(struct bytes text, uint64_t from, uint64_t to, bool numbered, struct buf *out,
	       struct fail *f);

#endif
