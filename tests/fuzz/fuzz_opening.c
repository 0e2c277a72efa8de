// SPDX-License-Identifier: Apache-2.0
/* A flow's first bytes, the first one saying whose they are: whatever comes, names are clean, words
 * are printable, and what a beginning is known as, the whole is. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/opening.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct opening *o)
{
	char clean[EGRESS_NAME_MAX + 1];

	assert(memchr(o->detail, '\0', sizeof(o->detail)) &&
	       memchr(o->name, '\0', sizeof(o->name)));
	for (const char *p = o->detail; *p; p++)
		assert(*p >= ' ' && *p <= '~');
	assert(o->protocol < PROTOCOL_COUNT);
	if (!o->name[0])
		return;
	assert(o->has_name && egress_name_clean(o->name, strlen(o->name), clean) == 0);
	assert(strcmp(o->name, clean) == 0);
}

static bool same(const struct opening *a, const struct opening *b)
{
	return a->protocol == b->protocol && a->state == b->state && a->has_name == b->has_name &&
	       a->tunnel == b->tunnel && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->detail, b->detail) == 0;
}

/* In memory of its own, so that a read past its end is seen. */
static struct opening read_part(const uint8_t *data, size_t size, bool from_server)
{
	struct opening o;
	uint8_t *copy = malloc(size ? size : 1);

	assert(copy);
	memcpy(copy, data, size);
	assert(opening_read(copy, size, from_server, &o) == o.state);
	free(copy);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool from_server = size && data[0] & 1;
	struct opening whole, part;

	if (!size)
		return 0;
	data++;
	size--;
	whole = read_part(data, size, from_server);
	check_text(&whole);
	for (size_t n = 0; n < size; n += 1 + n / 32) {
		part = read_part(data, n, from_server);
		if (part.state != OPENING_MORE)
			assert(same(&part, &whole));
		else if (part.protocol != PROTOCOL_UNKNOWN)
			assert(part.protocol == whole.protocol);
	}
	if (whole.state == OPENING_BROKEN)
		assert(opening_refused(&whole, "a.b", NULL, 80));
	if (whole.has_name && strcmp(whole.name, "a.b") != 0)
		assert(opening_refused(&whole, "a.b", NULL, 80));
	assert(!opening_refused(&whole, NULL, NULL, 80));
	return 0;
}
