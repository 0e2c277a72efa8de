// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/call/lineage: random graphs of handovers against a model that keeps every set
 * by itself and knows no tricks, writers that alternate, and what happens at each limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "call/lineage.h"
#include "event_maker.h"

#define MODEL_LABELS 400
#define MODEL_CALLS 30

/* The model: for each label its edges, unsorted; at most one for each call, kind and reason. */
struct model_set {
	size_t count;
	struct edge edges[MODEL_CALLS * EDGE_KIND_COUNT + 4];
};

struct model {
	bool known[MODEL_LABELS];
	struct model_set sets[MODEL_LABELS];
};

static void model_add(struct model_set *to, const struct edge *e)
{
	for (size_t i = 0; i < to->count; i++) {
		struct edge *old = &to->edges[i];

		if (old->call != e->call || old->kind != e->kind || old->reason != e->reason)
			continue;
		if (e->seq < old->seq)
			*old = *e;
		return;
	}
	to->edges[to->count++] = *e;
}

static void model_add_label(const struct model *m, struct model_set *to, uint32_t label)
{
	const struct edge lost = { EVENT_NO_CALL, EDGE_UNKNOWN, EDGE_REASON_LOST, 0 };

	if (label && !m->known[label])
		model_add(to, &lost);
	for (size_t i = 0; label && m->known[label] && i < m->sets[label].count; i++)
		model_add(to, &m->sets[label].edges[i]);
}

static void model_handover(struct model *m, const struct event_view *e)
{
	const struct event_handover *o = e->handover;
	struct edge edge = { o->from, (uint8_t)o->edge, EDGE_REASON_NONE, e->seq };
	struct model_set made = { 0 };

	if (o->from == EVENT_NO_CALL || o->edge == EDGE_UNKNOWN)
		edge = (struct edge){ EVENT_NO_CALL, EDGE_UNKNOWN, EDGE_REASON_NOT_SEEN, e->seq };
	model_add_label(m, &made, e->h->label);
	model_add_label(m, &made, o->with);
	model_add(&made, &edge);
	m->sets[o->label] = made;
	m->known[o->label] = true;
}

static int later_first(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

static void same_edges(const struct lineage *l, const struct model *m, uint32_t label,
		       uint32_t call)
{
	struct edge got[LINEAGE_EDGES_MAX];
	size_t count = lineage_edges(l, label, call, got), wanted = 0;
	struct model_set all = { 0 };

	model_add_label(m, &all, label);
	qsort(all.edges, all.count, sizeof(*all.edges), later_first);
	for (size_t i = 0; i < all.count; i++)
		if (all.edges[i].call != call)
			all.edges[wanted++] = all.edges[i];
	assert_int_equal(count, wanted);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(got[i].call, all.edges[i].call);
		assert_int_equal(got[i].kind, all.edges[i].kind);
		assert_int_equal(got[i].reason, all.edges[i].reason);
		assert_int_equal(got[i].seq, all.edges[i].seq);
	}
}

/* Few calls and kinds, so that no set reaches its limit; some handovers are lost on the way. */
static void random_graph(struct model *m, unsigned seed)
{
	static const enum edge_kind kinds[] = { EDGE_EXECUTED, EDGE_READ, EDGE_KEPT, EDGE_UNKNOWN };
	struct event_maker maker = { .pid = 7 };
	struct lineage *l = NULL;

	memset(m, 0, sizeof(*m));
	srand(seed);
	assert_int_equal(lineage_new(&l), 0);
	for (uint32_t label = 1; label < MODEL_LABELS; label++) {
		const struct event_view *e;

		maker.call = (uint32_t)rand() % MODEL_CALLS;
		maker.label = rand() % 4 ? (uint32_t)rand() % label : 0;
		e = make_handover(&maker, kinds[rand() % 4],
				  rand() % 20 ? (uint32_t)rand() % MODEL_CALLS : EVENT_NO_CALL,
				  rand() % 3 ? (uint32_t)rand() % label : 0, label, 5, "/work/f");
		if (rand() % 50 == 0)
			continue; /* lost */
		assert_int_equal(lineage_event(l, e), 0);
		model_handover(m, e);
	}
	for (uint32_t label = 0; label < MODEL_LABELS; label++)
		same_edges(l, m, label, (uint32_t)rand() % MODEL_CALLS);
	lineage_free(l);
}

