/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between hostile bytes and the JSON parser: a file is read in pieces, and refused at
 * the first byte that passes a limit or is not UTF-8, with its line, before a tree of it is built.
 * Also finds the line of a value by its path, which the parser forgets. */
#ifndef WEIR_TRACE_JSON_SCAN_H
#define WEIR_TRACE_JSON_SCAN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/fail.h"

struct json_limits {
	size_t bytes;  /* of the whole text */
	size_t string; /* of one string as written */
	size_t depth;  /* of nested objects and arrays */
};

/* Initialises `into`, which the caller frees, and fills it with what fd holds. `name` is for
 * messages. 0, -EFBIG, -EILSEQ, -ELOOP (too deep) or the error of read(2). */
int json_scan_fd(int fd, const char *name, const struct json_limits *limits, struct buf *into,
		 struct fail *f);
int json_scan_text(const char *text, size_t size, const char *name,
		   const struct json_limits *limits, struct fail *f);

/* One step of the way from the root to a value. A place lives on the stack of who walks the tree.
 */
struct json_place {
	const struct json_place *parent; /* NULL: the root, whose key and index mean nothing */
	const char *key;		 /* member name, or NULL: */
	size_t index;			 /* array element */
};

/* "steps[3].tool_calls[0].arguments"; "the root" where place has no parent. */
void json_place_print(const struct json_place *place, struct buf *out);
/* The line (from 1) on which the value at `place` begins in text, which is valid JSON; that of the
 * nearest parent found where the value is missing. */
size_t json_place_line(const char *text, size_t size, const struct json_place *place);

#endif
