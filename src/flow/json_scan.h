/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON as it comes, a byte at a time: what was read is not kept, and nothing is allocated. As
 * strict as it must be to find each value's end; what is deeper than JSON_DEPTH_MAX is refused. */
#ifndef WEIR_FLOW_JSON_SCAN_H
#define WEIR_FLOW_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16
#define JSON_WORD_MAX 64 /* bytes of a string that are kept */

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL, JSON_LIST, JSON_OBJECT };

/* A string: its beginning, decoded (what is not ASCII is '?'), and what it is made of. */
struct json_word {
	char text[JSON_WORD_MAX];
	uint32_t size;	 /* of all of it */
	uint32_t digits; /* of all of it: hexadecimal ones */
};

enum json_result {
	JSON_MORE, /* it goes on */
	JSON_DONE, /* the outermost value has ended */
	JSON_NOT,  /* no JSON, or too deep */
};

struct json_scan {
	uint8_t state, depth, hex_left;
	uint8_t scalar; /* enum json_kind of what is being read */
	uint16_t code;	/* of an escape */
	uint32_t lists; /* bit by depth: a list, else an object */
	struct json_word word;
};

/* What is told of a value, where it begins (lists and objects) or has ended (the others): `depth`
 * lists and objects are around it, the nearest one a list or an object (in_list). */
struct json_visitor {
	void (*key)(void *context, unsigned depth, const struct json_word *key);
	/* word is NULL where it is no string. */
	void (*value)(void *context, unsigned depth, bool in_list, enum json_kind kind,
		      const struct json_word *word);
};

void json_scan_start(struct json_scan *s);
/* Reads on; *ret_used: bytes taken, which with JSON_DONE may be fewer than there are. The outermost
 * value is a list or an object. */
enum json_result json_scan(struct json_scan *s, const uint8_t *data, size_t size, size_t *ret_used,
			   const struct json_visitor *visitor, void *context);

#endif
