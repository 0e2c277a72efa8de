// SPDX-License-Identifier: Apache-2.0
/* Resolving outside, by c-ares in the gate's loop. Owns the channel and every name that is being
 * asked for or is remembered. Servers are those of network.resolver, which the run's client filled
 * in from its own host where the policy has none: the gate reads no file. The host's /etc/hosts is
 * left out on purpose: what it says is about the host's own neighbours, to which no name that an
 * agent speaks should lead. Nothing that an answer says is trusted: who dials judges the addresses.
 *
 * c-ares cannot give up one query, so the wait is bounded here and the query runs out by itself;
 * what it still brings is remembered. */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "gate/gate.h"
#include "policy/publish.h"

#define LOOKUPS_MAX                                                                              \
	1024		 /* names, asked for or remembered; the next waits for nothing and fails \
			  */
#define FLIGHT_MAX 256	 /* names that are asked for at once */
#define ADDRESSES_MAX 32 /* of each family; further ones are left out */
#define SOCKETS_MAX 16	 /* c-ares has one for each server, and one over TCP */
#define TRY_MS 2000	 /* the second and last try has twice that, cut by WAIT_NS */
#define TRIES 2
#define WAIT_NS (4500 * NSEC_PER_SEC / 1000) /* below the 5 s after which clients ask again */
#define TTL_MIN 1			     /* seconds */
#define TTL_MAX 300
#define TTL_NEGATIVE 5

struct lookup;

struct resolution {
	LIST_ENTRY(resolution) entry;
	resolve_done *done;
	void *context;
};
LIST_HEAD(resolution_list, resolution);

/* One name. It has a timer as long as somebody waits: for the answer, or, where it is known, for
 * the next turn of the loop. */
struct lookup {
	LIST_ENTRY(lookup) entry;
	struct lookups *all;
	struct resolution_list waiting;
	struct timer timer;
	bool flying, telling; /* c-ares, or tell(), refers to it */
	uint64_t until;	      /* so long what follows holds */
	int error;
	size_t count;
	struct egress_address addresses[2 * ADDRESSES_MAX];
	char name[];
};

struct socket_watch {
	struct watch watch; /* fd -1: free */
	struct lookups *all;
};

struct lookups {
	struct gate *gate;
	ares_channel channel;
	struct timer timer;
	struct socket_watch sockets[SOCKETS_MAX];
	LIST_HEAD(, lookup) list;
	size_t count, flying;
};

static bool known(const struct lookup *l)
{
	return clock_mono_ns() < l->until;
}

/* What was found holds for some seconds. */
static void remember(struct lookup *l, int error, unsigned seconds)
{
	l->error = error;
	l->until = clock_mono_ns() + seconds * NSEC_PER_SEC;
}

/* When c-ares has to look for queries that were not answered. */
static void watch_time(struct lookups *s)
{
	struct timeval tv = { .tv_sec = 0 };

	if (!ares_timeout(s->channel, NULL, &tv)) {
		timer_stop(&s->gate->timers, &s->timer);
		return;
	}
	timer_set(&s->gate->timers, &s->timer,
		  clock_mono_ns() + (uint64_t)tv.tv_sec * NSEC_PER_SEC +
			  (uint64_t)tv.tv_usec * 1000);
}

static void time_due(struct timer *t)
{
	struct lookups *s = container_of(t, struct lookups, timer);

	ares_process_fd(s->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	watch_time(s);
}

static void socket_ready(struct watch *w, uint32_t events)
{
	struct socket_watch *at = container_of(w, struct socket_watch, watch);
	struct lookups *s = at->all;
	bool in = events & (EPOLLIN | EPOLLERR | EPOLLHUP);

	ares_process_fd(s->channel, in ? w->fd : ARES_SOCKET_BAD,
			events & EPOLLOUT ? w->fd : ARES_SOCKET_BAD);
	watch_time(s);
}

/* c-ares begins or ends to wait for a socket; where there is no room its queries run out. */
static void socket_changed(void *data, ares_socket_t fd, int readable, int writable)
{
	struct lookups *s = data;
	struct socket_watch *at = NULL;
	uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);

	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (s->sockets[i].watch.fd == fd || (!at && s->sockets[i].watch.fd < 0))
			at = &s->sockets[i];
	if (!at || (at->watch.fd < 0 && !events))
		return;
	if (at->watch.fd < 0) {
		at->watch = (struct watch){ .fd = fd, .events = events, .ready = socket_ready };
		if (loop_add(&s->gate->loop, &at->watch) < 0)
			at->watch.fd = -1;
	} else if (events) {
		loop_change(&s->gate->loop, &at->watch, events);
	} else {
		loop_remove(&s->gate->loop, &at->watch);
		at->watch.fd = -1;
	}
}