static void test_random_graphs(void **state)
{
	struct model *m = malloc(sizeof(*m));

	assert_non_null(m);
	for (unsigned seed = 1; seed <= 60; seed++)
		random_graph(m, seed);
	free(m);
}

/* Two calls that write the same file in turn, by new processes and by living ones. */
static void alternate(bool living)
{
	struct event_maker maker = { .pid = 7 };
	struct edge got[LINEAGE_EDGES_MAX];
	uint32_t file = 0, mine[2] = { 0, 0 };
	struct lineage *l = NULL;

	assert_int_equal(lineage_new(&l), 0);
	for (uint32_t n = 1; n <= 1000000; n++) {
		uint32_t who = n & 1;

		maker.call = 1 + who;
		maker.label = living ? mine[who] : 0;
		assert_int_equal(
			lineage_event(l, make_handover(&maker, EDGE_READ, 2 - who, file, n, 5, "")),
			0);
		mine[who] = file = n;
	}
	assert_in_range(lineage_sets(l), 3, 32);
	assert_int_equal(lineage_edges(l, 1000000, 1, got), 1);
	assert_int_equal(got[0].call, 2);
	assert_true(got[0].seq <= 2);
	lineage_free(l);
}

static void test_alternating(void **state)
{
	alternate(false);
	alternate(true);
}

static void test_nearest_first(void **state)
{
	struct event_maker m = { .pid = 7, .seq = 100 };
	struct edge got[LINEAGE_EDGES_MAX];
	struct lineage *l = NULL;

	assert_int_equal(lineage_new(&l), 0);
	m.call = 3;
	lineage_event(l, make_handover(&m, EDGE_READ, 1, 0, 5, 9, "/work/a"));
	m.call = 9;
	lineage_event(l, make_handover(&m, EDGE_EXECUTED, 3, 5, 6, 9, "/work/Makefile"));
	assert_int_equal(lineage_edges(l, 6, 9, got), 2);
	assert_int_equal(got[0].call, 3);
	assert_int_equal(got[0].kind, EDGE_EXECUTED);
	assert_int_equal(got[0].seq, 102);
	assert_int_equal(got[1].call, 1);
	assert_int_equal(got[1].seq, 101);
	assert_int_equal(lineage_edges(l, 6, 3, got), 1); /* never to itself */
	assert_true(lineage_knows(l, 6) && lineage_knows(l, 0) && !lineage_knows(l, 7));
	/* The same number again: the first word holds. */
	lineage_event(l, make_handover(&m, EDGE_READ, 22, 0, 6, 9, ""));
	assert_int_equal(lineage_edges(l, 6, 9, got), 2);
	lineage_free(l);
}

/* A label that refers to itself, and one that nobody made. */
static void test_strange_labels(void **state)
{
	struct event_maker m = { .pid = 7, .call = 4, .label = 8 };
	struct edge got[LINEAGE_EDGES_MAX];
	struct lineage *l = NULL;

	assert_int_equal(lineage_new(&l), 0);
	lineage_event(l, make_handover(&m, EDGE_PIPE, 2, 8, 8, 0, ""));
	assert_int_equal(lineage_edges(l, 8, 4, got), 2);
	assert_int_equal(got[0].call, 2);
	assert_int_equal(got[1].call, EVENT_NO_CALL);
	assert_int_equal(got[1].reason, EDGE_REASON_LOST);
	assert_int_equal(got[1].seq, 0);
	assert_int_equal(lineage_edges(l, UINT32_MAX, 4, got), 1);
	assert_int_equal(got[0].reason, EDGE_REASON_LOST);
	lineage_event(l, make_handover(&m, EDGE_PIPE, 2, 0, 0, 0, "")); /* no label at all */
	assert_int_equal(lineage_edges(l, 0, 4, got), 0);
	lineage_free(l);
}

