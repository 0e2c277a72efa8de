// SPDX-License-Identifier: Apache-2.0
/* See places.h. Hashes with doubly linked chains, so that a place leaves its chain at once even
 * where all have the same key, and two doubly linked lists by age. Keys are compared, never trusted
 * to be spread. */
#include "detect/places.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* Links hold place + 1, 0 for none. */
struct place {
	uint64_t keys[PLACE_KEYS];
	uint32_t next[PLACE_KEYS], before[PLACE_KEYS];
	uint32_t younger, older;
	enum place_rank rank;
};

struct list {
	uint32_t eldest, youngest;
};

struct places {
	uint32_t max, used; /* the first ones are used */
	unsigned shift;	    /* 64 - log2 of the slots of one hash */
	struct list lists[PLACE_RANK_COUNT];
	struct place *all;
	uint32_t *slots[PLACE_KEYS];
};

int places_new(uint32_t max, struct places **ret)
{
	struct places *p = calloc(1, sizeof(*p));
	bool complete;

	if (!p)
		return -ENOMEM;
	p->max = max;
	for (p->shift = 63; 1ull << (64 - p->shift) < max; p->shift--)
		;
	p->all = calloc(max, sizeof(*p->all));
	complete = p->all != NULL;
	for (size_t by = 0; by < PLACE_KEYS; by++) {
		p->slots[by] = calloc((size_t)1 << (64 - p->shift), sizeof(**p->slots));
		complete = complete && p->slots[by];
	}
	if (!complete) {
		places_free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void places_free(struct places *p)
{
	if (!p)
		return;
	for (size_t by = 0; by < PLACE_KEYS; by++)
		free(p->slots[by]);
	free(p->all);
	free(p);
}

static uint32_t *slot_of(const struct places *p, size_t by, uint64_t key)
{
	return &p->slots[by][key * 0x9e3779b97f4a7c15ull >> p->shift];
}

/* From a link to what places.h calls a place: PLACE_NONE for 0. */
static uint32_t place_of(uint32_t link)
{
	return link - 1;
}

uint32_t places_find(const struct places *p, size_t by, uint64_t key)
{
	uint32_t at = key ? *slot_of(p, by, key) : 0;

	while (at && p->all[at - 1].keys[by] != key)
		at = p->all[at - 1].next[by];
	return place_of(at);
}

uint32_t places_next(const struct places *p, size_t by, uint32_t place)
{
	const struct place *self = &p->all[place];
	uint32_t at = self->next[by];

	while (at && p->all[at - 1].keys[by] != self->keys[by])
		at = p->all[at - 1].next[by];
	return place_of(at);
}

static void file_under(struct places *p, uint32_t place, size_t by, uint64_t key)
{
	struct place *self = &p->all[place];
	uint32_t *at = slot_of(p, by, key);

	self->keys[by] = key;
	self->next[by] = self->before[by] = 0;
	if (!key)
		return;
	self->next[by] = *at;
	*at = place + 1;
	if (self->next[by])
		p->all[self->next[by] - 1].before[by] = place + 1;
}

static void take_out(struct places *p, struct place *self, size_t by)
{
	if (!self->keys[by])
		return;
	*(self->before[by] ? &p->all[self->before[by] - 1].next[by]
			   : slot_of(p, by, self->keys[by])) = self->next[by];
	if (self->next[by])
		p->all[self->next[by] - 1].before[by] = self->before[by];
}

static void list_add(struct places *p, uint32_t place, enum place_rank rank)
{
	struct place *self = &p->all[place];
	struct list *l = &p->lists[rank];

	self->rank = rank;
	self->older = l->youngest;
	self->younger = 0;
	*(l->youngest ? &p->all[l->youngest - 1].younger : &l->eldest) = place + 1;
	l->youngest = place + 1;
}

static void list_remove(struct places *p, uint32_t place)
{
	struct place *self = &p->all[place];
	struct list *l = &p->lists[self->rank];

	*(self->older ? &p->all[self->older - 1].younger : &l->eldest) = self->younger;
	*(self->younger ? &p->all[self->younger - 1].older : &l->youngest) = self->older;
}

uint32_t places_take(struct places *p, const uint64_t keys[PLACE_KEYS], enum place_rank rank)
{
	uint32_t place = p->used;

	if (p->used < p->max) {
		p->used++;
	} else {
		const struct list *first = &p->lists[PLACE_FIRST];

		place = place_of(first->eldest ? first->eldest : p->lists[PLACE_LAST].eldest);
		list_remove(p, place);
		for (size_t by = 0; by < PLACE_KEYS; by++)
			take_out(p, &p->all[place], by);
	}
	for (size_t by = 0; by < PLACE_KEYS; by++)
		file_under(p, place, by, keys[by]);
	list_add(p, place, rank);
	return place;
}

void places_renew(struct places *p, uint32_t place, enum place_rank rank)
{
	list_remove(p, place);
	list_add(p, place, rank);
}

uint32_t places_eldest(const struct places *p, enum place_rank rank)
{
	return place_of(p->lists[rank].eldest);
}

uint32_t places_younger(const struct places *p, uint32_t place)
{
	return place_of(p->all[place].younger);
}
