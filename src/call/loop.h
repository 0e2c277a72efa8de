/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of keeper and supervisor: descriptors and one deadline, on epoll. One event is
 * taken at a time, so a callback may remove or free any watch, its own included. */
#ifndef WEIR_CALL_LOOP_H
#define WEIR_CALL_LOOP_H

#include <stdint.h>

struct loop {
	int epoll;
};

/* Embedded in what is watched; see container_of(). */
struct watch {
	int fd; /* borrowed */
	uint32_t events;
	void (*ready)(struct watch *w, uint32_t events);
};

int loop_open(struct loop *l);		       /* 0 or -errno */
int loop_add(struct loop *l, struct watch *w); /* 0 or -errno */
void loop_change(struct loop *l, struct watch *w, uint32_t events);
void loop_remove(struct loop *l, struct watch *w); /* before the descriptor is closed */
/* Waits until deadline_mono_ns (UINT64_MAX: for ever) and serves at most one event. 1: served; 0:
 * the deadline has passed or a signal came; -errno. */
int loop_once(struct loop *l, uint64_t deadline_mono_ns);

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - __builtin_offsetof(type, member)))

#endif
