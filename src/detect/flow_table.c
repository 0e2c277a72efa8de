// SPDX-License-Identifier: Apache-2.0
/* See flow_table.h. Owns its entries: places with three hashes over them (by number, by cookie, by
 * the two ports) and two lists, of those that live and those that are over, each in the order in
 * which they came there, so that a place is found at once however full it is. Texts are an agent's
 * and are kept as they are: whoever shows them escapes them. */
#include "detect/flow_table.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "detect/keyed.h"
#include "detect/range.h"
#include "policy/egress.h"

#define SLOTS 32768 /* a power of two over FLOWS_KEPT */

enum key { BY_NUMBER, BY_COOKIE, BY_ENDS, KEY_COUNT };

struct slot {
	struct flow_seen flow;
	uint64_t keys[KEY_COUNT]; /* under which it is filed; 0: it is not */
	/* Index + 1 of others, 0 none: in the same hash slot, and in its list. */
	uint32_t next[KEY_COUNT], before[KEY_COUNT];
	uint32_t younger, older;
};

struct list {
	uint32_t eldest, youngest;
};

struct flow_table {
	struct slot *entries; /* FLOWS_KEPT; memory comes with use */
	uint32_t used;	      /* the first ones are */
	struct list living, over;
	uint32_t slots[KEY_COUNT][SLOTS];
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

static struct flow_seen *find(struct flow_table *t, enum key by, uint64_t key)
{
	for (uint32_t i = key ? t->slots[by][slot_of(key)] : 0; i; i = t->entries[i - 1].next[by])
		if (t->entries[i - 1].keys[by] == key)
			return &t->entries[i - 1].flow;
	return NULL;
}

/* Never 0, which stands for none. */
static uint64_t ends_key(const uint8_t from[16], uint16_t from_port, uint16_t port)
{
	uint64_t halves[2];

	memcpy(halves, from, sizeof(halves));
	return ((halves[0] * 31 + halves[1]) * 0x9e3779b97f4a7c15ull +
		((uint64_t)from_port << 16 | port)) |
	       1ull << 63;
}

struct flow_seen *flow_table_find(struct flow_table *t, uint64_t flow)
{
	return find(t, BY_NUMBER, flow);
}

struct flow_seen *flow_table_by_cookie(struct flow_table *t, uint64_t cookie)
{
	return find(t, BY_COOKIE, cookie);
}

struct flow_seen *flow_table_by_ends(struct flow_table *t, const uint8_t from[16],
				     uint16_t from_port, uint16_t port)
{
	return find(t, BY_ENDS, ends_key(from, from_port, port));
}

/* The youngest comes first: ports come again. */
static void file_under(struct flow_table *t, struct slot *s, enum key by, uint64_t key)
{
	uint32_t *at = &t->slots[by][slot_of(key)];

	if (!key)
		return;
	s->keys[by] = key;
	s->next[by] = *at;
	*at = (uint32_t)(s - t->entries) + 1;
	if (s->next[by])
		t->entries[s->next[by] - 1].before[by] = *at;
}

static void take_out(struct flow_table *t, struct slot *s, enum key by)
{
	if (!s->keys[by])
		return;
	*(s->before[by] ? &t->entries[s->before[by] - 1].next[by]
			: &t->slots[by][slot_of(s->keys[by])]) = s->next[by];
	if (s->next[by])
		t->entries[s->next[by] - 1].before[by] = s->before[by];
}

static void list_add(struct flow_table *t, struct list *l, struct slot *s)
{
	uint32_t self = (uint32_t)(s - t->entries) + 1;

	s->older = l->youngest;
	s->younger = 0;
	*(l->youngest ? &t->entries[l->youngest - 1].younger : &l->eldest) = self;
	l->youngest = self;
}

static void list_remove(struct flow_table *t, struct list *l, struct slot *s)
{
	*(s->older ? &t->entries[s->older - 1].younger : &l->eldest) = s->younger;
	*(s->younger ? &t->entries[s->younger - 1].older : &l->youngest) = s->older;
}

/* A free place, else that of the eldest that is over, else of the eldest. */
static struct slot *take_place(struct flow_table *t)
{
	struct list *l = t->over.eldest ? &t->over : &t->living;
	struct slot *s;

	if (t->used < FLOWS_KEPT)
		return &t->entries[t->used++];
	s = &t->entries[l->eldest - 1];
	list_remove(t, l, s);
	for (enum key by = 0; by < KEY_COUNT; by++)
		take_out(t, s, by);
	*s = (struct slot){ 0 };
	return s;
}

static struct flow_seen *add(struct flow_table *t, const struct event_flow *f)
{
	struct slot *s = take_place(t);

	s->flow.last = *f;
	file_under(t, s, BY_NUMBER, f->flow);
	file_under(t, s, BY_COOKIE, f->cookie);
	file_under(t, s, BY_ENDS, ends_key(f->from, f->from_port, f->port));
	list_add(t, &t->living, s);
	return &s->flow;
}

static void set_over(struct flow_table *t, struct flow_seen *f, bool over)
{
	struct slot *s = (struct slot *)f; /* its first member */

	if (f->over == over)
		return;
	f->over = over;
	list_remove(t, over ? &t->living : &t->over, s);
	list_add(t, over ? &t->over : &t->living, s);
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
	set_over(t, f, e->flow->state == FLOW_ENDED || e->flow->state == FLOW_CUT);
	keep_text(f->name, e->text[0]);
	keep_text(f->detail, e->text[1]);
}

void flow_table_living(struct flow_table *t, void (*on_flow)(void *context, struct flow_seen *f),
		       void *context)
{
	for (uint32_t i = t->living.eldest; i; i = t->entries[i - 1].younger)
		on_flow(context, &t->entries[i - 1].flow);
}

void flow_seen_words(const struct flow_seen *f, struct buf *out)
{
	struct egress_address address;
	char text[EGRESS_ADDRESS_TEXT];

	memcpy(address.bytes, f->last.address, sizeof(address.bytes));
	if (f->name[0]) {
		text_escape_cut(out, f->name, strlen(f->name), RANGE_NAME_MAX);
	} else {
		egress_address_text(&address, text);
		buf_add_text(out, text);
	}
	buf_printf(out, " port %u", f->last.port);
	if (f->last.protocol != PROTOCOL_UNKNOWN)
		buf_printf(out, " (%s)", protocol_name((enum protocol)f->last.protocol));
	else if (f->last.transport == IPPROTO_UDP)
		buf_add_text(out, " (udp)");
}

uint64_t flow_seen_key(const struct flow_seen *f)
{
	uint64_t h = keyed_hash(KEYED_HASH, &f->last.port, sizeof(f->last.port));

	return f->name[0] ? keyed_hash(h, f->name, strlen(f->name))
			  : keyed_hash(h, f->last.address, sizeof(f->last.address));
}
