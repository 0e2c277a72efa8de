// SPDX-License-Identifier: Apache-2.0
/* See flow_table.h. Owns its entries, one a place (detect/places.h), found by number, by cookie and
 * by who connected from where. Texts are an agent's and are kept as they are: whoever shows them
 * escapes them. */
#include "detect/flow_table.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "detect/destination.h"
#include "detect/keyed.h"
#include "detect/places.h"

enum key { BY_NUMBER, BY_COOKIE, BY_ENDS };

struct flow_table {
	struct flow_seen *flows; /* FLOWS_KEPT, by place; memory comes with use */
	struct places *places;
};

int flow_table_new(struct flow_table **ret)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->flows = calloc(FLOWS_KEPT, sizeof(*t->flows));
	if (!t->flows || places_new(FLOWS_KEPT, &t->places) < 0) {
		flow_table_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	places_free(t->places);
	free(t->flows);
	free(t);
}

static struct flow_seen *find(struct flow_table *t, enum key by, uint64_t key)
{
	uint32_t place = places_find(t->places, by, key);

	return place == PLACE_NONE ? NULL : &t->flows[place];
}

/* Never 0, which stands for none. All of loopback is one address: which of its own the kernel takes
 * for a connection is not told, and the ports are enough. */
static uint64_t ends_key(const uint8_t from[16], uint16_t from_port, uint16_t port)
{
	uint64_t halves[2] = { 0 };
	struct address a;

	address_set(&a, AF_INET6, from);
	if (address_class(&a) != ADDRESS_LOOPBACK)
		memcpy(halves, from, sizeof(halves));
	return ((halves[0] * 31 + halves[1]) * 0x9e3779b97f4a7c15ull +
		((uint64_t)from_port << 16 | port)) |
	       1ull << 63;
}

struct flow_seen *flow_table_find(struct flow_table *t, uint64_t flow)
{
	return find(t, BY_NUMBER, flow);
}

struct flow_seen *flow_table_by_cookie(struct flow_table *t, uint64_t cookie)
{
	return find(t, BY_COOKIE, cookie);
}

struct flow_seen *flow_table_by_ends(struct flow_table *t, const uint8_t from[16],
				     uint16_t from_port, uint16_t port)
{
	return find(t, BY_ENDS, ends_key(from, from_port, port));
}

static struct flow_seen *add(struct flow_table *t, const struct event_flow *f)
{
	const uint64_t keys[PLACE_KEYS] = { [BY_NUMBER] = f->flow,
					    [BY_COOKIE] = f->cookie,
					    [BY_ENDS] = ends_key(f->from, f->from_port, f->port) };
	struct flow_seen *seen = &t->flows[places_take(t->places, keys, PLACE_LAST)];

	*seen = (struct flow_seen){ .last = *f };
	return seen;
}

static void set_over(struct flow_table *t, struct flow_seen *f, bool over)
{
	if (f->over != over)
		places_renew(t->places, (uint32_t)(f - t->flows), over ? PLACE_FIRST : PLACE_LAST);
	f->over = over;
}

static void keep_text(char to[FLOW_NAME_MAX], struct bytes text)
{
	size_t size = text.size < FLOW_NAME_MAX ? text.size : FLOW_NAME_MAX - 1;

	if (!size)
		return;
	memcpy(to, text.data, size);
	to[size] = '\0';
}

/* Their number is that of the socket; no flow of the gate has one so large. */
#define INSIDE_NUMBER (1ull << 63)

static bool connects_inside(const struct event_net *n, const struct address *to)
{
	bool connected = n->result >= 0 || n->result == -EINPROGRESS;

	return connected && n->cookie && n->own_port && n->protocol == IPPROTO_TCP &&
	       (n->family == AF_INET || n->family == AF_INET6) &&
	       address_class(to) == ADDRESS_LOOPBACK;
}

/* A connection that stays in the sandbox. Nothing tells its end: it gives way before any other. */
static void take_connect(struct flow_table *t, const struct event_view *e)
{
	const struct event_net *n = e->net;
	struct event_flow f = { .h = *e->h,
				.flow = INSIDE_NUMBER | n->cookie,
				.started_mono_ns = e->h->mono_ns,
				.cookie = n->cookie,
				.transport = IPPROTO_TCP,
				.port = n->port,
				.from_port = n->own_port,
				.rule = EVENT_NO_RULE,
				.direction = FLOW_INSIDE };
	struct egress_address address;
	struct flow_seen *seen;
	struct address to;

	address_set(&to, n->family, n->address);
	/* a socket that the policy carries is a flow of the gate's, which may have told it first */
	if (!connects_inside(n, &to) || flow_table_by_cookie(t, n->cookie))
		return;
	address = destination_egress(&to);
	memcpy(f.address, address.bytes, sizeof(f.address));
	seen = add(t, &f);
	seen->first_seq = seen->last_seq = e->seq;
	set_over(t, seen, true);
}

void flow_table_event(struct flow_table *t, const struct event_view *e)
{
	struct flow_seen *f;
	uint64_t cookie;

	if (e->h->kind == EVENT_CONNECT)
		take_connect(t, e);
	if (e->h->kind != EVENT_FLOW)
		return;
	f = flow_table_find(t, e->flow->flow);
	if (!f) {
		f = add(t, e->flow);
		f->first_seq = e->seq;
	}
	cookie = f->last.cookie; /* the one it is found by */
	f->last = *e->flow;
	f->last.cookie = cookie;
	f->last_seq = e->seq;
	set_over(t, f, e->flow->state == FLOW_ENDED || e->flow->state == FLOW_CUT);
	keep_text(f->name, e->text[0]);
	keep_text(f->detail, e->text[1]);
}

void flow_table_living(struct flow_table *t, void (*on_flow)(void *context, struct flow_seen *f),
		       void *context)
{
	for (uint32_t i = places_eldest(t->places, PLACE_LAST); i != PLACE_NONE;
	     i = places_younger(t->places, i))
		on_flow(context, &t->flows[i]);
}

void flow_seen_words(const struct flow_seen *f, struct buf *out)
{
	struct egress_address address;
	char text[EGRESS_ADDRESS_TEXT];

	memcpy(address.bytes, f->last.address, sizeof(address.bytes));
	if (f->name[0]) {
		text_escape_cut(out, f->name, strlen(f->name), RANGE_NAME_MAX);
	} else {
		egress_address_text(&address, text);
		buf_add_text(out, text);
	}
	buf_printf(out, " port %u", f->last.port);
	if (f->last.protocol != PROTOCOL_UNKNOWN)
		buf_printf(out, " (%s)", protocol_name((enum protocol)f->last.protocol));
	else if (f->last.transport == IPPROTO_UDP)
		buf_add_text(out, " (udp)");
}

uint64_t flow_seen_key(const struct flow_seen *f)
{
	uint64_t h = keyed_hash(KEYED_HASH, &f->last.port, sizeof(f->last.port));

	return f->name[0] ? keyed_hash(h, f->name, strlen(f->name))
			  : keyed_hash(h, f->last.address, sizeof(f->last.address));
}
