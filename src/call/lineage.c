// SPDX-License-Identifier: Apache-2.0
/* Labels and their sets of edges; see lineage.h.
 *
 * An edge is kept once and known by its number; numbers grow with the record, so a set, its edges
 * in falling order, is in the order of nearness too: what a chain shows later lies nearer to its
 * end. Equal sets are one (interned), and of one (call, kind) a set keeps the first evidence: two
 * calls that write the same file in turn a million times come to the same two sets again and again.
 * Trusts no number in an event: labels may repeat, be lost, or refer to themselves. */
#include "call/lineage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_SET 0u
#define LOST_SET 1u
#define LIMIT_SET 2u
#define LOST_EDGE 0u /* the numbers of two edges that are always there */
#define LIMIT_EDGE 1u
#define MEMBERS_MAX (2 * LINEAGE_EDGES_MAX + 1) /* two sets and one edge more */
#define SEEN_SLOTS 1024				/* over MEMBERS_MAX, a power of two */

struct set {
	uint32_t begin, count; /* in ids */
};

struct label_slot {
	uint32_t label, set; /* label 0: empty */
};

struct lineage {
	struct edge *edges;
	uint32_t *ids;
	struct set *sets;
	struct label_slot *labels; /* open addressing, a power of two */
	uint32_t *interned;	   /* the same: set + 1, 0 empty */
	size_t edge_count, edge_room, id_count, id_room, set_count, set_room;
	size_t label_count, label_room, interned_room;
	bool full; /* a label was left out */
	/* which (call, kind) the set in the making has; an entry holds in its own round alone */
	struct seen {
		uint32_t call, round;
		uint16_t what;
	} seen[SEEN_SLOTS];
	uint32_t round;
};

/* A set in the making: numbers of edges. */
struct members {
	size_t count;
	uint32_t id[MEMBERS_MAX];
};

static int grow(void *array, size_t *room, size_t wanted, size_t entry)
{
	size_t more = *room ? *room : 64;
	void *grown;

	if (wanted <= *room)
		return 0;
	while (more < wanted)
		more *= 2;
	grown = realloc(*(void **)array, more * entry);
	if (!grown)
		return -ENOMEM;
	*(void **)array = grown;
	*room = more;
	return 0;
}

static size_t hash(uint64_t value)
{
	return (size_t)(value * 0x9e3779b97f4a7c15ull >> 32);
}

/* The label's slot, or the empty one where it belongs. */
static struct label_slot *find_label(const struct lineage *l, uint32_t label)
{
	size_t mask = l->label_room - 1, at = hash(label) & mask;

	while (l->labels[at].label && l->labels[at].label != label)
		at = (at + 1) & mask;
	return &l->labels[at];
}

static int more_labels(struct lineage *l)
{
	struct lineage next = { .label_room = l->label_room ? l->label_room * 2 : 256 };

	if (l->label_count * 4 < l->label_room * 3)
		return 0;
	next.labels = calloc(next.label_room, sizeof(*next.labels));
	if (!next.labels)
		return -ENOMEM;
	for (size_t i = 0; i < l->label_room; i++)
		if (l->labels[i].label)
			*find_label(&next, l->labels[i].label) = l->labels[i];
	free(l->labels);
	l->labels = next.labels;
	l->label_room = next.label_room;
	return 0;
}

static size_t hash_members(const uint32_t *ids, size_t count)
{
	uint64_t h = count;

	for (size_t i = 0; i < count; i++)
		h = (h ^ ids[i]) * 0x100000001b3ull;
	return hash(h);
}

/* The place of the set with these members, or the empty one where it belongs. */
static uint32_t *find_set(const struct lineage *l, const uint32_t *ids, size_t count)
{
	size_t mask = l->interned_room - 1, at = hash_members(ids, count) & mask;

	for (; l->interned[at]; at = (at + 1) & mask) {
		const struct set *s = &l->sets[l->interned[at] - 1];

		if (s->count == count &&
		    (!count || !memcmp(l->ids + s->begin, ids, count * sizeof(*ids))))
			break;
	}
	return &l->interned[at];
}

