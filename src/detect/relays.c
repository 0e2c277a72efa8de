// SPDX-License-Identifier: Apache-2.0
/* See relays.h. Owns two tables by place (detect/places.h): relays by both ends and by themselves,
 * programs by their two streams. Hashes may collide: what is found is compared. */
#include "detect/relays.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "detect/places.h"
#include "detect/range.h"

/* Nothing was added but a number for a connection and a length, or of many bytes a word between. */
#define EXACT_PART 64
#define EXACT_BYTES 16
#define EXACT_MIN 32 /* bytes on average: less may be as many by chance */
/* What a message gains or loses on its way: header, padding and checksum of an SSH packet that
 * carries others (RFC 4253 section 6, RFC 4254 section 5.2: 34 to 65 with OpenSSH's ciphers), of a
 * TLS record (see record_bytes), a WebSocket frame's header (RFC 6455 section 5.2: up to 14) or a
 * SOCKS datagram's (RFC 1928 section 7: up to 22 by address). */
#define TIGHT_BYTES 72
#define TIGHT_PART 16
/* ssh says several things in one packet, and much that is not passed on (windows, requests), and
 * before the first thing that is, up to a whole exchange of keys. */
#define LOOSE_BYTES 256
#define LOOSE_ONCE 1024

enum relay_key { BY_FROM, BY_TO, BY_SELF, BY_RELAYER };
enum program_key { BY_IN, BY_OUT, BY_PROCESS };

struct relays {
	struct relay *relays;
	struct program *programs;
	struct places *relay_places, *program_places;
};

