// SPDX-License-Identifier: Apache-2.0
/* Dialling; see dial.h. Owns the sockets until one is connected. */
#include "gate/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define MS_NS 1000000ull
#define FULL_MS 20 /* a unix socket whose queue is full: connect(2) says so instead of waiting */
/* A peer that has gone without a word is noticed after idle + count × interval seconds. */
#define KEEP_IDLE_S 600
#define KEEP_INTERVAL_S 60
#define KEEP_COUNT 5

struct dial_attempt {
	struct watch watch; /* fd -1: not begun, or failed */
	struct dial *dial;
	struct dial_address to;
};

struct dial {
	struct gate *g;
	dial_done *done;
	void *context;
	struct timer timer; /* the next attempt, or the end of all */
	uint64_t deadline_ns;
	int error; /* of the last attempt that failed */
	bool full; /* the last attempt is to be made again */
	struct dial_ends ends;
	size_t count, tried, living;
	struct dial_attempt attempts[];
};

void dial_address_set(struct dial_address *d, const struct egress_address *a, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memcpy(&in.sin_addr, a->bytes + 12, 4);
	memcpy(&in6.sin6_addr, a->bytes, 16);
	d->size = egress_is4(a) ? sizeof(in) : sizeof(in6);
	memcpy(d->at.bytes, egress_is4(a) ? (void *)&in : (void *)&in6, d->size);
}

void socket_address(const struct sockaddr_storage *at, struct egress_address *ret,
		    uint16_t *ret_port)
{
	static const struct egress_address mapped = { { [10] = 0xff, [11] = 0xff } };
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*ret = (struct egress_address){ .bytes = { 0 } };
	*ret_port = 0;
	if (at->ss_family == AF_INET) {
		memcpy(&in, at, sizeof(in));
		*ret = mapped;
		memcpy(ret->bytes + 12, &in.sin_addr, 4);
		*ret_port = ntohs(in.sin_port);
	} else if (at->ss_family == AF_INET6) {
		memcpy(&in6, at, sizeof(in6));
		memcpy(ret->bytes, &in6.sin6_addr, 16);
		*ret_port = ntohs(in6.sin6_port);
	}
}

static void attempt_close(struct dial_attempt *a)
{
	if (a->watch.fd < 0)
		return;
	loop_remove(&a->dial->g->loop, &a->watch);
	close(a->watch.fd);
	a->watch.fd = -1;
	a->dial->living--;
}

static void dial_end(struct dial *d, int error, int fd)
{
	struct dial_ends ends = d->ends;
	dial_done *done = d->done;
	void *context = d->context;

	dial_cancel(d);
	done(context, error, fd, &ends);
}

/* What a firewall on the way saw, or sees by now. */
static void note_ends(struct dial *d, const struct dial_attempt *a)
{
	struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
	socklen_t size = sizeof(at);

	memcpy(&at, a->to.at.bytes, a->to.size);
	socket_address(&at, &d->ends.to, &d->ends.to_port);
	at.ss_family = AF_UNSPEC;
	getsockname(a->watch.fd, (struct sockaddr *)&at, &size);
	socket_address(&at, &d->ends.from, &d->ends.from_port);
}

static void attempt_ready(struct watch *w, uint32_t events)
{
	struct dial_attempt *a = container_of(w, struct dial_attempt, watch);
	struct dial *d = a->dial;
	socklen_t size = sizeof(int);
	int error = 0, fd;

	(void)events;
	getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		d->error = error;
		attempt_close(a);
		timer_set(&d->g->timers, &d->timer, 0);
		return;
	}
	note_ends(d, a);
	fd = w->fd;
	loop_remove(&d->g->loop, w);
	w->fd = -1;
	d->living--;
	dial_end(d, 0, fd);
}

static void keep_alive(int fd)
{
	int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S, count = KEEP_COUNT;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static void attempt_begin(struct dial *d)
{
	struct dial_attempt *a = &d->attempts[d->tried++];
	int fd = socket(a->to.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		d->error = errno;
		return;
	}
	keep_alive(fd);
	a->watch = (struct watch){ .fd = fd, .events = EPOLLOUT, .ready = attempt_ready };
	if ((connect(fd, &a->to.at.any, a->to.size) < 0 && errno != EINPROGRESS) ||
	    loop_add(&d->g->loop, &a->watch) < 0) {
		d->error = errno;
		d->full = errno == EAGAIN;
		d->tried -= d->full;
		close(fd);
		a->watch.fd = -1;
		return;
	}
	d->living++;
	note_ends(d, a);
}

static void dial_due(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, timer);
	uint64_t now = clock_mono_ns(), next;

	if (now >= d->deadline_ns) {
		dial_end(d, ETIMEDOUT, -1);
		return;
	}
	d->full = false;
	do {
		if (d->tried < d->count)
			attempt_begin(d);
	} while (!d->living && !d->full && d->tried < d->count);
	next = d->tried < d->count ? now + (d->full ? FULL_MS : DIAL_STAGGER_MS) * MS_NS
				   : d->deadline_ns;
	if ((!d->living && !d->full) || timer_set(&d->g->timers, t, next) < 0)
		dial_end(d, d->error ? d->error : ENOMEM, -1);
}

struct dial *dial_start(struct gate *g, const struct dial_address *list, size_t count,
			dial_done *done, void *context)
{
	struct dial *d;

	if (count > DIAL_MAX)
		count = DIAL_MAX;
	d = calloc(1, sizeof(*d) + count * sizeof(d->attempts[0]));
	if (!d)
		return NULL;
	*d = (struct dial){ .g = g, .done = done, .context = context, .count = count };
	d->timer.due = dial_due;
	d->deadline_ns = clock_mono_ns() + DIAL_WAIT_MS * MS_NS;
	for (size_t i = 0; i < count; i++) {
		d->attempts[i].dial = d;
		d->attempts[i].to = list[i];
		d->attempts[i].watch.fd = -1;
	}
	if (timer_set(&g->timers, &d->timer, 0) == 0)
		return d;
	free(d);
	return NULL;
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++)
		attempt_close(&d->attempts[i]);
	timer_stop(&d->g->timers, &d->timer);
	free(d);
}
