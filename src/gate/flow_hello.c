// SPDX-License-Identifier: Apache-2.0
/* A flow's first bytes: read where they lie, judged before one of them passes.
 *
 * Who is waited for depends on what the rule says is spoken. A protocol in which the client leads:
 * nothing is dialled before it spoke, for which it has OPENING_PATIENCE_MS. One in which the server
 * leads: it is dialled at once and its greeting judged, what the client says waits. Otherwise the
 * client has OPENING_SILENCE_MS; when it is silent the outside is dialled, and whoever speaks first
 * is judged; the client's opening is judged even then, however late it comes. Where the policy
 * demands nothing of the opening (no name, no protocol, not port 53), it is dialled at once and the
 * opening is read for the record alone. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "gate/flow.h"

#define MS_NS 1000000ull
#define DNS_PORT 53
/* Of an opening that comes in many small pieces, each is looked at up to here; then what came in
 * LOOK_MS is looked at together, because each look reads all of it. */
#define LOOKS_MAX 32
#define LOOK_MS 10

static const char *protocol_of(const struct flow *f)
{
	const struct policy *p = &f->g->policy;

	return f->rule < p->network.allow_count ? p->network.allow[f->rule].protocol : NULL;
}

static bool demanded(const struct flow *f)
{
	return !f->carry && (f->index || protocol_of(f) || f->key.to_port == DNS_PORT);
}

static enum opening_lead lead_of(const struct flow *f)
{
	return opening_leads(protocol_of(f), f->key.to_port);
}

static void wait_until(struct flow *f, uint64_t at)
{
	if (timer_set(&f->g->timers, &f->hello, at) < 0)
		flow_cut(f, ENOMEM, "no memory");
}

/* What is known by one side is not forgotten for what the other says. */
static void keep(struct flow *f, const struct opening *o)
{
	if (f->opening && o->protocol == PROTOCOL_UNKNOWN)
		return;
	if (!f->opening)
		f->opening = malloc(sizeof(*f->opening));
	if (f->opening)
		*f->opening = *o;
}

const char *hello_refused(const struct flow *f)
{
	static const struct opening nothing = { .protocol = PROTOCOL_UNKNOWN };
	const struct relay_side *sides = f->pair.sides;
	bool judged = f->agreed ||
		      (f->step == STEP_RELAY && !(sides[INSIDE].held && sides[OUTSIDE].held));

	if (!judged || !demanded(f))
		return NULL;
	return opening_refused(f->opening ? f->opening : &nothing, flow_name(f), protocol_of(f),
			       f->key.to_port);
}

static void let(struct flow *f, enum meter_side side)
{
	bool client = side == INSIDE;

	f->heard[side].until_ns = 0;
	if (f->step == STEP_HELLO) {
		f->agreed = true;
		flow_reach(f);
		return;
	}
	if (client || lead_of(f) == OPENING_SERVER)
		pair_let(&f->pair, client ? OUTSIDE : INSIDE);
	pair_let(&f->pair, side);
}

/* It has ended without a word. */
static void nothing_said(struct flow *f, enum meter_side side)
{
	if (f->step != STEP_HELLO)
		pair_let(&f->pair, side);
	else if (lead_of(f) == OPENING_CLIENT)
		flow_end(f, 0, "nothing was said");
	else
		flow_reach(f);
}

/* What has come of an opening: true where more of it is waited for, false where the flow may be
 * gone. */
static bool look(struct flow *f, enum meter_side side)
{
	struct heard *h = &f->heard[side];
	uint64_t now = clock_mono_ns();
	long size = pair_peek(&f->pair, side, OPENING_MAX);
	struct opening o;
	const char *refused = NULL;
	bool more;

	if (size <= 0) {
		if (size == 0)
			nothing_said(f, side);
		else if (size != -EAGAIN)
			flow_end(f, (int)-size, side == INSIDE ? "reset inside" : "reset outside");
		return size == -EAGAIN;
	}
	if (size > h->size)
		meter_spoke(&f->pair.meter, side, now);
	if (h->size == 0)
		h->until_ns = now + OPENING_WAIT_MS * MS_NS;
	h->size = size;
	more = opening_read(f->pair.relay->scratch, (size_t)size, side == OUTSIDE, &o) ==
	       OPENING_MORE;
	if (more && demanded(f) && size < OPENING_MAX && now < h->until_ns && !h->silent) {
		wait_until(f, h->until_ns);
		return true;
	}
	keep(f, &o);
	if (demanded(f))
		refused = opening_refused(&o, flow_name(f), protocol_of(f), f->key.to_port);
	if (refused)
		flow_cut(f, EPROTO, refused);
	else
		let(f, side);
	return false;
}

/* Where the server leads, the client's words wait for the server's. */
static bool turn_of(const struct flow *f, enum meter_side side)
{
	if (f->step == STEP_HELLO)
		return side == INSIDE && !f->agreed;
	return f->step == STEP_RELAY && f->pair.sides[side].held &&
	       (side == OUTSIDE || lead_of(f) != OPENING_SERVER || !f->pair.sides[OUTSIDE].held);
}

void hello_show(struct pair *p, enum meter_side side, uint32_t events)
{
	struct flow *f = container_of(p, struct flow, pair);
	struct heard *h = &f->heard[side];
	uint64_t soon = clock_mono_ns() + LOOK_MS * MS_NS;

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		h->silent = true;
	if (f->step == STEP_OWNER)
		return; /* hello_begin() looks at all that came until then */
	if (events & (EPOLLHUP | EPOLLERR) && f->step != STEP_RELAY) {
		flow_end(f, ECONNRESET, "reset inside");
	} else if (turn_of(f, side) && (h->looks < LOOKS_MAX || h->silent)) {
		h->looks++;
		look(f, side);
	} else if (turn_of(f, side) && (!f->hello.place || f->hello.at > soon)) {
		wait_until(f, soon);
	}
}

static void hello_due(struct timer *t)
{
	struct flow *f = container_of(t, struct flow, hello);

	if (f->step == STEP_HELLO && f->heard[INSIDE].size == 0 && lead_of(f) == OPENING_CLIENT)
		flow_cut(f, ETIMEDOUT, "nothing was said in time");
	else if (f->step == STEP_HELLO && f->heard[INSIDE].size == 0)
		flow_reach(f);
	else if ((!turn_of(f, OUTSIDE) || look(f, OUTSIDE)) && turn_of(f, INSIDE))
		look(f, INSIDE);
}

/* What has come by now was told of while the owner was asked for, and is not told of again. */
void hello_begin(struct flow *f)
{
	bool client = lead_of(f) == OPENING_CLIENT;
	uint64_t patience_ms = client ? OPENING_PATIENCE_MS : OPENING_SILENCE_MS;

	f->step = STEP_HELLO;
	f->hello.due = hello_due;
	if (!demanded(f) || lead_of(f) == OPENING_SERVER)
		flow_reach(f);
	else if (pair_peek(&f->pair, INSIDE, 1) != -EAGAIN)
		look(f, INSIDE);
	else
		wait_until(f, clock_mono_ns() + patience_ms * MS_NS);
}

void hello_connected(struct flow *f, int fd)
{
	pair_connect(&f->pair, fd, !f->agreed);
	if (f->agreed)
		pair_let(&f->pair, INSIDE);
	else if (turn_of(f, INSIDE))
		look(f, INSIDE);
}
