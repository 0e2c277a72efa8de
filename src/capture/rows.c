// SPDX-License-Identifier: Apache-2.0
/* See rows.h. Owns its rows: a heap whose root has least to say, so that a flow with more takes its
 * place in the time of a logarithm, however many flows there are. */
#include "capture/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rows {
	size_t max, count, room;
	uint64_t dropped;
	struct capture_flow *flows;
};

int rows_new(size_t max, struct rows **ret)
{
	struct rows *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->max = max;
	*ret = r;
	return 0;
}

static void release(struct capture_flow *f)
{
	free(f->name);
	free(f->detail);
	free(f->reason);
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		release(&r->flows[i]);
	free(r->flows);
	free(r);
}

/* What a flow shows besides bytes comes first; of equals the earlier one stays. */
static bool says_less(const struct event_flow *a, const struct event_flow *b)
{
	const uint32_t dull = 1u << FLOW_TRAIT_MIDSTREAM | 1u << FLOW_TRAIT_ENCRYPTED;
	bool traits_a = a->signs.traits & ~dull, traits_b = b->signs.traits & ~dull;
	uint64_t bytes_a = a->bytes_up + a->bytes_down, bytes_b = b->bytes_up + b->bytes_down;

	if (traits_a != traits_b)
		return traits_b;
	return bytes_a != bytes_b ? bytes_a < bytes_b : a->flow > b->flow;
}

static void swap(struct capture_flow *a, struct capture_flow *b)
{
	struct capture_flow t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct rows *r, size_t at)
{
	for (; at > 0 && says_less(&r->flows[at].last, &r->flows[(at - 1) / 2].last);
	     at = (at - 1) / 2)
		swap(&r->flows[at], &r->flows[(at - 1) / 2]);
}

static void sift_down(struct rows *r, size_t at)
{
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < r->count; child++)
			if (says_less(&r->flows[child].last, &r->flows[least].last))
				least = child;
		if (least == at)
			return;
		swap(&r->flows[at], &r->flows[least]);
		at = least;
	}
}

static char *copy(struct bytes text)
{
	return text.size ? strndup(text.data, text.size) : NULL;
}

static bool grow(struct rows *r)
{
	size_t room = r->room ? 2 * r->room : 256;
	struct capture_flow *more;

	if (r->count < r->room)
		return true;
	more = reallocarray(r->flows, room, sizeof(*more));
	if (!more)
		return false;
	r->flows = more;
	r->room = room;
	return true;
}

void rows_add(struct rows *r, const struct event_view *flow)
{
	struct capture_flow row = { *flow->flow, copy(flow->text[0]), copy(flow->text[1]),
				    copy(flow->text[2]) };

	if (r->count < r->max && grow(r)) {
		r->flows[r->count++] = row;
		sift_up(r, r->count - 1);
		return;
	}
	r->dropped++;
	if (r->count && says_less(&r->flows[0].last, &row.last)) {
		swap(&r->flows[0], &row);
		sift_down(r, 0);
	}
	release(&row);
}

uint64_t rows_dropped(const struct rows *r)
{
	return r->dropped;
}

static int by_start(const void *a, const void *b)
{
	const struct event_flow *x = &((const struct capture_flow *)a)->last;
	const struct event_flow *y = &((const struct capture_flow *)b)->last;

	if (x->started_mono_ns != y->started_mono_ns)
		return x->started_mono_ns < y->started_mono_ns ? -1 : 1;
	return x->flow < y->flow ? -1 : x->flow > y->flow;
}

const struct capture_flow *rows_sorted(struct rows *r, size_t *ret_count)
{
	if (r->count)
		qsort(r->flows, r->count, sizeof(*r->flows), by_start);
	*ret_count = r->count;
	return r->flows;
}
