// SPDX-License-Identifier: Apache-2.0
/* Edges between calls; see edges.h. An edge of the report is one (from, to, kind): from stands
 * behind to, at first by the evidence it has. It is found in the labels of to's events, which hold
 * whole chains; `count` says how many handovers lead from the one to the other directly, with no
 * call in between. Owns what the report keeps of it until edge_walk_end(). */
#include "report/edges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "call/lineage.h"

#define MERGED_SLOTS 8192 /* (call, label) pairs that were looked at last; a power of two */

struct edge_walk {
	struct report *report;
	struct lineage *lineage;
	size_t room;	 /* of report->edges */
	uint32_t *slots; /* index + 1 of an edge, open addressing, a power of two */
	size_t slot_count;
	struct merged {
		uint32_t call, label;
	} merged[MERGED_SLOTS];
};

static size_t hash(uint64_t a, uint64_t b)
{
	return (size_t)(((a * 0x9e3779b97f4a7c15ull) ^ b) * 0xff51afd7ed558ccdull >> 32);
}

static uint32_t *find_slot(const struct edge_walk *w, const struct edge *e, uint32_t to)
{
	size_t mask = w->slot_count - 1;
	size_t at = hash((uint64_t)e->call << 32 | to, (uint64_t)e->kind << 8 | e->reason) & mask;

	for (; w->slots[at]; at = (at + 1) & mask) {
		const struct report_edge *x = &w->report->edges[w->slots[at] - 1];

		if (x->edge.call == e->call && x->to == to && x->edge.kind == e->kind &&
		    x->edge.reason == e->reason)
			break;
	}
	return &w->slots[at];
}

