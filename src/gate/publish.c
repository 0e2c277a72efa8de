// SPDX-License-Identifier: Apache-2.0
/* Ports inside that the outside reaches (network.publish): listens outside, connects inside to
 * loopback by a socket that was made there, relays. Owns its listening sockets and connections.
 * Nothing inside is asked whether it may be reached: what is not published has no listener. */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "gate/cut.h"
#include "gate/dial.h"
#include "gate/flow_event.h"
#include "gate/gate.h"
#include "gate/relay.h"
#include "policy/publish.h"

#define CONNECTIONS_MAX 1024 /* at once; the next are reset */
#define BACKLOG 1024
#define INSIDE_NS (10 * NSEC_PER_SEC) /* for the connection inside */
#define AGAIN_NS (NSEC_PER_SEC / 10)
#define LIVES_NS (60 * NSEC_PER_SEC)

struct published_port {
	struct published *all;
	struct publish what;
	struct watch watch; /* fd owned; -1: it could not be had */
	struct timer again; /* where there was no descriptor to accept with */
	uint64_t refused;   /* came while as many as may be were served */
};

enum inbound_step {
	INBOUND_BEGINS,	  /* who listens inside? */
	INBOUND_WAITS,	  /* for a socket to connect inside with */
	INBOUND_CONNECTS, /* inside */
	INBOUND_RELAYS
};

struct inbound {
	TAILQ_ENTRY(inbound) entry;
	struct gate *g;
	enum inbound_step step;
	const struct published_port *port;
	bool v6;	     /* inside: IPv6 is tried where nothing listens on IPv4 */
	int outside;	     /* the pair's where it relays */
	struct watch inside; /* until it is the pair's; fd -1: none */
	struct pair pair;
	struct flow_key key;
	struct flow_owner owner;
	struct dial_ends ends;
	uint64_t number, started_ns;
	struct timer timer; /* INSIDE_NS, then each minute, or sooner for news */
	unsigned news;
};
TAILQ_HEAD(inbound_list, inbound);

struct published {
	struct gate *g;
	struct relay relay;
	size_t port_count, count;
	struct published_port ports[PUBLISH_MAX];
	struct inbound_list list;
};

static void tell(struct inbound *c, enum flow_state state, int error, const char *reason)
{
	struct flow_event e = {
		.key = &c->key,
		.owner = &c->owner,
		.ends = &c->ends,
		.meter = &c->pair.meter,
		.reader = c->pair.reader,
		.number = c->number,
		.started_ns = c->started_ns,
		.rule = EGRESS_NO_RULE,
		.protocol = PROTOCOL_UNKNOWN,
		.in = true,
		.state = state,
		.error = error,
		.reason = reason,
	};

	meter_segments(c->step == INBOUND_RELAYS ? c->pair.sides[OUTSIDE].watch.fd : c->outside,
		       &e.packets[INSIDE], &e.packets[OUTSIDE]);
	flow_event_tell(c->g, &e);
}

