// SPDX-License-Identifier: Apache-2.0
/* See queries.h. Owns the questions that wait, one a place, in the order of their coming too, so
 * that what is too old is found at once. */
#include "capture/queries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct counted {
	uint64_t print, count;
};

struct waiting {
	struct waiting *newer, *older;
	struct query query;
};

struct queries {
	const struct hash_key *key;
	struct waiting *places[QUERIES_MAX];
	struct waiting *newest, *eldest;
	struct query taken;
	struct counted counts[QUERY_COUNTS]; /* by fingerprint; another one takes the place */
};

int queries_new(const struct hash_key *key, struct queries **ret)
{
	struct queries *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->key = key;
	*ret = q;
	return 0;
}

void queries_free(struct queries *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < QUERIES_MAX; i++)
		free(q->places[i]);
	free(q);
}

static struct waiting **place_of(struct queries *q, const struct query *asked)
{
	struct {
		uint8_t asker[16], server[16];
		uint32_t transport;
		uint16_t port, id;
	} k;

	memcpy(k.asker, asked->asker, 16);
	memcpy(k.server, asked->server, 16);
	k.transport = asked->transport;
	k.port = asked->asker_port;
	k.id = asked->id;
	return &q->places[hash_of(q->key, &k, sizeof(k)) % QUERIES_MAX];
}

static bool same_exchange(const struct query *a, const struct query *b)
{
	return a->id == b->id && a->asker_port == b->asker_port && a->transport == b->transport &&
	       memcmp(a->asker, b->asker, 16) == 0 && memcmp(a->server, b->server, 16) == 0;
}

static const struct query *take_out(struct queries *q, struct waiting **place)
{
	struct waiting *w = *place;

	*(w->newer ? &w->newer->older : &q->newest) = w->older;
	*(w->older ? &w->older->newer : &q->eldest) = w->newer;
	q->taken = w->query;
	free(w);
	*place = NULL;
	return &q->taken;
}

bool queries_ask(struct queries *q, const struct query *asked, const struct query **ret_displaced)
{
	struct waiting **place = place_of(q, asked), *w;

	*ret_displaced = NULL;
	if (*place && same_exchange(&(*place)->query, asked) &&
	    strcmp((*place)->query.name, asked->name) == 0)
		return false;
	if (*place)
		*ret_displaced = take_out(q, place);
	w = malloc(sizeof(*w));
	if (!w)
		return true;
	*w = (struct waiting){ NULL, q->newest, *asked };
	*(q->newest ? &q->newest->newer : &q->eldest) = w;
	q->newest = w;
	*place = w;
	return true;
}

const struct query *queries_answered(struct queries *q, const struct query *like)
{
	struct waiting **place = place_of(q, like);

	return *place && same_exchange(&(*place)->query, like) ? take_out(q, place) : NULL;
}

const struct query *queries_expired(struct queries *q, uint64_t before_ns)
{
	if (!q->eldest || q->eldest->query.asked_ns >= before_ns)
		return NULL;
	return take_out(q, place_of(q, &q->eldest->query));
}

uint64_t queries_count(struct queries *q, const struct query *asked)
{
	uint64_t print = hash_of(q->key, asked->name, strlen(asked->name)) ^
			 (uint64_t)asked->host << 32 ^ asked->type;
	struct counted *c = &q->counts[(print ^ print >> 32) % QUERY_COUNTS];

	if (c->print != print)
		*c = (struct counted){ .print = print };
	return ++c->count;
}