static int more_room(struct edge_walk *w)
{
	struct report *r = w->report;
	struct report_edge *edges;
	size_t room = w->room ? w->room * 2 : 64;
	uint32_t *slots;

	if (r->edge_count < w->room)
		return 0;
	edges = realloc(r->edges, room * sizeof(*edges));
	if (!edges)
		return -ENOMEM;
	r->edges = edges;
	slots = calloc(room * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(w->slots);
	w->slots = slots;
	w->slot_count = room * 2;
	w->room = room;
	for (uint32_t i = 0; i < r->edge_count; i++)
		*find_slot(w, &edges[i].edge, edges[i].to) = i + 1;
	return 0;
}

/* The report's edge, new or not; *ret NULL: there are too many. */
static int touch(struct edge_walk *w, const struct edge *e, uint32_t to, uint64_t wall_ns,
		 struct report_edge **ret)
{
	struct report *r = w->report;
	uint32_t *slot;

	*ret = NULL;
	if (more_room(w) < 0)
		return -ENOMEM;
	slot = find_slot(w, e, to);
	if (!*slot && r->edge_count >= REPORT_EDGES_MAX) {
		r->edges_more++;
		return 0;
	}
	if (!*slot) {
		r->edges[r->edge_count] =
			(struct report_edge){ .edge = *e, .to = to, .wall_ns = wall_ns };
		*slot = (uint32_t)++r->edge_count;
	}
	*ret = &r->edges[*slot - 1];
	return 0;
}

/* What a label stands for is behind the call. An edge that leads through a file or a flow need no
 * process of its evidence have carried: it counts as direct where it arrives. */
static int merge(struct edge_walk *w, uint32_t call, uint32_t label, uint64_t wall_ns)
{
	struct merged *m = &w->merged[hash(call, label) & (MERGED_SLOTS - 1)];
	struct edge edges[LINEAGE_EDGES_MAX];
	struct report_edge *edge;
	size_t count;

	if (label == LABEL_NONE || (m->call == call && m->label == label))
		return 0;
	*m = (struct merged){ call, label };
	count = lineage_edges(w->lineage, label, call, edges);
	for (size_t i = 0; i < count; i++) {
		if (touch(w, &edges[i], call, wall_ns, &edge) < 0)
			return -ENOMEM;
		if (edge && edge_is_of_object(edges[i].kind))
			edge->count++;
	}
	return 0;
}

/* A path, or the name of an abstract socket, which begins with NUL. */
static char *name_of(struct bytes text)
{
	char *name = text.size ? malloc(text.size + 1) : NULL;

	if (!name)
		return NULL;
	for (size_t i = 0; i < text.size; i++)
		name[i] = text.data[i] ? text.data[i] : '@';
	name[text.size] = '\0';
	return name;
}

/* The handover itself: the first that leads directly says what was taken. */
static int count_direct(struct edge_walk *w, const struct event_view *e, uint64_t wall_ns)
{
	const struct event_handover *o = e->handover;
	struct edge edge = { .call = o->from, .kind = (uint8_t)o->edge, .seq = e->seq };
	struct report_edge *to;

	if (o->from == EVENT_NO_CALL || o->from == e->h->call || o->edge == EDGE_UNKNOWN)
		return 0;
	if (touch(w, &edge, e->h->call, wall_ns, &to) < 0)
		return -ENOMEM;
	if (to && !to->count++) {
		to->direct_seq = e->seq;
		to->direct_ns = wall_ns;
		to->what = name_of(e->text[0]);
	}
	return 0;
}

int edge_walk_event(struct edge_walk *w, const struct event_view *e, uint64_t wall_ns)
{
	int r = lineage_event(w->lineage, e);

	if (r == 0)
		r = merge(w, e->h->call, e->h->label, wall_ns);
	if (r < 0 || e->h->kind != EVENT_HANDOVER || edge_is_of_object(e->handover->edge))
		return r;
	r = merge(w, e->h->call, e->handover->label, wall_ns);
	return r < 0 ? r : count_direct(w, e, wall_ns);
}

int edge_walk_new(struct report *r, struct edge_walk **ret)
{
	struct edge_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->report = r;
	if (lineage_new(&w->lineage) < 0 || more_room(w) < 0) {
		edge_walk_end(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* By the call that they stand behind, the nearest first. */
static int by_to(const void *a, const void *b)
{
	const struct report_edge *x = a, *y = b;

	return x->to != y->to		      ? compare(x->to, y->to)
	       : x->edge.seq != y->edge.seq   ? compare(y->edge.seq, x->edge.seq)
	       : x->edge.call != y->edge.call ? compare(x->edge.call, y->edge.call)
					      : compare(x->edge.kind, y->edge.kind);
}

static int by_from(const void *a, const void *b)
{
	const struct report_edge *x = *(const struct report_edge *const *)a,
				 *y = *(const struct report_edge *const *)b;

	return x->edge.call != y->edge.call ? compare(x->edge.call, y->edge.call)
	       : x->to != y->to		    ? compare(x->to, y->to)
					    : compare(x->edge.seq, y->edge.seq);
}

int edge_walk_end(struct edge_walk *w)
{
	struct report *r;

	if (!w)
		return 0;
	r = w->report;
	r->behind = calloc(r->edge_count + 1, sizeof(*r->behind));
	if (r->edge_count)
		qsort(r->edges, r->edge_count, sizeof(*r->edges), by_to);
	for (size_t i = 0; r->behind && i < r->edge_count; i++)
		r->behind[i] = &r->edges[i];
	if (r->behind && r->edge_count)
		qsort(r->behind, r->edge_count, sizeof(*r->behind), by_from);
	lineage_free(w->lineage);
	free(w->slots);
	free(w);
	return r->behind ? 0 : -ENOMEM;
}

const struct report_edge *report_via(const struct report *r, uint32_t call, size_t *ret_count)
{
	size_t from = 0, to = r->edge_count;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (r->edges[middle].to < call)
			from = middle + 1;
		else
			to = middle;
	}
	for (to = from; to < r->edge_count && r->edges[to].to == call;)
		to++;
	*ret_count = to - from;
	return r->edges + from;
}

const struct report_edge *const *report_behind(const struct report *r, uint32_t call,
					       size_t *ret_count)
{
	size_t from = 0, to = r->edge_count;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (r->behind[middle]->edge.call < call)
			from = middle + 1;
		else
			to = middle;
	}
	for (to = from; to < r->edge_count && r->behind[to]->edge.call == call;)
		to++;
	*ret_count = to - from;
	return r->behind + from;
}