static void reset(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void inside_close(struct inbound *c)
{
	if (c->inside.fd < 0)
		return;
	loop_remove(&c->g->loop, &c->inside);
	close(c->inside.fd);
	c->inside.fd = -1;
}

static void inbound_over(struct inbound *c, enum flow_state state, int error, const char *reason)
{
	struct published *all = c->g->published;

	tell(c, state, error, reason);
	timer_stop(&c->g->timers, &c->timer);
	inside_close(c);
	if (c->step == INBOUND_RELAYS)
		pair_close(&c->pair, error || state == FLOW_CUT);
	else
		reset(c->outside);
	TAILQ_REMOVE(&all->list, c, entry);
	all->count--;
	free(c);
}

static void timer_due(struct timer *t)
{
	struct inbound *c = container_of(t, struct inbound, timer);

	if (c->step == INBOUND_RELAYS) {
		tell(c, FLOW_LIVES, 0, "");
		timer_set(&c->g->timers, t, clock_mono_ns() + LIVES_NS);
	} else {
		inbound_over(c, FLOW_CUT, ETIMEDOUT, "nothing inside answered");
	}
}

/* Never: no side is held. */
static void show(struct pair *p, enum meter_side side, uint32_t events)
{
	(void)p, (void)side, (void)events;
}

static uint64_t allow(struct pair *p)
{
	(void)p;
	return UINT64_MAX;
}

static void passed(struct pair *p, uint64_t bytes)
{
	struct inbound *c = container_of(p, struct inbound, pair);

	(void)bytes;
	if (p->reader && flow_reader_news(p->reader))
		flow_event_soon(c->g, &c->timer, &c->news);
}

static void over(struct pair *p, enum meter_side side, int error)
{
	const char *reset_by = side == INSIDE ? "reset inside" : "reset outside";

	inbound_over(container_of(p, struct inbound, pair), FLOW_ENDED, error,
		     error ? reset_by : "");
}

static const struct relay_owner relay_owner = { show, allow, passed, over };

static void relay_begin(struct inbound *c)
{
	struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
	socklen_t size = sizeof(at);
	struct egress_address a;
	int fd = take_fd(&c->inside.fd);

	getsockname(fd, (struct sockaddr *)&at, &size);
	socket_address(&at, &a, &c->key.from_port);
	memcpy(c->key.from, a.bytes, sizeof(c->key.from));
	pair_open(&c->pair, &c->g->published->relay, fd, INSIDE, c->port->what.inside,
		  c->started_ns);
	c->step = INBOUND_RELAYS;
	tell(c, FLOW_OPENED, 0, "");
	timer_set(&c->g->timers, &c->timer, clock_mono_ns() + LIVES_NS);
	pair_connect(&c->pair, c->outside, false);
	pair_let(&c->pair, INSIDE);
}

/* A socket is asked for that is made inside; published_socket() brings it. */
static void ask_socket(struct inbound *c)
{
	struct gate_socket kind = { GATE_SOCKET_DIAL, c->v6 ? AF_INET6 : AF_INET };
	static const struct egress_address loopback[2] = {
		{ { [10] = 0xff, 0xff, 127, 0, 0, 1 } },
		{ { [15] = 1 } },
	};

	memcpy(c->key.to, loopback[c->v6].bytes, sizeof(c->key.to));
	c->step = INBOUND_WAITS;
	gate_make(c->g, kind, 1);
}

static void connected(struct inbound *c, int error)
{
	if (error == 0) {
		loop_remove(&c->g->loop, &c->inside);
		relay_begin(c);
		return;
	}
	inside_close(c);
	if (error == ECONNREFUSED && !c->v6 && names_have_v6(c->g)) {
		c->v6 = true;
		ask_socket(c);
	} else {
		inbound_over(c, FLOW_CUT, error,
			     error == ECONNREFUSED ? "nothing inside listens" : strerror(error));
	}
}

static void inside_ready(struct watch *w, uint32_t events)
{
	struct inbound *c = container_of(w, struct inbound, inside);
	socklen_t size = sizeof(int);
	int error = 0;

	(void)events;
	getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	connected(c, error);
}

static void connect_inside(struct inbound *c, int fd)
{
	struct egress_address to;
	struct dial_address at;
	int r;

	memcpy(to.bytes, c->key.to, sizeof(to.bytes));
	dial_address_set(&at, &to, c->key.to_port);
	c->step = INBOUND_CONNECTS;
	c->inside = (struct watch){ .fd = fd, .events = EPOLLOUT, .ready = inside_ready };
	r = connect(fd, &at.at.any, at.size) < 0 ? errno : 0;
	if (loop_add(&c->g->loop, &c->inside) < 0)
		r = ENOMEM;
	if (r != EINPROGRESS)
		connected(c, r);
}

static void owned(void *context, const struct flow_owner *owner)
{
	struct inbound *c = context;
	const char *refused = NULL;

	if (owner) {
		c->owner = *owner;
		refused = cut_refused(c->g, owner->h.call, c->ends.from.bytes, c->key.to_port);
	}
	if (refused)
		inbound_over(c, FLOW_CUT, EPERM, refused);
	else if (timer_set(&c->g->timers, &c->timer, clock_mono_ns() + INSIDE_NS) < 0)
		inbound_over(c, FLOW_CUT, ENOMEM, "no memory");
	else
		ask_socket(c);
}

/* Who listens at the port, as the kernel noted it (src/bpf/flow.h), or sock_diag finds it. */
static void find_listener(struct inbound *c)
{
	struct flow_key key = { .run = c->g->open.key,
				.to = { [10] = 0xff, 0xff },
				.from = { [10] = 0xff, 0xff, 127, 0, 0, 1 },
				.from_port = c->port->what.inside,
				.protocol = IPPROTO_TCP };

	owner_find(c->g, &key, owned, c);
}

static void inbound_new(struct published_port *p, int fd, const struct sockaddr_storage *from,
			const struct sockaddr_storage *to)
{
	struct published *all = p->all;
	struct inbound *c = all->count < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		p->refused++;
		reset(fd);
		return;
	}
	c->g = all->g;
	c->port = p;
	c->outside = fd;
	c->inside.fd = -1;
	c->number = c->g->open.next_flow++;
	c->started_ns = clock_mono_ns();
	c->timer.due = timer_due;
	c->key = (struct flow_key){ .run = c->g->open.key,
				    .to_port = p->what.inside,
				    .protocol = IPPROTO_TCP };
	socket_address(from, &c->ends.from, &c->ends.from_port);
	socket_address(to, &c->ends.to, &c->ends.to_port);
	TAILQ_INSERT_TAIL(&all->list, c, entry);
	all->count++;
	find_listener(c);
}

