// SPDX-License-Identifier: Apache-2.0
/* Labels and their sets of edges; see lineage.h.
 *
 * An edge is kept once and known by its number; numbers grow with the record, so a set, its edges
 * in falling order, is in the order of nearness too: what a chain shows later lies nearer to its
 * end. A set is a list whose end it shares with the sets that it was made of, and equal lists are
 * one; of one (call, kind) a set keeps the first evidence: two calls that write the same file in
 * turn a million times come to the same two sets again and again. Trusts no number in an event:
 * labels may repeat, be lost, or refer to themselves. */
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
#define SEEN_SLOTS 4096				/* over MEMBERS_MAX, a power of two */

/* A set: an edge and those before it. Number 0 is the empty one. */
struct set {
	uint32_t edge, rest;
};

struct label_slot {
	uint32_t label, set; /* label 0: empty */
};

struct lineage {
	struct edge *edges;
	struct set *sets;
	struct label_slot *labels; /* open addressing, a power of two */
	uint32_t *interned;	   /* the same: a set, 0 empty */
	size_t edge_count, edge_room, set_count, set_room;
	size_t label_count, label_room, interned_room;
	bool full; /* a label was left out */
	/* which (call, kind) the set in the making has; an entry holds in its own round alone */
	struct seen {
		uint32_t call, round;
		uint16_t what;
	} seen[SEEN_SLOTS];
	uint32_t round;
};

/* A set in the making: numbers of edges, and a set that is there for those behind them. */
struct members {
	size_t count;
	uint32_t rest;
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

/* The place of this set, or the empty one where it belongs. */
static uint32_t *find_set(const struct lineage *l, uint32_t edge, uint32_t rest)
{
	size_t mask = l->interned_room - 1, at = hash((uint64_t)edge << 32 | rest) & mask;

	while (l->interned[at] &&
	       (l->sets[l->interned[at]].edge != edge || l->sets[l->interned[at]].rest != rest))
		at = (at + 1) & mask;
	return &l->interned[at];
}

static int more_sets(struct lineage *l)
{
	struct lineage next = *l;

	if (grow(&l->sets, &l->set_room, l->set_count + 1, sizeof(*l->sets)) < 0)
		return -ENOMEM;
	if (l->set_count * 4 < l->interned_room * 3)
		return 0;
	next.sets = l->sets;
	next.interned_room = l->interned_room ? l->interned_room * 2 : 256;
	next.interned = calloc(next.interned_room, sizeof(*next.interned));
	if (!next.interned)
		return -ENOMEM;
	for (uint32_t i = 1; i < l->set_count; i++)
		*find_set(&next, l->sets[i].edge, l->sets[i].rest) = i;
	free(l->interned);
	l->interned = next.interned;
	l->interned_room = next.interned_room;
	return 0;
}

/* The set of these members. */
static int intern(struct lineage *l, const struct members *m, uint32_t *ret)
{
	uint32_t set = m->rest;

	for (size_t i = m->count; i-- > 0;) {
		uint32_t *place;

		if (more_sets(l) < 0)
			return -ENOMEM;
		place = find_set(l, m->id[i], set);
		if (!*place && l->set_count >= LINEAGE_SETS_MAX) {
			*ret = LIMIT_SET;
			return 0;
		}
		if (!*place) {
			l->sets[l->set_count] = (struct set){ m->id[i], set };
			*place = (uint32_t)l->set_count++;
		}
		set = *place;
	}
	*ret = set;
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

/* Both are in falling order, and so is the result; no number comes twice. From where the two are
 * one, or one of them ends, nothing is made anew. */
static void merge(const struct lineage *l, uint32_t a, uint32_t b, struct members *m)
{
	while (a && b && a != b) {
		uint32_t x = l->sets[a].edge, y = l->sets[b].edge;

		if (x == y)
			b = l->sets[b].rest;
		m->id[m->count++] = x >= y ? x : y;
		if (x >= y)
			a = l->sets[a].rest;
		else
			b = l->sets[b].rest;
	}
	m->rest = a ? a : b;
}

/* Of one (call, kind) the eldest evidence stays. Leaves the round open for one more. Returns how
 * many edges there are. */
static size_t keep_first(struct lineage *l, struct members *m)
{
	size_t at = m->count, rest = 0;

	l->round++;
	for (uint32_t set = m->rest; set; set = l->sets[set].rest, rest++) {
		const struct edge *e = &l->edges[l->sets[set].edge];

		first_time(l, e->call, what_of(e));
	}
	for (size_t i = m->count; i-- > 0;) {
		const struct edge *e = &l->edges[m->id[i]];

		if (first_time(l, e->call, what_of(e)))
			m->id[--at] = m->id[i];
	}
	m->count -= at;
	memmove(m->id, m->id + at, m->count * sizeof(*m->id));
	return m->count + rest;
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

/* Half of them go at once: a chain that goes on growing then shares its ends again. */
static void cut(struct lineage *l, struct members *m)
{
	for (uint32_t set = m->rest; set; set = l->sets[set].rest)
		m->id[m->count++] = l->sets[set].edge;
	m->rest = EMPTY_SET;
	keep_nearest(l, m);
	if (m->count <= LINEAGE_EDGES_MAX)
		return;
	m->count = LINEAGE_EDGES_MAX / 2;
	m->id[m->count - 1] = LIMIT_EDGE;
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
	size_t count;
	uint32_t id;

	merge(l, set_of(l, e->h->label), set_of(l, e->handover->with), &m);
	count = keep_first(l, &m);
	if (first_time(l, edge.call, what_of(&edge))) {
		if (add_edge(l, &edge, &id) < 0)
			return -ENOMEM;
		memmove(m.id + 1, m.id, m.count * sizeof(*m.id));
		m.id[0] = id;
		m.count++;
		count++;
	}
	if (count > LINEAGE_EDGES_MAX)
		cut(l, &m);
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
	size_t count = 0;

	for (uint32_t set = set_of(l, label); set; set = l->sets[set].rest) {
		const struct edge *e = &l->edges[l->sets[set].edge];

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
	int r = more_sets(l);

	l->set_count = 1; /* the empty one */
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
	free(l->sets);
	free(l->labels);
	free(l->interned);
	free(l);
}
