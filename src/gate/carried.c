// SPDX-License-Identifier: Apache-2.0
/* The relay; see carried.h. Owns every connection's two sockets and buffers. Trusts neither side.
 */
#include "gate/carried.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct connection;

/* One socket of a connection, and what was read from it and is on its way to the other. */
struct side {
	struct watch watch;
	struct connection *connection;
	bool watched;
	bool ended;    /* nothing more will be read from it */
	bool finished; /* nothing more will be written to it */
	size_t size, at;
	char data[RELAY_BUFFER];
};

enum { INSIDE, OUTSIDE };

struct connection {
	struct relay_port *port;
	bool connecting;
	size_t tried; /* addresses of the destination */
	struct side sides[2];
};

static struct side *other(struct side *s)
{
	struct connection *c = s->connection;

	return s == &c->sides[INSIDE] ? &c->sides[OUTSIDE] : &c->sides[INSIDE];
}

static uint32_t wanted(struct side *s)
{
	uint32_t events = 0;

	if (s->connection->connecting)
		return s == &s->connection->sides[OUTSIDE] ? EPOLLOUT : 0;
	if (!s->ended && !s->size)
		events |= EPOLLIN;
	if (!s->finished && other(s)->size)
		events |= EPOLLOUT;
	return events;
}

/* A socket of which nothing is wanted is not watched at all: its hang-up would be told without end.
 */
static void side_watch(struct side *s)
{
	struct loop *loop = s->connection->port->relay->loop;
	uint32_t events = s->watch.fd < 0 ? 0 : wanted(s);

	if (s->watched && events) {
		loop_change(loop, &s->watch, events);
	} else if (s->watched) {
		loop_remove(loop, &s->watch);
		s->watched = false;
	} else if (events) {
		s->watch.events = events;
		s->watched = loop_add(loop, &s->watch) == 0;
	}
}

static void side_close(struct side *s, bool reset)
{
	struct linger at_once = { .l_onoff = 1 };

	if (s->watch.fd < 0)
		return;
	if (s->watched)
		loop_remove(s->connection->port->relay->loop, &s->watch);
	s->watched = false;
	if (reset)
		setsockopt(s->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(s->watch.fd);
	s->watch.fd = -1;
}

static void ports_watch(struct relay *r)
{
	for (struct relay_port *p = r->ports; p; p = p->next)
		loop_change(r->loop, &p->watch,
			    r->connections < RELAY_CONNECTIONS_MAX ? EPOLLIN : 0);
}

static void connection_close(struct connection *c, bool reset)
{
	struct relay *r = c->port->relay;

	side_close(&c->sides[INSIDE], reset);
	side_close(&c->sides[OUTSIDE], reset);
	free(c);
	r->connections--;
	ports_watch(r);
}

static bool passing(int err)
{
	return err == EAGAIN || err == EINTR || err == EINPROGRESS;
}

/* False: the connection was reset. */
static bool side_read(struct side *s)
{
	ssize_t n = recv(s->watch.fd, s->data, sizeof(s->data), 0);

	if (n < 0)
		return passing(errno);
	s->ended = n == 0;
	s->size = (size_t)n;
	s->at = 0;
	return true;
}

/* Who no longer listens may still have something to say: only this direction is over. */
static void side_write(struct side *to)
{
	struct side *from = other(to);
	ssize_t n = send(to->watch.fd, from->data + from->at, from->size - from->at, MSG_NOSIGNAL);

	if (n < 0 && passing(errno))
		return;
	if (n < 0) {
		to->finished = from->ended = true;
		from->size = 0;
		return;
	}
	from->at += (size_t)n;
	if (from->at == from->size)
		from->size = 0;
}

/* Passes ends on, and waits for what comes next; the connection may be gone afterwards. */
static void settle(struct connection *c)
{
	for (int i = INSIDE; i <= OUTSIDE; i++) {
		struct side *s = &c->sides[i];

		if (!s->ended || s->size || other(s)->finished || c->connecting)
			continue;
		shutdown(other(s)->watch.fd, SHUT_WR);
		other(s)->finished = true;
	}
	if (c->sides[INSIDE].finished && c->sides[OUTSIDE].finished) {
		connection_close(c, false);
		return;
	}
	side_watch(&c->sides[INSIDE]);
	side_watch(&c->sides[OUTSIDE]);
}

/* Begins with the next address; false where there is none left. */
static bool connect_next(struct connection *c)
{
	const struct destination *to = c->port->to;
	struct side *s = &c->sides[OUTSIDE];

	side_close(s, false);
	while (c->tried < to->count) {
		const struct destination_address *a = &to->addresses[c->tried++];

		s->watch.fd =
			socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (s->watch.fd >= 0 &&
		    (connect(s->watch.fd, (const struct sockaddr *)&a->at, a->size) == 0 ||
		     errno == EINPROGRESS))
			return true;
		c->port->error = errno;
		side_close(s, false);
	}
	c->port->failed++;
	return false;
}

static void connect_ready(struct connection *c)
{
	socklen_t size = sizeof(int);
	int err = 0;

	getsockopt(c->sides[OUTSIDE].watch.fd, SOL_SOCKET, SO_ERROR, &err, &size);
	if (err) {
		c->port->error = err;
		if (!connect_next(c)) {
			connection_close(c, true);
			return;
		}
	} else {
		c->connecting = false;
	}
	settle(c);
}

static void side_ready(struct watch *w, uint32_t events)
{
	struct side *s = container_of(w, struct side, watch);
	struct connection *c = s->connection;
	uint32_t asked = w->events;

	if (c->connecting) {
		connect_ready(c);
		return;
	}
	if (events & EPOLLERR && !(events & (EPOLLIN | EPOLLHUP))) {
		connection_close(c, true);
		return;
	}
	if (asked & EPOLLIN && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		if (!side_read(s)) {
			connection_close(c, true);
			return;
		}
		if (s->size)
			side_write(other(s));
	}
	if (asked & EPOLLOUT && events & (EPOLLOUT | EPOLLHUP | EPOLLERR) && other(s)->size)
		side_write(s);
	settle(c);
}

static void connection_new(struct relay_port *p, int fd)
{
	struct connection *c = malloc(sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->port = p;
	c->connecting = true;
	c->tried = 0;
	for (int i = INSIDE; i <= OUTSIDE; i++) {
		struct side *s = &c->sides[i];

		s->watch = (struct watch){ .fd = i == INSIDE ? fd : -1, .ready = side_ready };
		s->connection = c;
		s->watched = s->ended = s->finished = false;
		s->size = s->at = 0;
	}
	p->accepted++;
	p->relay->connections++;
	if (!connect_next(c)) {
		connection_close(c, true);
		return;
	}
	settle(c);
	ports_watch(p->relay);
}

/* Where no descriptor is left, the queue waits until a connection ends, as at the limit. */
static void port_ready(struct watch *w, uint32_t events)
{
	struct relay_port *p = container_of(w, struct relay_port, watch);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0)
		connection_new(p, fd);
	else if (!passing(errno) && p->relay->connections > 0)
		loop_change(p->relay->loop, w, 0);
}

int relay_listen(struct relay *r, struct relay_port *p)
{
	p->relay = r;
	p->watch.events = EPOLLIN;
	p->watch.ready = port_ready;
	p->next = r->ports;
	r->ports = p;
	return loop_add(r->loop, &p->watch);
}
