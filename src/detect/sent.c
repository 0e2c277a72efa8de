// SPDX-License-Identifier: Apache-2.0
/* See sent.h. A destination is a name, or an address where it has none, whatever the port. */
#include "detect/sent.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/chain.h"
#include "detect/destination.h"

/* A rule that has a host for itself means it: pushes, published packages and uploads go there, and
 * only what no ordinary piece of work sends is much. Where it is a wider rule that lets all of them
 * pass, the policy says nothing of this one; 64 kB is beyond requests and reports of errors. */
#define NAMED_MUCH (64ull << 20)
#define MUCH (64ull << 10)
#define UP_TO_DOWN 4 /* what fetches too is no mere sending */
/* Requests carry some hundred bytes and are answered with more; pieces of a file are not. */
#define PIECES_MIN 64
#define PIECES_MUCH (128ull << 10)
#define PIECE_MAX (16ull << 10) /* bytes of one, on average */
#define ONE_WAY_MUCH (1ull << 20)
#define ONE_WAY_UP_TO_DOWN 16

static bool phase_is_public(const struct policy *p)
{
	for (int phase = 0; phase < PHASE_COUNT; phase++)
		if (egress_mode(p, (enum egress_phase)phase) == NETWORK_PUBLIC)
			return true;
	return false;
}

/* A name, also below a domain of somebody's (*.example.org, but neither *.org nor *), or one
 * address. Without a rule it is a socket that was carried in, where nothing else could be let out
 * without one. */
static bool is_named(const struct policy *p, uint16_t rule)
{
	struct egress_address net;
	const char *host;
	unsigned prefix;

	if (rule >= p->network.allow_count)
		return policy_way_out(p) == WAY_OUT_GATE && !phase_is_public(p);
	host = p->network.allow[rule].host;
	if (egress_address_parse(host, &net, &prefix) == 0)
		return prefix == 128;
	return host[0] != '*' || (host[1] == '.' && strchr(host + 2, '.'));
}

static uint64_t host_key(const struct flow_seen *f)
{
	return f->name[0] ? keyed_hash(KEYED_HASH, f->name, strlen(f->name))
			  : keyed_hash(KEYED_HASH, f->last.address, sizeof(f->last.address));
}

/* Of one flow, as far as it was counted. */
struct counted {
	uint64_t up, down;
	uint32_t turns;
	bool known;
};

int sending_new(struct sending *ret)
{
	struct sending s = { 0 };

	if (keyed_new(SENT_MAX, sizeof(struct sent), NULL, &s.destinations) < 0 ||
	    keyed_new(FLOWS_KEPT, sizeof(struct counted), NULL, &s.flows) < 0) {
		sending_free(&s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void sending_free(struct sending *s)
{
	keyed_free(s->destinations);
	keyed_free(s->flows);
}

static void say_where(struct sent *s, const struct flow_seen *flow)
{
	cleanup_buf struct buf where = { .max = 4 * SENT_WHERE };

	flow_seen_words(flow, &where);
	strncpy(s->where, buf_text(&where), sizeof(s->where) - 1);
}

static struct sent *add(struct sending *all, const struct policy *p, uint32_t call,
			const struct flow_seen *flow, const struct counted *more)
{
	struct sent *s = keyed_get(all->destinations, call, host_key(flow));
	const struct event_flow *f = &flow->last;

	if (!s)
		return NULL;
	if (!s->where[0])
		say_where(s, flow);
	s->call = call;
	s->key = host_key(flow);
	s->up += more->up;
	s->down += more->down;
	s->pieces += more->turns;
	s->named = is_named(p, f->rule);
	s->granted = f->rule < p->network.allow_count &&
		     p->network.allow[f->rule].bytes != POLICY_UNLIMITED;
	s->protocol = f->protocol;
	s->seq = flow->last_seq;
	s->last = f->h;
	if (!more->known && s->flows++ < FINDING_FLOWS_MAX)
		s->numbers[s->flows - 1] = f->flow;
	return s;
}

/* The inside's turns, or for a flow without signs the flow itself. */
static uint32_t turns_of(const struct event_flow *f)
{
	return f->signs.turns[0] ? f->signs.turns[0] : 1;
}

bool sending_count(struct sending *all, const struct detection *d, const struct flow_seen *flow,
		   struct sent **ret_call, struct sent **ret_run)
{
	const struct event_flow *f = &flow->last;
	struct counted *c, more;
	const struct event_stream to = flow_stream(f);
	struct sent *of_call, *of_run;

	/* what was asked for on loopback is a socket that the policy carries, that one alone */
	if (stream_is_loopback(&to) || !f->out_port || !f->bytes_up)
		return false;
	c = keyed_get(all->flows, 0, f->flow);
	if (!c || f->bytes_up <= c->up)
		return false;
	more = (struct counted){ .up = f->bytes_up - c->up,
				 .down = f->bytes_down > c->down ? f->bytes_down - c->down : 0,
				 .turns = turns_of(f) > c->turns ? turns_of(f) - c->turns : 0,
				 .known = c->known };
	*c = (struct counted){ f->bytes_up, f->bytes_down, turns_of(f), true };
	of_call = add(all, detection_policy(d), f->h.call, flow, &more);
	of_run = add(all, detection_policy(d), EVENT_NO_CALL, flow, &more);
	*ret_call = of_call;
	*ret_run = of_run;
	return of_call && of_run;
}

bool sent_is_much(const struct sent *s)
{
	if (s->granted || s->up < UP_TO_DOWN * s->down)
		return false;
	return s->up >= (s->named ? NAMED_MUCH : MUCH) ||
	       (s->pieces >= PIECES_MIN && s->up >= PIECES_MUCH && s->up <= s->pieces * PIECE_MAX);
}

bool sent_is_one_way(const struct detection *d, const struct sent *s)
{
	return !s->named && s->up >= ONE_WAY_MUCH && s->up >= ONE_WAY_UP_TO_DOWN * s->down &&
	       policy_way_out(detection_policy(d)) == WAY_OUT_GATE;
}