static int more_interned(struct lineage *l)
{
	struct lineage next = *l;

	if (l->set_count * 4 < l->interned_room * 3)
		return 0;
	next.interned_room = l->interned_room ? l->interned_room * 2 : 256;
	next.interned = calloc(next.interned_room, sizeof(*next.interned));
	if (!next.interned)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->set_count; i++)
		*find_set(&next, l->ids + l->sets[i].begin, l->sets[i].count) = i + 1;
	free(l->interned);
	l->interned = next.interned;
	l->interned_room = next.interned_room;
	return 0;
}

/* The set with these members. */
static int intern(struct lineage *l, const struct members *m, uint32_t *ret)
{
	uint32_t *place;

	if (more_interned(l) < 0)
		return -ENOMEM;
	place = find_set(l, m->id, m->count);
	if (*place) {
		*ret = *place - 1;
		return 0;
	}
	if (l->id_count + m->count > LINEAGE_IDS_MAX) {
		*ret = LIMIT_SET;
		return 0;
	}
	if (grow(&l->ids, &l->id_room, l->id_count + m->count, sizeof(*l->ids)) < 0 ||
	    grow(&l->sets, &l->set_room, l->set_count + 1, sizeof(*l->sets)) < 0)
		return -ENOMEM;
	if (m->count)
		memcpy(l->ids + l->id_count, m->id, m->count * sizeof(*m->id));
	l->sets[l->set_count] = (struct set){ (uint32_t)l->id_count, (uint32_t)m->count };
	l->id_count += m->count;
	*place = (uint32_t)++l->set_count;
	*ret = *place - 1;
	return 0;
}

static int add_edge(struct lineage *l, const struct edge *e, uint32_t *ret)
{
	if (grow(&l->edges, &l->edge_room, l->edge_count + 1, sizeof(*l->edges)) < 0)
		return -ENOMEM;
	*ret = (uint32_t)l->edge_count;
	l->edges[l->edge_count++] = *e;
	return 0;
}

/* Whether (call, what) comes for the first time in this round. */
static bool first_time(struct lineage *l, uint32_t call, uint16_t what)
{
	size_t at = hash((uint64_t)call << 16 | what) & (SEEN_SLOTS - 1);

	for (; l->seen[at].round == l->round; at = (at + 1) & (SEEN_SLOTS - 1))
		if (l->seen[at].call == call && l->seen[at].what == what)
			return false;
	l->seen[at] = (struct seen){ call, l->round, what };
	return true;
}

static uint16_t what_of(const struct edge *e)
{
	return (uint16_t)(e->kind << 8 | e->reason);
}

/* Both in falling order, and so is the result; no number comes twice. */
static void merge(const struct lineage *l, const struct set *a, const struct set *b,
		  struct members *m)
{
	const uint32_t *x = l->ids + a->begin, *y = l->ids + b->begin;
	size_t i = 0, k = 0;

	while (i < a->count || k < b->count) {
		bool both = i < a->count && k < b->count;

		if (both && x[i] == y[k])
			i++;
		else if (k == b->count || (both && x[i] > y[k]))
			m->id[m->count++] = x[i++];
		else
			m->id[m->count++] = y[k++];
	}
}

/* Of one (call, kind) the eldest evidence stays. Leaves the round open for one more. */
static void keep_first(struct lineage *l, struct members *m)
{
	size_t at = m->count;

	l->round++;
	for (size_t i = m->count; i-- > 0;) {
		const struct edge *e = &l->edges[m->id[i]];

		if (first_time(l, e->call, what_of(e)))
			m->id[--at] = m->id[i];
	}
	m->count -= at;
	memmove(m->id, m->id + at, m->count * sizeof(*m->id));
}

/* Drops the further kinds of one call: the nearest stays. */
static void keep_nearest(struct lineage *l, struct members *m)
{
	size_t count = 0;

	l->round++;
	for (size_t i = 0; i < m->count; i++)
		if (first_time(l, l->edges[m->id[i]].call, UINT16_MAX))
			m->id[count++] = m->id[i];
	m->count = count;
}