/* Each process takes from one call more; the last ones stay, and that there were more is said. */
static void test_many_calls(void **state)
{
	struct event_maker m = { .pid = 7, .call = 100000 };
	struct edge got[LINEAGE_EDGES_MAX];
	struct lineage *l = NULL;
	size_t n;

	assert_int_equal(lineage_new(&l), 0);
	for (uint32_t i = 1; i <= LINEAGE_EDGES_MAX / 2 + 1; i++) {
		m.label = i - 1;
		lineage_event(l,
			      make_handover(&m, i & 1 ? EDGE_READ : EDGE_LOADED, i, 0, i, 5, ""));
	}
	/* Many kinds of few calls: the calls all stay. */
	for (uint32_t kind = EDGE_EXECUTED; kind <= EDGE_TRACE; kind++)
		for (uint32_t call = 1; call <= 20; call++) {
			m.label = m.u.handover.label;
			lineage_event(l, make_handover(&m, (enum edge_kind)kind, call, 0,
						       m.label + 1, 5, ""));
		}
	n = lineage_edges(l, m.u.handover.label, 0, got);
	for (uint32_t call = 1; call <= LINEAGE_EDGES_MAX / 2 + 1; call++) {
		bool there = false;

		for (size_t i = 0; i < n; i++)
			there = there || got[i].call == call;
		assert_true(there);
	}
	for (uint32_t call = 1000; call < 2000; call++) {
		m.label = m.u.handover.label;
		lineage_event(l, make_handover(&m, EDGE_READ, call, 0, m.label + 1, 5, ""));
	}
	n = lineage_edges(l, m.u.handover.label, 0, got);
	assert_in_range(n, LINEAGE_EDGES_MAX / 2, LINEAGE_EDGES_MAX);
	for (size_t i = 0; i + 1 < n; i++)
		assert_int_equal(got[i].call, 1999 - i);
	assert_int_equal(got[n - 1].call, EVENT_NO_CALL);
	assert_int_equal(got[n - 1].reason, EDGE_REASON_LIMIT);
	lineage_free(l);
}

/* More labels, and more different sets, than are kept: each resolves, and memory has its bound. */
static void test_flood(void **state)
{
	struct event_maker m = { .pid = 7, .call = 1 };
	struct edge got[LINEAGE_EDGES_MAX];
	struct lineage *l = NULL;
	size_t n;

	assert_int_equal(lineage_new(&l), 0);
	for (uint32_t i = 1; i <= LINEAGE_LABELS_MAX + 1000; i++) {
		m.label = i < 20000 || i % 50 ? i - 1 : 0; /* one long chain, then short ones */
		lineage_event(l, make_handover(&m, EDGE_READ, 2 + i % 5000, 0, i, 5, ""));
	}
	/* What is shared is kept once: two a handover at most, in the long run. */
	assert_in_range(lineage_sets(l), LINEAGE_LABELS_MAX / 2, LINEAGE_SETS_MAX);
	n = lineage_edges(l, 19999, 1, got);
	assert_in_range(n, LINEAGE_EDGES_MAX / 2, LINEAGE_EDGES_MAX);
	assert_int_equal(got[n - 1].reason, EDGE_REASON_LIMIT);
	assert_in_range(lineage_edges(l, LINEAGE_LABELS_MAX, 1, got), 1, 50);
	assert_int_equal(lineage_edges(l, LINEAGE_LABELS_MAX + 1, 1, got), 1);
	assert_int_equal(got[0].call, EVENT_NO_CALL);
	assert_int_equal(got[0].reason, EDGE_REASON_LIMIT);
	lineage_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_graphs), cmocka_unit_test(test_alternating),
		cmocka_unit_test(test_nearest_first), cmocka_unit_test(test_strange_labels),
		cmocka_unit_test(test_many_calls),    cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests_name("lineage", tests, NULL, NULL);
}
