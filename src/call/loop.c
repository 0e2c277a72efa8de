// SPDX-License-Identifier: Apache-2.0
/* epoll, one event at a time; see loop.h. Owns the epoll descriptor, for as long as the process
 * lives. */
#include "call/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

int loop_open(struct loop *l)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll < 0 ? -errno : 0;
}

int loop_add(struct loop *l, struct watch *w)
{
	struct epoll_event e = { .events = w->events, .data.ptr = w };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &e) < 0 ? -errno : 0;
}

void loop_change(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (w->events != events && epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e) == 0)
		w->events = events;
}

void loop_remove(struct loop *l, struct watch *w)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
}

static int timeout_ms(uint64_t deadline_mono_ns)
{
	uint64_t now, ms;

	if (deadline_mono_ns == UINT64_MAX)
		return -1;
	now = clock_mono_ns();
	if (deadline_mono_ns <= now)
		return 0;
	ms = (deadline_mono_ns - now + 999999) / 1000000;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int loop_once(struct loop *l, uint64_t deadline_mono_ns)
{
	struct epoll_event e;
	int n = epoll_wait(l->epoll, &e, 1, timeout_ms(deadline_mono_ns));
	struct watch *w;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return 0;
	w = e.data.ptr;
	w->ready(w, e.events);
	return 1;
}
