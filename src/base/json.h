/* SPDX-License-Identifier: Apache-2.0 */
/* A streaming JSON writer on a struct buf. No tree is built; commas and nesting are kept by the
 * writer. Strings may hold any bytes: what is not valid UTF-8 is written as \u00XX per byte, so the
 * output is always valid JSON. Errors are the buffer's sticky error. Nesting is at most
 * JSON_DEPTH_MAX. */
#ifndef WEIR_BASE_JSON_H
#define WEIR_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_DEPTH_MAX 32

struct json {
	struct buf *out;
	int depth;
	bool comma[JSON_DEPTH_MAX];
	bool after_key;
};

void json_init(struct json *j, struct buf *out);
/* libjansson exports functions of these four names; the symbols differ so that one program may link
 * both. No file includes both headers. */
void json_object(struct json *j) __asm__("weir_json_object");
void json_object_end(struct json *j);
void json_array(struct json *j) __asm__("weir_json_array");
void json_array_end(struct json *j);
void json_key(struct json *j, const char *key);
/* NULL writes null */
void json_string(struct json *j, const char *text) __asm__("weir_json_string");
void json_bytes(struct json *j, const char *bytes, size_t size);
void json_int(struct json *j, int64_t n);
void json_uint(struct json *j, uint64_t n);
void json_bool(struct json *j, bool b);
void json_double(struct json *j, double d);
void json_null(struct json *j) __asm__("weir_json_null");
/* Writes `text`, which must be one valid JSON value, as it is. */
void json_raw(struct json *j, const char *text, size_t size);

/* key and value in one call */
void json_field_string(struct json *j, const char *key, const char *text);
void json_field_bytes(struct json *j, const char *key, const char *bytes, size_t size);
void json_field_int(struct json *j, const char *key, int64_t n);
void json_field_uint(struct json *j, const char *key, uint64_t n);
void json_field_bool(struct json *j, const char *key, bool b);
/* RFC 3339; null for 0. */
void json_field_time(struct json *j, const char *key, uint64_t wall_ns);
void json_field_null(struct json *j, const char *key);

#endif
