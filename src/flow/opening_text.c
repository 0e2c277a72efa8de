// SPDX-License-Identifier: Apache-2.0
/* What the readers of openings share: texts, lines, hosts and the words for people. Owns nothing,
 * trusts nothing. */
#include <string.h>
#include <strings.h>

#include "flow/opening_kind.h"

enum opening_claim opening_begins(struct opening_bytes b, const char *text)
{
	size_t size = strlen(text);

	if (memcmp(b.data, text, b.size < size ? b.size : size) != 0)
		return OPENING_NOT;
	return b.size < size ? OPENING_MAYBE : OPENING_WHOLE;
}

bool opening_line(struct opening_bytes b, struct opening_bytes *ret)
{
	const uint8_t *end = memchr(b.data, '\n', b.size);
	size_t size;

	if (!end)
		return false;
	size = (size_t)(end - b.data);
	if (size && b.data[size - 1] == '\r')
		size--;
	*ret = (struct opening_bytes){ b.data, size };
	return true;
}

bool opening_is(struct opening_bytes b, const char *text)
{
	return b.size == strlen(text) && strncasecmp((const char *)b.data, text, b.size) == 0;
}

bool opening_holds(struct opening_bytes b, const char *text)
{
	size_t size = strlen(text);

	for (size_t i = 0; i + size <= b.size; i++)
		if (strncasecmp((const char *)b.data + i, text, size) == 0)
			return true;
	return false;
}

void opening_name(struct opening *o, const void *name, size_t size)
{
	o->has_name = true;
	if (egress_name_clean(name, size, o->name) < 0)
		o->name[0] = '\0';
}

static bool is_port(const uint8_t *p, size_t size)
{
	unsigned port = 0;

	for (size_t i = 0; i < size; i++) {
		if (p[i] < '0' || p[i] > '9' || port > UINT16_MAX)
			return false;
		port = port * 10 + (p[i] - '0');
	}
	return port && port <= UINT16_MAX;
}

bool opening_authority(struct opening *o, struct opening_bytes b)
{
	bool bracket = b.size && b.data[0] == '[';
	const uint8_t *close = bracket ? memchr(b.data, ']', b.size) : b.data;
	const uint8_t *colon = close ? memchr(close, ':', b.size - (size_t)(close - b.data)) : NULL;
	size_t size = colon ? (size_t)(colon - b.data) : b.size;

	opening_name(o, b.data, size);
	if (bracket && (!close || close + 1 != b.data + size))
		return false;
	if (colon && !is_port(colon + 1, b.size - size - 1)) {
		o->name[0] = '\0';
		return false;
	}
	return bracket || o->name[0];
}

void opening_detail(struct opening *o, const char *text, const void *bytes, size_t size)
{
	size_t at = strlen(o->detail);
	const uint8_t *p = bytes;

	for (; *text && at + 1 < OPENING_DETAIL; text++)
		o->detail[at++] = *text;
	for (size_t i = 0; i < size && at + 1 < OPENING_DETAIL; i++)
		o->detail[at++] = (char)(p[i] >= ' ' && p[i] <= '~' ? p[i] : '?');
	o->detail[at] = '\0';
}
