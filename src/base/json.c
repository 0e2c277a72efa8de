// SPDX-License-Identifier: Apache-2.0
/* Streaming JSON writer; see json.h. Trusts keys (ours), never values. RFC 8259 for the escapes. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text_escape.h"

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void separate(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->comma[j->depth])
		buf_add_char(j->out, ',');
	j->comma[j->depth] = true;
}

static void open_level(struct json *j, char bracket)
{
	separate(j);
	buf_add_char(j->out, bracket);
	if (j->depth + 1 >= JSON_DEPTH_MAX) {
		j->out->error = -ENOBUFS;
		return;
	}
	j->comma[++j->depth] = false;
}

static void close_level(struct json *j, char bracket)
{
	if (j->depth > 0)
		j->depth--;
	buf_add_char(j->out, bracket);
}

void json_object(struct json *j)
{
	open_level(j, '{');
}

void json_object_end(struct json *j)
{
	close_level(j, '}');
}

void json_array(struct json *j)
{
	open_level(j, '[');
}

void json_array_end(struct json *j)
{
	close_level(j, ']');
}

static void escape_char(struct buf *out, unsigned char c)
{
	static const char short_form[256] = {
		['"'] = '"',  ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r',
		['\t'] = 't', ['\b'] = 'b',  ['\f'] = 'f',
	};

	if (short_form[c])
		buf_printf(out, "\\%c", short_form[c]);
	else
		buf_printf(out, "\\u%04x", c);
}

void json_bytes(struct json *j, const char *bytes, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t start = 0, i = 0;

	separate(j);
	buf_add_char(j->out, '"');
	while (i < size) {
		size_t n = utf8_length(p + i, size - i);

		if (n > 1 ||
		    (n == 1 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f)) {
			i += n;
			continue;
		}
		buf_add(j->out, bytes + start, i - start);
		escape_char(j->out, p[i]);
		start = ++i;
	}
	buf_add(j->out, bytes + start, i - start);
	buf_add_char(j->out, '"');
}

void json_string(struct json *j, const char *text)
{
	if (text)
		json_bytes(j, text, strlen(text));
	else
		json_null(j);
}

void json_key(struct json *j, const char *key)
{
	json_string(j, key);
	buf_add_char(j->out, ':');
	j->after_key = true;
}

void json_int(struct json *j, int64_t n)
{
	separate(j);
	buf_printf(j->out, "%lld", (long long)n);
}

void json_uint(struct json *j, uint64_t n)
{
	separate(j);
	buf_printf(j->out, "%llu", (unsigned long long)n);
}

void json_bool(struct json *j, bool b)
{
	separate(j);
	buf_add_text(j->out, b ? "true" : "false");
}

void json_double(struct json *j, double d)
{
	separate(j);
	if (isfinite(d))
		buf_printf(j->out, "%.9g", d);
	else
		buf_add_text(j->out, "null");
}

void json_null(struct json *j)
{
	separate(j);
	buf_add_text(j->out, "null");
}

void json_raw(struct json *j, const char *text, size_t size)
{
	separate(j);
	buf_add(j->out, text, size);
}

void json_field_string(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	json_string(j, text);
}

void json_field_bytes(struct json *j, const char *key, const char *bytes, size_t size)
{
	json_key(j, key);
	json_bytes(j, bytes, size);
}

void json_field_int(struct json *j, const char *key, int64_t n)
{
	json_key(j, key);
	json_int(j, n);
}

void json_field_uint(struct json *j, const char *key, uint64_t n)
{
	json_key(j, key);
	json_uint(j, n);
}

void json_field_bool(struct json *j, const char *key, bool b)
{
	json_key(j, key);
	json_bool(j, b);
}

void json_field_null(struct json *j, const char *key)
{
	json_key(j, key);
	json_null(j);
}

void json_field_time(struct json *j, const char *key, uint64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];

	json_field_string(j, key, wall_ns ? clock_format(wall_ns, text) : NULL);
}