static void lookup_free(struct lookup *l)
{
	timer_stop(&l->all->gate->timers, &l->timer);
	LIST_REMOVE(l, entry);
	l->all->count--;
	free(l);
}

static bool idle(const struct lookup *l)
{
	return !l->flying && !l->telling && LIST_EMPTY(&l->waiting);
}

/* Tells all who wait now; what they begin meanwhile waits for the next turn. */
static void tell(struct timer *t)
{
	struct lookup *l = container_of(t, struct lookup, timer);
	struct resolution_list list = LIST_HEAD_INITIALIZER(list);
	struct resolution *r;

	if (!known(l)) {
		l->count = 0;
		remember(l, ETIMEDOUT, TTL_NEGATIVE);
	}
	/* who came first is the last in `waiting` */
	while ((r = LIST_FIRST(&l->waiting))) {
		LIST_REMOVE(r, entry);
		LIST_INSERT_HEAD(&list, r, entry);
	}
	l->telling = true;
	while ((r = LIST_FIRST(&list))) {
		LIST_REMOVE(r, entry);
		r->done(r->context, l->error, l->addresses, l->count);
		free(r);
	}
	l->telling = false;
}

static void take_address(struct lookup *l, const struct sockaddr *at, size_t counts[2])
{
	bool v6 = at->sa_family == AF_INET6;
	struct egress_address *a = &l->addresses[l->count];

	if ((!v6 && at->sa_family != AF_INET) || counts[v6] == ADDRESSES_MAX)
		return;
	counts[v6]++;
	l->count++;
	if (v6) {
		memcpy(a->bytes, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, 16);
		return;
	}
	*a = (struct egress_address){ { [10] = 0xff, [11] = 0xff } };
	memcpy(a->bytes + 12, &((const struct sockaddr_in *)(const void *)at)->sin_addr, 4);
}

/* The shortest life of what led to the addresses. */
static unsigned take_addresses(struct lookup *l, const struct ares_addrinfo *info)
{
	size_t counts[2] = { 0 };
	int ttl = TTL_MAX;

	for (const struct ares_addrinfo_cname *c = info->cnames; c; c = c->next)
		ttl = c->ttl < ttl ? c->ttl : ttl;
	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next) {
		ttl = n->ai_ttl < ttl ? n->ai_ttl : ttl;
		take_address(l, n->ai_addr, counts);
	}
	return ttl < TTL_MIN ? TTL_MIN : (unsigned)ttl;
}

static int error_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return ENODATA;
	case ARES_ENOTFOUND:
		return ENOENT;
	case ARES_ETIMEOUT:
		return ETIMEDOUT;
	case ARES_ECONNREFUSED:
		return ECONNREFUSED;
	default:
		return EIO;
	}
}

/* From c-ares, perhaps while it is being asked: so who waits is told by the timer. */
static void answered(void *context, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *l = context;
	unsigned seconds = TTL_NEGATIVE;

	(void)timeouts;
	l->flying = false;
	l->all->flying--;
	l->count = 0;
	if (status == ARES_SUCCESS)
		seconds = take_addresses(l, info);
	remember(l, l->count ? 0 : error_of(status), l->count ? seconds : TTL_NEGATIVE);
	ares_freeaddrinfo(info);
	if (!LIST_EMPTY(&l->waiting))
		timer_set(&l->all->gate->timers, &l->timer, 0);
}

static void ask(struct lookup *l)
{
	/* in the order in which they came; whoever dials has his own */
	static const struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
							  .ai_family = AF_UNSPEC };

	l->flying = true;
	l->all->flying++;
	ares_getaddrinfo(l->all->channel, l->name, NULL, &hints, answered, l);
	watch_time(l->all);
}