int relays_new(struct relays **ret)
{
	struct relays *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->relays = calloc(RELAYS_MAX, sizeof(*t->relays));
	t->programs = calloc(PROGRAMS_MAX, sizeof(*t->programs));
	if (!t->relays || !t->programs || places_new(RELAYS_MAX, &t->relay_places) < 0 ||
	    places_new(PROGRAMS_MAX, &t->program_places) < 0) {
		relays_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void relays_free(struct relays *t)
{
	if (!t)
		return;
	places_free(t->relay_places);
	places_free(t->program_places);
	free(t->relays);
	free(t->programs);
	free(t);
}

bool stream_is_loopback(const struct event_stream *s)
{
	struct address a;

	address_set(&a, AF_INET6, s->address);
	return address_class(&a) == ADDRESS_LOOPBACK;
}

struct event_stream stream_far(const struct event_stream *s)
{
	struct event_stream far = *s;

	if (s->kind == STREAM_TERMINAL) {
		far.accepted = !s->accepted;
	} else if (s->kind == STREAM_UNIX && s->peer) {
		far.object = s->peer;
		far.peer = s->object;
	} else if (s->kind == STREAM_INET) {
		far.port = s->own_port;
		far.own_port = s->port;
	} else if (s->kind != STREAM_PIPE) {
		far.kind = STREAM_NONE;
	}
	return far;
}

/* Of connections inside the ports are enough, and both ends know them. */
bool stream_same(const struct event_stream *a, const struct event_stream *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case STREAM_PIPE:
	case STREAM_UNIX:
		return a->object == b->object;
	case STREAM_TERMINAL:
		return a->object == b->object && !a->accepted == !b->accepted;
	case STREAM_INET:
		return a->port == b->port && a->own_port == b->own_port &&
		       ((stream_is_loopback(a) && stream_is_loopback(b)) ||
			!memcmp(a->address, b->address, sizeof(a->address)));
	default:
		return false;
	}
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	return (a ^ b * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull + 1;
}

/* Equal for what stream_same() calls the same; 0: nothing that could be followed. */
static uint64_t end_key(const struct event_stream *s)
{
	if (s->kind < STREAM_PIPE)
		return 0;
	if (s->kind == STREAM_INET)
		return mix(STREAM_INET, (uint64_t)s->own_port << 16 | s->port) | 1;
	return mix(s->kind << 1 | (s->kind == STREAM_TERMINAL && s->accepted), s->object) | 1;
}

static uint64_t self_key(const struct event_relay *r)
{
	return mix(mix(r->h.pid, r->h.start_ns), mix(end_key(&r->from), end_key(&r->to))) | 1;
}

static bool same_relay(const struct event_relay *a, const struct event_relay *b)
{
	return a->h.pid == b->h.pid && a->h.start_ns == b->h.start_ns &&
	       a->from.object == b->from.object && a->to.object == b->to.object &&
	       stream_same(&a->from, &b->from) && stream_same(&a->to, &b->to);
}

static uint64_t process_key(const struct event_header *h)
{
	return mix(h->pid, h->start_ns) | 1;
}

static bool same_process(const struct event_header *a, const struct event_header *b)
{
	return a->pid == b->pid && a->start_ns == b->start_ns;
}

static void on_relay(struct relays *t, const struct event_view *e)
{
	const struct event_relay *r = e->relay;
	const uint64_t keys[PLACE_KEYS] = { [BY_FROM] = end_key(&r->from),
					    [BY_TO] = end_key(&r->to),
					    [BY_SELF] = self_key(r),
					    [BY_RELAYER] = process_key(&r->h) };
	uint32_t at;

	if (!keys[BY_FROM] || !keys[BY_TO])
		return;
	at = places_find(t->relay_places, BY_SELF, keys[BY_SELF]);
	while (at != PLACE_NONE && !same_relay(&t->relays[at].last, r))
		at = places_next(t->relay_places, BY_SELF, at);
	if (at == PLACE_NONE)
		at = places_take(t->relay_places, keys, PLACE_FIRST);
	else
		places_renew(t->relay_places, at, PLACE_FIRST);
	t->relays[at] = (struct relay){ .last = *r, .seq = e->seq };
}

static void on_exec(struct relays *t, const struct event_view *e)
{
	const struct event_stream *s = e->exec->streams;
	size_t size = e->text[0].size < PROGRAM_EXE_MAX ? e->text[0].size : PROGRAM_EXE_MAX - 1;
	struct program *p;
	const uint64_t keys[PLACE_KEYS] = { [BY_IN] = end_key(&s[0]),
					    [BY_OUT] = end_key(&s[1]),
					    [BY_PROCESS] = process_key(e->h) };

	if (!keys[BY_OUT])
		return;
	p = &t->programs[places_take(t->program_places, keys, PLACE_FIRST)];
	*p = (struct program){ .h = *e->h, .seq = e->seq, .in = s[0], .out = s[1] };
	if (size)
		memcpy(p->exe, e->text[0].data, size);
}

static struct program *program_of(const struct relays *t, const struct event_header *process)
{
	uint32_t at = places_find(t->program_places, BY_PROCESS, process_key(process));

	while (at != PLACE_NONE && !same_process(&t->programs[at].h, process))
		at = places_next(t->program_places, BY_PROCESS, at);
	return at == PLACE_NONE ? NULL : &t->programs[at];
}

/* A terminal's number is given anew when nobody holds it (devpts_new_index() in fs/devpts/inode.c):
 * what an ended process passed on there leads to no later one. */
static void forget_terminal(struct relay *r)
{
	if (r->last.from.kind == STREAM_TERMINAL || r->last.to.kind == STREAM_TERMINAL)
		r->last.from.kind = r->last.to.kind = STREAM_NONE;
}

static void on_end(struct relays *t, const struct event_view *e)
{
	struct program *p = program_of(t, e->h);
	uint32_t at = places_find(t->relay_places, BY_RELAYER, process_key(e->h));

	if (p)
		p->ended_ns = e->h->mono_ns;
	for (; at != PLACE_NONE; at = places_next(t->relay_places, BY_RELAYER, at))
		if (same_process(&t->relays[at].last.h, e->h))
			forget_terminal(&t->relays[at]);
}

void relays_event(struct relays *t, const struct event_view *e)
{
	if (e->h->kind == EVENT_RELAY)
		on_relay(t, e);
	else if (e->h->kind == EVENT_EXEC)
		on_exec(t, e);
	else if (e->h->kind == EVENT_EXIT)
		on_end(t, e);
}

static bool has_step(const struct relay_reach *reach, const struct relay *relay)
{
	for (size_t i = 0; i < reach->count; i++)
		if (reach->steps[i].relay == relay)
			return true;
	return false;
}

/* Adds the relays that have `end` on the side that by names. */
static void add_steps(const struct relays *t, enum relay_key by, const struct event_stream *end,
		      int before, struct relay_reach *reach)
{
	int hop = before < 0 ? 1 : reach->steps[before].hop + 1;
	uint32_t at = places_find(t->relay_places, by, end_key(end));

	for (; at != PLACE_NONE && reach->count < RELAY_REACH_MAX;
	     at = places_next(t->relay_places, by, at)) {
		const struct relay *r = &t->relays[at];

		if (stream_same(by == BY_FROM ? &r->last.from : &r->last.to, end) &&
		    !has_step(reach, r))
			reach->steps[reach->count++] =
				(struct relay_step){ .relay = r, .before = before, .hop = hop };
	}
}

static void follow(const struct relays *t, enum relay_key by, const struct event_stream *end,
		   struct relay_reach *ret)
{
	ret->count = 0;
	add_steps(t, by, end, -1, ret);
	for (size_t i = 0; i < ret->count; i++) {
		const struct event_relay *r = &ret->steps[i].relay->last;
		struct event_stream far = stream_far(by == BY_FROM ? &r->to : &r->from);

		if (ret->steps[i].hop < RELAY_HOPS_MAX)
			add_steps(t, by, &far, (int)i, ret);
	}
}

void relays_forward(const struct relays *t, const struct event_stream *from,
		    struct relay_reach *ret)
{
	follow(t, BY_FROM, from, ret);
}

void relays_backward(const struct relays *t, const struct event_stream *to, struct relay_reach *ret)
{
	follow(t, BY_TO, to, ret);
}

void relays_programs_in(const struct relays *t, const struct event_stream *in,
			bool (*on_program)(void *context, const struct program *p), void *context)
{
	for (uint32_t at = places_find(t->program_places, BY_IN, end_key(in)); at != PLACE_NONE;
	     at = places_next(t->program_places, BY_IN, at))
		if (stream_same(&t->programs[at].in, in) && !on_program(context, &t->programs[at]))
			return;
}

void relays_programs_out(const struct relays *t, const struct event_stream *out,
			 bool (*on_program)(void *context, const struct program *p), void *context)
{
	for (uint32_t at = places_find(t->program_places, BY_OUT, end_key(out)); at != PLACE_NONE;
	     at = places_next(t->program_places, BY_OUT, at))
		if (stream_same(&t->programs[at].out, out) &&
		    !on_program(context, &t->programs[at]))
			return;
}

const struct program *relays_program_of(const struct relays *t, const struct event_header *process)
{
	return program_of(t, process);
}

/* What a relay took and put. The bytes are a program's to make large: no product of them may wrap.
 */
struct amounts {
	uint64_t fewer, added, moves;
};

static bool within(const struct amounts *a, uint64_t part, uint64_t bytes)
{
	return a->added <= a->fewer / part || a->added - a->fewer / part <= bytes;
}

/* What TLS adds to a record: RFC 8446 section 5.2; TLS 1.2 with AES-GCM (RFC 5288) and with
 * ChaCha20-Poly1305 (RFC 7905). */
static const uint64_t record_adds[] = { 5 + 1 + 16, 5 + 8 + 16, 5 + 16 };
#define RECORD_MAX 16384 /* bytes in one of them */

static bool is_unaltered(const struct amounts *a)
{
	if (!a->added)
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(record_adds); i++) {
		uint64_t records = a->added / record_adds[i];

		if (a->added % record_adds[i] == 0 && records >= a->moves &&
		    records - a->moves <= a->fewer / RECORD_MAX)
			return true;
	}
	return false;
}

enum relay_match relay_match(const struct event_relay *r)
{
	bool less_out = r->bytes_out < r->bytes_in;
	const struct amounts a = { .fewer = less_out ? r->bytes_out : r->bytes_in,
				   .added = less_out ? r->bytes_in - r->bytes_out
						     : r->bytes_out - r->bytes_in,
				   .moves = r->count };
	bool long_enough = a.fewer / EXACT_MIN >= a.moves;

	if (long_enough && is_unaltered(&a))
		return RELAY_UNALTERED;
	if (long_enough && within(&a, EXACT_PART, EXACT_BYTES * a.moves))
		return RELAY_EXACT;
	if (within(&a, TIGHT_PART, TIGHT_BYTES * a.moves))
		return RELAY_TIGHT;
	if (within(&a, 1, LOOSE_ONCE + LOOSE_BYTES * a.moves))
		return RELAY_LOOSE;
	return RELAY_UNLIKE;
}