static void fit(struct lineage *l, struct members *m)
{
	if (m->count > LINEAGE_EDGES_MAX)
		keep_nearest(l, m);
	if (m->count <= LINEAGE_EDGES_MAX)
		return;
	m->count = LINEAGE_EDGES_MAX;
	m->id[LINEAGE_EDGES_MAX - 1] = LIMIT_EDGE;
}

static uint32_t set_of(const struct lineage *l, uint32_t label)
{
	const struct label_slot *slot;

	if (label == LABEL_NONE)
		return EMPTY_SET;
	slot = find_label(l, label);
	if (slot->label)
		return slot->set;
	return l->full ? LIMIT_SET : LOST_SET;
}

static struct edge edge_of(const struct event_view *e)
{
	const struct event_handover *o = e->handover;

	if (o->from == EVENT_NO_CALL || o->edge == EDGE_UNKNOWN)
		return (struct edge){ .call = EVENT_NO_CALL,
				      .kind = EDGE_UNKNOWN,
				      .reason = EDGE_REASON_NOT_SEEN,
				      .seq = e->seq };
	return (struct edge){ .call = o->from, .kind = (uint8_t)o->edge, .seq = e->seq };
}

/* What the handover makes of the labels it names. */
static int combine(struct lineage *l, const struct event_view *e, uint32_t *ret)
{
	const struct edge edge = edge_of(e);
	struct members m = { .count = 0 };
	uint32_t id;

	merge(l, &l->sets[set_of(l, e->h->label)], &l->sets[set_of(l, e->handover->with)], &m);
	keep_first(l, &m);
	if (first_time(l, edge.call, what_of(&edge))) {
		if (add_edge(l, &edge, &id) < 0)
			return -ENOMEM;
		memmove(m.id + 1, m.id, m.count * sizeof(*m.id));
		m.id[0] = id;
		m.count++;
	}
	fit(l, &m);
	return intern(l, &m, ret);
}

int lineage_event(struct lineage *l, const struct event_view *e)
{
	uint32_t label, set = EMPTY_SET;

	if (e->h->kind != EVENT_HANDOVER)
		return 0;
	label = e->handover->label;
	if (label == LABEL_NONE || find_label(l, label)->label)
		return 0; /* the first word holds */
	if (l->label_count >= LINEAGE_LABELS_MAX) {
		l->full = true;
		return 0;
	}
	if (combine(l, e, &set) < 0 || more_labels(l) < 0)
		return -ENOMEM;
	*find_label(l, label) = (struct label_slot){ label, set };
	l->label_count++;
	return 0;
}

bool lineage_knows(const struct lineage *l, uint32_t label)
{
	return label == LABEL_NONE || find_label(l, label)->label;
}

size_t lineage_edges(const struct lineage *l, uint32_t label, uint32_t call,
		     struct edge ret_edges[LINEAGE_EDGES_MAX])
{
	const struct set *s = &l->sets[set_of(l, label)];
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct edge *e = &l->edges[l->ids[s->begin + i]];

		if (e->call != call)
			ret_edges[count++] = *e;
	}
	return count;
}

size_t lineage_sets(const struct lineage *l)
{
	return l->set_count;
}

/* The edges and sets that stand for what is not known. */
static int begin(struct lineage *l)
{
	const enum edge_reason reasons[] = { EDGE_REASON_LOST, EDGE_REASON_LIMIT };
	struct members m = { .count = 0 };
	uint32_t set;
	int r = intern(l, &m, &set);

	for (uint32_t i = 0; r == 0 && i < 2; i++) {
		const struct edge e = { .call = EVENT_NO_CALL,
					.kind = EDGE_UNKNOWN,
					.reason = (uint8_t)reasons[i] };

		m.count = 1;
		r = add_edge(l, &e, &m.id[0]);
		if (r == 0)
			r = intern(l, &m, &set);
	}
	return r < 0 ? r : more_labels(l);
}

int lineage_new(struct lineage **ret)
{
	struct lineage *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	if (begin(l) < 0) {
		lineage_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void lineage_free(struct lineage *l)
{
	if (!l)
		return;
	free(l->edges);
	free(l->ids);
	free(l->sets);
	free(l->labels);
	free(l->interned);
	free(l);
}
