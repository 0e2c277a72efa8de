// SPDX-License-Identifier: Apache-2.0
/* A binary heap; see timer.h. Owns the heap, not the timers. */
#include "gate/timer.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct timers *s, size_t place, struct timer *t)
{
	s->heap[place] = t;
	t->place = place;
}

static void rise(struct timers *s, struct timer *t)
{
	size_t place = t->place;

	for (; place > 1 && s->heap[place / 2]->at > t->at; place /= 2)
		put(s, place, s->heap[place / 2]);
	put(s, place, t);
}

static void sink(struct timers *s, struct timer *t)
{
	size_t place = t->place;

	for (;;) {
		size_t child = 2 * place;

		if (child < s->count && s->heap[child + 1]->at < s->heap[child]->at)
			child++;
		if (child > s->count || s->heap[child]->at >= t->at)
			break;
		put(s, place, s->heap[child]);
		place = child;
	}
	put(s, place, t);
}

static int grow(struct timers *s)
{
	size_t room = s->room ? 2 * s->room : 64;
	struct timer **heap;

	if (s->count + 1 < s->room)
		return 0;
	heap = reallocarray(s->heap, room, sizeof(struct timer *));
	if (!heap)
		return -ENOMEM;
	s->heap = heap;
	s->room = room;
	return 0;
}

int timer_set(struct timers *s, struct timer *t, uint64_t at)
{
	if (!t->place) {
		if (grow(s) < 0)
			return -ENOMEM;
		put(s, ++s->count, t);
	}
	t->at = at;
	rise(s, t);
	sink(s, t);
	return 0;
}

void timer_stop(struct timers *s, struct timer *t)
{
	struct timer *last;

	if (!t->place)
		return;
	last = s->heap[s->count--];
	if (last != t) {
		put(s, t->place, last);
		rise(s, last);
		sink(s, last);
	}
	t->place = 0;
}

uint64_t timers_next(const struct timers *s)
{
	return s->count ? s->heap[1]->at : UINT64_MAX;
}

/* What is set anew for `now` or before waits for the next time: no timer can hold up the loop. */
void timers_serve(struct timers *s, uint64_t now)
{
	size_t left = s->count;

	while (left-- && s->count && s->heap[1]->at <= now) {
		struct timer *t = s->heap[1];

		timer_stop(s, t);
		t->due(t);
	}
}

void timers_free(struct timers *s)
{
	free(s->heap);
	*s = (struct timers){ .heap = NULL };
}