/* Room for one more name: of those that nobody waits for, the one that would be forgotten first. */
static bool make_room(struct lookups *s)
{
	struct lookup *first = NULL, *l;

	if (s->count < LOOKUPS_MAX)
		return true;
	LIST_FOREACH(l, &s->list, entry)
	if (idle(l) && (!first || l->until < first->until))
		first = l;
	if (first)
		lookup_free(first);
	return first;
}

static struct lookup *find(struct lookups *s, const char *name)
{
	struct lookup *l;

	LIST_FOREACH(l, &s->list, entry)
	if (strcmp(l->name, name) == 0)
		return l;
	l = make_room(s) ? calloc(1, sizeof(*l) + strlen(name) + 1) : NULL;
	if (!l)
		return NULL;
	strcpy(l->name, name);
	l->all = s;
	l->timer.due = tell;
	LIST_INIT(&l->waiting);
	LIST_INSERT_HEAD(&s->list, l, entry);
	s->count++;
	return l;
}

struct resolution *resolve(struct gate *g, const char *name, resolve_done *done, void *context)
{
	struct lookups *s = g->lookups;
	struct lookup *l = find(s, name);
	struct resolution *r;
	bool knows = l && known(l);

	if (!l || (!knows && !l->flying && s->flying == FLIGHT_MAX))
		return NULL;
	/* who came first bounds the wait of all; a second try is another query */
	if ((knows || LIST_EMPTY(&l->waiting)) &&
	    timer_set(&g->timers, &l->timer, knows ? 0 : clock_mono_ns() + WAIT_NS) < 0)
		return NULL;
	r = malloc(sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct resolution){ .done = done, .context = context };
	LIST_INSERT_HEAD(&l->waiting, r, entry);
	if (!knows && !l->flying)
		ask(l);
	return r;
}

void resolve_cancel(struct resolution *r)
{
	LIST_REMOVE(r, entry);
	free(r);
}

/* Each server at its port over both; the head of a list to be freed. */
static struct ares_addr_port_node *servers(const struct text_list *texts)
{
	struct ares_addr_port_node *list = NULL;

	for (size_t i = texts->count; i-- > 0;) {
		struct resolver from;
		struct ares_addr_port_node *n;

		if (resolver_parse(texts->items[i], &from) < 0)
			continue;
		n = calloc(1, sizeof(*n));
		if (!n)
			break;
		n->family = egress_is4(&from.address) ? AF_INET : AF_INET6;
		if (n->family == AF_INET)
			memcpy(&n->addr.addr4, from.address.bytes + 12, 4);
		else
			memcpy(&n->addr.addr6, from.address.bytes, 16);
		n->udp_port = n->tcp_port = from.port;
		n->next = list;
		list = n;
	}
	return list;
}

static int open_channel(struct lookups *s)
{
	int servers_count = (int)s->gate->policy.network.resolver.count;
	/* everything is said, so c-ares looks into no file and no variable; "b": queries alone;
	 * each server has a turn before WAIT_NS is over */
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = servers_count > 2 ? 2 * TRY_MS / servers_count : TRY_MS,
		.tries = TRIES,
		.lookups = (char[]){ "b" },
		.sock_state_cb = socket_changed,
		.sock_state_cb_data = s,
	};
	struct ares_addr_port_node *list = servers(&s->gate->policy.network.resolver), *n;
	int r = ares_init_options(&s->channel, &o,
				  ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					  ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
					  ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
					  ARES_OPT_SOCK_STATE_CB);

	if (r == ARES_SUCCESS && list)
		r = ares_set_servers_ports(s->channel, list);
	while ((n = list)) {
		list = n->next;
		free(n);
	}
	return r == ARES_SUCCESS ? 0 : r == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int resolve_open(struct gate *g)
{
	struct lookups *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->gate = g;
	s->timer.due = time_due;
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		s->sockets[i] = (struct socket_watch){ .watch.fd = -1, .all = s };
	r = open_channel(s);
	if (r < 0) {
		free(s);
		return r;
	}
	g->lookups = s;
	return 0;
}
