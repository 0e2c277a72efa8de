// SPDX-License-Identifier: Apache-2.0
/* Takes nested prefixes apart; see verdict_range.h. Prefixes nest or are apart, so that one pass in
 * the order of addresses, with a stack of those that are open, meets every border. */
#include "keeper/verdict_range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NESTED_MAX 130 /* prefixes of 0 to 128 bits */

typedef unsigned __int128 number;

static number number_of(const struct egress_address *a)
{
	number n = 0;

	for (size_t i = 0; i < sizeof(a->bytes); i++)
		n = n << 8 | a->bytes[i];
	return n;
}

static struct egress_address address_of(number n)
{
	struct egress_address a;

	for (size_t i = sizeof(a.bytes); i-- > 0; n >>= 8)
		a.bytes[i] = (uint8_t)n;
	return a;
}

static number last_of(const struct egress_entry *e)
{
	number rest = e->prefix ? ((number)1 << (128 - e->prefix)) - 1 : ~(number)0;

	return number_of(&e->address) | rest;
}

struct sweep {
	const struct egress_entry *open[NESTED_MAX];
	size_t depth;
	number at; /* what comes before has been said */
	bool full; /* all of it has */
	struct verdict_range *ranges;
	size_t count;
};

/* The innermost open entry holds up to `last`. */
static void say(struct sweep *s, number last)
{
	const struct egress_entry *e = s->open[s->depth - 1];

	if (s->full || s->at > last)
		return;
	if (e->count)
		s->ranges[s->count++] = (struct verdict_range){ .first = address_of(s->at),
								.next = address_of(last + 1),
								.has_next = last != ~(number)0,
								.entry = e };
	s->at = last + 1;
	s->full = last == ~(number)0;
}

/* Closes what ends before `begin`. */
static void close_before(struct sweep *s, number begin)
{
	while (s->depth && last_of(s->open[s->depth - 1]) < begin) {
		say(s, last_of(s->open[s->depth - 1]));
		s->depth--;
	}
}

static void enter(struct sweep *s, const struct egress_entry *e)
{
	number begin = number_of(&e->address);

	close_before(s, begin);
	if (s->depth && begin > 0)
		say(s, begin - 1);
	s->at = begin;
	if (s->depth < NESTED_MAX)
		s->open[s->depth++] = e;
}

static int by_address(const void *a, const void *b)
{
	const struct egress_entry *x = *(const struct egress_entry *const *)a;
	const struct egress_entry *y = *(const struct egress_entry *const *)b;
	int r = memcmp(&x->address, &y->address, sizeof(x->address));

	return r ?: (int)x->prefix - (int)y->prefix;
}

bool verdict_is_name(const struct egress_entry *e)
{
	return e->prefix == 128 && egress_name_index(&e->address) >= 0;
}

int verdict_ranges(const struct egress_entry *entries, size_t count, struct verdict_range **ret,
		   size_t *ret_count)
{
	cleanup_free const struct egress_entry **sorted = calloc(count + 1, sizeof(*sorted));
	struct sweep s = { .ranges = calloc(2 * count + 1, sizeof(*s.ranges)) };
	size_t sorted_count = 0;

	if (!sorted || !s.ranges) {
		free(s.ranges);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		if (!verdict_is_name(&entries[i]))
			sorted[sorted_count++] = &entries[i];
	qsort(sorted, sorted_count, sizeof(*sorted), by_address);
	for (size_t i = 0; i < sorted_count; i++)
		enter(&s, sorted[i]);
	while (s.depth) {
		say(&s, last_of(s.open[s.depth - 1]));
		s.depth--;
	}
	*ret = s.ranges;
	*ret_count = s.count;
	return 0;
}
