// SPDX-License-Identifier: Apache-2.0
/* See flow_table.h. Owns its entries: a ring in the order of their coming, with two hashes over it
 * (by number and by cookie). Texts are an agent's and are kept as they are: whoever shows them
 * escapes them. */
#include "detect/flow_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SLOTS 32768 /* a power of two over FLOWS_KEPT */

struct slot {
	struct flow_seen flow;
	uint32_t next_number, next_cookie; /* index + 1 in the same hash slot, 0 none */
	bool used;
};

struct flow_table {
	struct slot *entries; /* FLOWS_KEPT; memory comes with use */
	uint32_t by_number[SLOTS], by_cookie[SLOTS];
	uint32_t hand; /* where a place is looked for next */
};

static uint32_t slot_of(uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 49) & (SLOTS - 1);
}

int flow_table_new(struct flow_table **ret)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (t)
		t->entries = calloc(FLOWS_KEPT, sizeof(*t->entries));
	if (!t || !t->entries) {
		free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t);
}

struct flow_seen *flow_table_find(struct flow_table *t, uint64_t flow)
{
	for (uint32_t i = t->by_number[slot_of(flow)]; i; i = t->entries[i - 1].next_number)
		if (t->entries[i - 1].flow.last.flow == flow)
			return &t->entries[i - 1].flow;
	return NULL;
}

struct flow_seen *flow_table_by_cookie(struct flow_table *t, uint64_t cookie)
{
	for (uint32_t i = cookie ? t->by_cookie[slot_of(cookie)] : 0; i;
	     i = t->entries[i - 1].next_cookie)
		if (t->entries[i - 1].flow.last.cookie == cookie)
			return &t->entries[i - 1].flow;
	return NULL;
}

static void unlink_number(struct flow_table *t, uint32_t index)
{
	uint32_t *at = &t->by_number[slot_of(t->entries[index].flow.last.flow)];

	while (*at && *at != index + 1)
		at = &t->entries[*at - 1].next_number;
	if (*at)
		*at = t->entries[index].next_number;
}

static void unlink_cookie(struct flow_table *t, uint32_t index)
{
	uint64_t cookie = t->entries[index].flow.last.cookie;
	uint32_t *at = &t->by_cookie[slot_of(cookie)];

	while (cookie && *at && *at != index + 1)
		at = &t->entries[*at - 1].next_cookie;
	if (cookie && *at)
		*at = t->entries[index].next_cookie;
}

/* A free place, else that of one that is over, else the next one's. */
static uint32_t take_place(struct flow_table *t)
{
	uint32_t index = t->hand;

	for (uint32_t i = 0; i < FLOWS_KEPT; i++) {
		const struct slot *s = &t->entries[(t->hand + i) % FLOWS_KEPT];

		if (!s->used || s->flow.over) {
			index = (t->hand + i) % FLOWS_KEPT;
			break;
		}
	}
	t->hand = (index + 1) % FLOWS_KEPT;
	if (t->entries[index].used) {
		unlink_number(t, index);
		unlink_cookie(t, index);
	}
	t->entries[index] = (struct slot){ .used = true };
	return index;
}

static struct flow_seen *add(struct flow_table *t, const struct event_flow *f)
{
	uint32_t index = take_place(t), at = slot_of(f->flow);
	struct slot *s = &t->entries[index];

	s->flow.last = *f;
	s->next_number = t->by_number[at];
	t->by_number[at] = index + 1;
	if (f->cookie) {
		at = slot_of(f->cookie);
		s->next_cookie = t->by_cookie[at];
		t->by_cookie[at] = index + 1;
	}
	return &s->flow;
}

static void keep_text(char to[FLOW_NAME_MAX], struct bytes text)
{
	size_t size = text.size < FLOW_NAME_MAX ? text.size : FLOW_NAME_MAX - 1;

	if (!size)
		return;
	memcpy(to, text.data, size);
	to[size] = '\0';
}

void flow_table_event(struct flow_table *t, const struct event_view *e)
{
	struct flow_seen *f;
	uint64_t cookie;

	if (e->h->kind != EVENT_FLOW)
		return;
	f = flow_table_find(t, e->flow->flow);
	if (!f) {
		f = add(t, e->flow);
		f->first_seq = e->seq;
	}
	cookie = f->last.cookie; /* the one it is found by */
	f->last = *e->flow;
	f->last.cookie = cookie;
	f->last_seq = e->seq;
	f->over = e->flow->state == FLOW_ENDED || e->flow->state == FLOW_CUT;
	keep_text(f->name, e->text[0]);
	keep_text(f->detail, e->text[1]);
}

void flow_table_living(struct flow_table *t, void (*on_flow)(void *context, struct flow_seen *f),
		       void *context)
{
	for (uint32_t i = 0; i < FLOWS_KEPT; i++)
		if (t->entries[i].used && !t->entries[i].flow.over)
			on_flow(context, &t->entries[i].flow);
}
