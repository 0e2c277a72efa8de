// SPDX-License-Identifier: Apache-2.0
/* See relay.h. Owns the two tables; points at flows only while these are listed with their hosts,
 * and relay_over() takes them off. */
#include "capture/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/part.h"
#include "flow/dns.h"

#define SILENCE (NSEC_PER_SEC / 10) /* a relay's own pauses, and a stream's, are shorter */
/* Between a packet that came and one that went: as the kernel's own test has it (relay.bpf.c). */
#define MOMENT (NSEC_PER_SEC / 20)
/* A connection is opened and granted before what it is for comes: round trips. */
#define BEGINNING NSEC_PER_SEC
#define LISTED 16 /* flows of a host on which a silence was broken last */

/* As many bytes: an encryption's headers and padding, some words in between (window changes,
 * requests to open). */
#define ALIKE_BYTES 256
#define ALIKE_PART 4
/* At the beginning not all may have come, nor gone: a full segment. */
#define SEGMENT 1024
/* Of one exchange that is worth several: nobody says as many bytes by chance. */
#define BULK (1u << 20)
#define BULK_PART 64
#define BULK_WORTH 3
/* Again and again: so many exchanges, two in three of those that began, with two in three of the
 * silences that the host broke on the second flow and one in four of those that its peer broke on
 * the first. */
#define DONE_MIN 3

struct host {
	uint8_t address[16];
	struct flow *flows[LISTED]; /* NULL: free */
	unsigned next;
};

/* From the first of two flows, by which the host's peer leads, to the second, and back. */
struct passed {
	uint64_t in, out, back_in, back_out;
};

struct pair {
	uint64_t number; /* 0: a free place */
	uint64_t key, first_flow;
	struct event_stream first, second; /* the newest of each */
	uint32_t host;			   /* its number */
	uint64_t began_ns;		   /* the exchange that goes on; 0: none does */
	uint64_t answered_ns;		   /* when the second flow's peer spoke last */
	/* came by the first after an answer: of what went on only where more goes on, else it is
	 * about the answer (a window) */
	uint64_t waiting;
	bool passed_back;
	struct passed now, all;
	uint64_t since_ns;
	uint32_t begun, done, told;
	uint64_t first_silences, second_silences;
};

/* An address from which packets came: of the machine itself, or passed on by it. */
struct source {
	uint8_t address[16];
	bool out, in;
};

struct relays_seen {
	const struct hash_key *key;
	struct source sources[RELAY_SOURCES];
	uint64_t pairs_made;
	struct host hosts[RELAY_HOSTS];
	struct pair pairs[RELAY_PAIRS];
};

int relays_seen_new(const struct hash_key *key, struct relays_seen **ret)
{
	struct relays_seen *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->key = key;
	*ret = r;
	return 0;
}

void relays_seen_free(struct relays_seen *r)
{
	free(r);
}

static const uint8_t *address_at(const struct flow *f, enum meter_side side)
{
	return f->ends.address[side == INSIDE ? f->inside : !f->inside];
}

static struct source *source_of(struct relays_seen *r, const uint8_t address[16])
{
	return &r->sources[hash_of(r->key, address, 16) % RELAY_SOURCES];
}

void relay_opened(struct capture *c, const uint8_t from[16])
{
	struct source *s = source_of(c->relays, from);

	if (c->way == LINK_WAY_UNKNOWN)
		return;
	if (memcmp(s->address, from, 16) != 0)
		*s = (struct source){ .out = false };
	memcpy(s->address, from, 16);
	*(c->way == LINK_WAY_OUT ? &s->out : &s->in) = true;
}

/* Who is at that side: its address, or that of all that are the machine's own. */
static const uint8_t *machine_at(struct capture *c, const struct flow *f, enum meter_side side)
{
	static const uint8_t own[16];
	const uint8_t *address = address_at(f, side);
	const struct source *s = source_of(c->relays, address);

	return s->out && !s->in && memcmp(s->address, address, 16) == 0 ? own : address;
}

static struct host *host_at(struct capture *c, const struct flow *f, enum meter_side side)
{
	struct relays_seen *r = c->relays;

	return &r->hosts[hash_of(r->key, machine_at(c, f, side), 16) % RELAY_HOSTS];
}

static void unlist(struct capture *c, struct flow *f, enum meter_side side)
{
	uint16_t at = f->relay.listed_at[side];
	struct host *h = at ? &c->relays->hosts[at - 1] : NULL;

	for (size_t i = 0; h && i < LISTED; i++)
		if (h->flows[i] == f)
			h->flows[i] = NULL;
	f->relay.listed_at[side] = 0;
}

/* A silence was broken towards the host at that side. */
static void list(struct capture *c, struct flow *f, enum meter_side side)
{
	const uint8_t *who = machine_at(c, f, side);
	struct host *h = host_at(c, f, side);

	if (memcmp(h->address, who, 16) != 0) {
		*h = (struct host){ .next = 0 };
		memcpy(h->address, who, 16);
	}
	for (size_t i = 0; i < LISTED; i++)
		if (h->flows[i] == f)
			return;
	unlist(c, f, side);
	h->flows[h->next++ % LISTED] = f;
	f->relay.listed_at[side] = (uint16_t)(h - c->relays->hosts + 1);
}

