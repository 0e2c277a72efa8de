/* SPDX-License-Identifier: Apache-2.0 */
/* What is to happen later: a heap of moments, so that ten thousand flows may each wait for one. The
 * loop waits until timers_next() and then calls timers_serve(). */
#ifndef WEIR_GATE_TIMER_H
#define WEIR_GATE_TIMER_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in what waits; zeroed: not set. */
struct timer {
	uint64_t at;  /* monotonic, ns */
	size_t place; /* in the heap, from 1; 0: not set */
	void (*due)(struct timer *t);
};

struct timers {
	struct timer **heap; /* from 1; owned */
	size_t count, room;
};

/* Sets it, or sets it anew. 0 or -ENOMEM, and then it is as it was. */
int timer_set(struct timers *s, struct timer *t, uint64_t at);
void timer_stop(struct timers *s, struct timer *t); /* set or not */
uint64_t timers_next(const struct timers *s);	    /* UINT64_MAX: none is set */
/* Calls due() for each that was due at `now`, which may set, stop or free any timer. */
void timers_serve(struct timers *s, uint64_t now);
void timers_free(struct timers *s);

#endif