static void again_due(struct timer *t)
{
	struct published_port *p = container_of(t, struct published_port, again);

	loop_change(&p->all->g->loop, &p->watch, EPOLLIN);
}

static void port_ready(struct watch *w, uint32_t events)
{
	struct published_port *p = container_of(w, struct published_port, watch);
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC }, to = from;
	socklen_t from_size = sizeof(from), to_size = sizeof(to);
	int fd = accept4(w->fd, (struct sockaddr *)&from, &from_size, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0 && getsockname(fd, (struct sockaddr *)&to, &to_size) == 0)
		inbound_new(p, fd, &from, &to);
	else if (fd >= 0)
		close(fd);
	else if ((errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) &&
		 timer_set(&p->all->g->timers, &p->again, clock_mono_ns() + AGAIN_NS) == 0)
		loop_change(&p->all->g->loop, w, 0);
}

/* The next gate of the run takes the port at once, whatever still hangs on it. */
static int port_open(struct published_port *p)
{
	struct dial_address at;
	cleanup_fd int fd = -1;
	int on = 1, r;

	dial_address_set(&at, &p->what.address, p->what.port);
	fd = socket(at.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (at.at.any.sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, &at.at.any, at.size) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	p->again.due = again_due;
	p->watch = (struct watch){ .fd = fd, .events = EPOLLIN, .ready = port_ready };
	r = loop_add(&p->all->g->loop, &p->watch);
	if (r == 0)
		take_fd(&fd);
	else
		p->watch.fd = -1;
	return r;
}

int published_open(struct gate *g)
{
	struct published *all = calloc(1, sizeof(*all));
	const struct text_list *texts = &g->policy.network.publish;
	int r;

	if (!all)
		return -ENOMEM;
	all->g = g;
	TAILQ_INIT(&all->list);
	r = relay_open(&all->relay, &g->loop, &relay_owner);
	if (r < 0) {
		free(all);
		return r;
	}
	for (size_t i = 0; i < texts->count && i < PUBLISH_MAX; i++) {
		struct published_port *p = &all->ports[all->port_count];

		*p = (struct published_port){ .all = all, .watch.fd = -1 };
		if (publish_parse(texts->items[i], &p->what) == 0)
			all->port_count++;
	}
	g->published = all;
	return 0;
}

int published_listen(struct gate *g, struct fail *f)
{
	struct published *all = g->published;
	char address[EGRESS_ADDRESS_TEXT];
	int first = 0;

	for (size_t i = 0; i < all->port_count; i++) {
		struct published_port *p = &all->ports[i];
		int r = port_open(p);

		if (r == 0 || first)
			continue;
		egress_address_text(&p->what.address, address);
		first = fail(f, -r, "published port %s:%u", address, p->what.port);
	}
	return first;
}

int published_socket(struct gate *g, const struct gate_socket *s, int fd)
{
	struct inbound *c;

	TAILQ_FOREACH(c, &g->published->list, entry)
	if (c->step == INBOUND_WAITS && c->v6 == (s->a == AF_INET6)) {
		connect_inside(c, fd);
		return 0;
	}
	close(fd);
	return 0;
}

static void tell_refused(struct gate *g, const struct published_port *p)
{
	struct message_text t = { .code = EMFILE };
	cleanup_buf struct buf data = { 0 };

	snprintf(t.text, sizeof(t.text),
		 "published port %u: %" PRIu64 " connections were refused: more than %d at once",
		 p->what.port, p->refused, CONNECTIONS_MAX);
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	gate_send(g, MESSAGE_GATE_NOTICE, &data);
}

void published_cut(struct gate *g, const struct order *o, const char *reason,
		   struct order_done *done)
{
	struct inbound *c, *next;

	for (c = TAILQ_FIRST(&g->published->list); c; c = next) {
		struct cut_flow is = { c->number, c->owner.h.call, c->ends.from.bytes,
				       c->key.to_port };

		next = TAILQ_NEXT(c, entry);
		if (c->step != INBOUND_BEGINS && cut_orders(g, o, &is, done))
			inbound_over(c, FLOW_CUT, EPERM, reason);
	}
}

void published_close(struct gate *g, const char *reason)
{
	struct inbound *c, *next;

	for (size_t i = 0; i < g->published->port_count; i++)
		if (g->published->ports[i].refused)
			tell_refused(g, &g->published->ports[i]);

	for (c = TAILQ_FIRST(&g->published->list); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->step == INBOUND_RELAYS)
			inbound_over(c, FLOW_CUT, 0, reason);
	}
}