static struct pair *pair_of(struct capture *c, const struct flow *f)
{
	struct pair *p = &c->relays->pairs[f->relay.pair % RELAY_PAIRS];

	return f->relay.pair && p->number == f->relay.pair ? p : NULL;
}

/* What the host at that side is to the flow: a client of a service, or the service itself. */
struct role {
	uint8_t peer[16]; /* of a client */
	uint32_t transport;
	uint16_t port, serves;
};

static struct role role_at(const struct flow *f, enum meter_side side)
{
	struct role r = { .transport = f->ends.transport,
			  .port = flow_port(f),
			  .serves = side == OUTSIDE };

	if (!r.serves)
		memcpy(r.peer, address_at(f, OUTSIDE), 16);
	return r;
}

static struct event_stream stream_at(const struct flow *f, enum meter_side side)
{
	uint16_t far = f->ends.port[f->inside], port = flow_port(f);
	struct event_stream s = { .object = f->number,
				  .kind = STREAM_INET,
				  .port = side == INSIDE ? port : far,
				  .own_port = side == INSIDE ? far : port,
				  .accepted = side == OUTSIDE };

	memcpy(s.address, address_at(f, !side), 16);
	return s;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool alike(uint64_t a, uint64_t b)
{
	return distance(a, b) <= less(a, b) / ALIKE_PART + ALIKE_BYTES;
}

/* Of the first bytes: others may follow those that went, and those that came went in parts. */
static bool begins_alike(uint64_t came, uint64_t went)
{
	return came && (alike(came, went) || (went >= SEGMENT && went < came));
}

/* Two roles of which one alone may serve, for what serves twice leads nowhere; a resolver's work is
 * to ask what it was asked. */
static bool may_pass(const struct role *from, const struct role *to)
{
	return !(from->serves && to->serves) && memcmp(from, to, sizeof(*from)) != 0 &&
	       from->port != DNS_PORT && to->port != DNS_PORT;
}

/* Within one machine; where that is all there is, nothing leads out. */
static bool is_loopback(const struct flow *f)
{
	const struct event_stream s = stream_at(f, INSIDE);

	return stream_is_loopback(&s);
}

/* The flow by which came what is put into this one, which was silent; or NULL. */
static struct flow *find_first(struct capture *c, const struct flow *f, enum meter_side side,
			       size_t size)
{
	const struct host *h = host_at(c, f, side);
	const struct role to = role_at(f, side);
	struct flow *best = NULL;

	if (memcmp(h->address, machine_at(c, f, side), 16) != 0)
		return NULL;
	for (size_t i = 0; i < LISTED; i++) {
		struct flow *other = h->flows[i];
		const struct relay_flow *r = other ? &other->relay : NULL;
		enum meter_side here;
		struct role from;

		if (!other || other == f || c->now_ns - r->took_ns > MOMENT ||
		    c->now_ns - r->begun_ns > BEGINNING || !begins_alike(r->fresh, size))
			continue;
		here = !r->leader;
		if (memcmp(machine_at(c, other, here), h->address, 16) != 0)
			continue;
		from = role_at(other, here);
		if (may_pass(&from, &to) && !(is_loopback(f) && is_loopback(other)) &&
		    (!best || distance(r->fresh, size) < distance(best->relay.fresh, size)))
			best = other;
	}
	return best;
}

/* Enough of what both say. */
static bool is_relay(const struct pair *p)
{
	uint64_t begun = p->begun;

	return p->done >= DONE_MIN && p->done * 3ull >= begun * 2 &&
	       begun * 4 >= p->first_silences && begun * 3 >= p->second_silences * 2;
}

/* One way of the relay, as the kernel would say it of a process. */
static struct event_relay way(const struct pair *p, bool back)
{
	return (struct event_relay){
		.from = back ? p->second : p->first,
		.to = back ? p->first : p->second,
		.first_mono_ns = p->since_ns,
		.bytes_in = back ? p->all.back_in : p->all.in,
		.bytes_out = back ? p->all.back_out : p->all.out,
		.count = p->done,
	};
}

/* What went on is over: was it an exchange? Told at the first, and when they are twice as many. */
static void exchange_end(struct capture *c, struct pair *p)
{
	const struct passed n = p->now;
	bool whole =
		p->began_ns && p->passed_back && alike(n.in, n.out) && alike(n.back_in, n.back_out);
	bool bulk = whole && n.in + n.back_in >= BULK &&
		    distance(n.in, n.out) <= less(n.in, n.out) / BULK_PART + ALIKE_BYTES &&
		    distance(n.back_in, n.back_out) <=
			    less(n.back_in, n.back_out) / BULK_PART + ALIKE_BYTES;

	p->began_ns = p->waiting = 0;
	p->now = (struct passed){ .in = 0 };
	if (!whole)
		return;
	p->done += bulk ? BULK_WORTH : 1;
	p->all.in += n.in;
	p->all.out += n.out;
	p->all.back_in += n.back_in;
	p->all.back_out += n.back_out;
	if (!is_relay(p) || p->done < p->told * 2)
		return;
	p->told = p->done;
	tell_relay(c, p->host, way(p, false));
	tell_relay(c, p->host, way(p, true));
}

/* The pair of what the host at these sides does with both, made where there is none. */
static struct pair *pair_for(struct capture *c, const struct flow *first, const struct flow *second,
			     enum meter_side side)
{
	const enum meter_side here = !first->relay.leader;
	struct relays_seen *r = c->relays;
	struct {
		uint8_t host[16];
		struct role first, second;
	} of;
	struct pair *p;
	uint64_t key;

