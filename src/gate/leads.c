// SPDX-License-Identifier: Apache-2.0
/* See leads.h. Owns a list that only grows, each address's entries chained from the newest to the
 * eldest. Addresses are a name server's, so the hash is keyed. */
#include "gate/leads.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64

struct lead {
	struct egress_address to;
	uint32_t index, next;
};

static uint32_t bucket_of(const struct hash_key *key, const struct egress_address *to)
{
	return (uint32_t)(hash_of(key, to, sizeof(*to)) % LEADS_BUCKETS);
}

static int reserve(struct leads *l)
{
	uint32_t room = l->room ? 2 * l->room : ROOM_MIN;
	struct lead *of;

	if (l->count == LEADS_MAX)
		return -1;
	if (l->count + 1 < l->room)
		return 0;
	of = reallocarray(l->of, room, sizeof(*of));
	if (!of)
		return -1;
	l->of = of;
	l->room = room;
	return 0;
}

void leads_note(struct leads *l, const struct hash_key *key, uint32_t index,
		const struct egress_address *to)
{
	uint32_t *newest = &l->buckets[bucket_of(key, to)];

	for (uint32_t i = *newest; i; i = l->of[i].next)
		if (l->of[i].index == index && memcmp(&l->of[i].to, to, sizeof(*to)) == 0)
			return;
	if (reserve(l) < 0)
		return;
	l->of[++l->count] = (struct lead){ .to = *to, .index = index, .next = *newest };
	*newest = l->count;
}

size_t leads_to(const struct leads *l, const struct hash_key *key, const struct egress_address *to,
		uint32_t *ret, size_t max)
{
	size_t count = 0;

	for (uint32_t i = l->buckets[bucket_of(key, to)]; i && count < max; i = l->of[i].next)
		if (memcmp(&l->of[i].to, to, sizeof(*to)) == 0)
			ret[count++] = l->of[i].index;
	return count;
}