	memcpy(of.host, machine_at(c, second, side), 16);
	of.first = role_at(first, here);
	of.second = role_at(second, side);
	key = hash_of(r->key, &of, sizeof(of));
	p = &r->pairs[key % RELAY_PAIRS];
	if (!p->number || p->key != key)
		*p = (struct pair){
			.number = ++r->pairs_made * RELAY_PAIRS + key % RELAY_PAIRS,
			.key = key,
			.host = here == INSIDE ? first->host : second->host,
			.since_ns = c->now_ns,
		};
	return p;
}

/* The silences since the flow last was a part of the pair; those before it ever was are not asked
 * for. */
static uint64_t silences(struct flow *f, const struct pair *p, enum meter_side leader)
{
	uint32_t alone = f->relay.pair == p->number ? f->relay.alone[leader] : 1;

	f->relay.alone[leader] = 0;
	return alone;
}

static void join(struct capture *c, struct flow *f, struct pair *p, bool first,
		 enum meter_side relayer)
{
	struct pair *old = pair_of(c, f);

	if (old && old != p && f->relay.is_first && old->first_flow == f->number)
		exchange_end(c, old);
	f->relay.pair = p->number;
	f->relay.is_first = first;
	f->relay.relayer = (uint8_t)relayer;
}

/* The host at that side breaks the silence of a flow. */
static void put_begins(struct capture *c, struct flow *f, enum meter_side side, size_t size)
{
	struct flow *first = find_first(c, f, side, size);
	struct pair *p;

	if (!first)
		return;
	p = pair_for(c, first, f, side);
	p->first_silences += silences(first, p, first->relay.leader);
	p->second_silences += silences(f, p, side);
	join(c, f, p, false, side);
	if (p->began_ns != first->relay.begun_ns || p->first_flow != first->number) {
		exchange_end(c, p);
		join(c, first, p, true, !first->relay.leader);
		p->first_flow = first->number;
		p->first = stream_at(first, !first->relay.leader);
		p->began_ns = first->relay.begun_ns;
		p->passed_back = false;
		p->now.in = first->relay.fresh;
		p->begun++;
	}
	p->second = stream_at(f, side);
	p->now.out += size;
	first->relay.fresh = 0;
}

/* More is said on a flow that is a part of a pair. */
static void goes_on(struct capture *c, struct flow *f, enum meter_side side, size_t size)
{
	struct pair *p = pair_of(c, f);
	bool puts = side == f->relay.relayer;

	if (!p || !p->began_ns || (f->relay.is_first && p->first_flow != f->number))
		return;
	if (!f->relay.is_first && puts) {
		p->now.in += p->waiting;
		p->now.out += size;
		p->waiting = 0;
	} else if (!f->relay.is_first) {
		p->now.back_in += size;
		p->answered_ns = c->now_ns;
	} else if (!puts) {
		*(p->now.back_in ? &p->waiting : &p->now.in) += size;
	} else if (p->now.back_in) {
		p->passed_back |= c->now_ns - p->answered_ns <= MOMENT;
		p->now.back_out += size;
	}
}

static void take(struct capture *c, struct flow *f, enum meter_side side, size_t size)
{
	struct relay_flow *r = &f->relay;

	if (side != r->leader) {
		r->answered = true;
		return;
	}
	r->fresh = r->answered ? size : r->fresh + size;
	r->answered = false;
	r->took_ns = c->now_ns;
}

void relay_said(struct capture *c, struct flow *f, enum meter_side side, size_t size)
{
	struct relay_flow *r = &f->relay;
	struct pair *p;

	if (r->spoke_ns && c->now_ns - r->spoke_ns < SILENCE) {
		goes_on(c, f, side, size);
	} else {
		p = pair_of(c, f);
		if (p && r->is_first && p->first_flow == f->number)
			exchange_end(c, p);
		r->begun_ns = c->now_ns;
		r->leader = (uint8_t)side;
		r->fresh = 0;
		r->alone[side]++;
		put_begins(c, f, side, size);
		list(c, f, !side);
	}
	take(c, f, side, size);
	r->spoke_ns = c->now_ns;
}

void relay_over(struct capture *c, struct flow *f)
{
	struct pair *p = pair_of(c, f);

	if (p && f->relay.is_first && p->first_flow == f->number)
		exchange_end(c, p);
	unlist(c, f, INSIDE);
	unlist(c, f, OUTSIDE);
	f->relay.pair = 0;
}
