// SPDX-License-Identifier: Apache-2.0
/* Connections that carry others past the policy: each that leads out is judged when something new
 * is known of it, be it what passed on it (EVENT_FLOW), where it is relayed to (EVENT_RELAY) or the
 * end of its call. A judgement is made anew of all that is known by then; the engine keeps one
 * finding for each destination and call, which grows. Blamed is the call whose process opened the
 * connection, and each other call whose process takes part in the relay.
 *
 * One weak kind of evidence is low, two that are independent are medium, three high; what proves a
 * tunnel by itself is high. Words in arguments never count there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/event_address.h"
#include "detect/port.h"
#include "detect/tunnel.h"

#define OUTER_MAX 4 /* connections that lead out, of one chain, that are judged for one relay */

/* A judgement that says the same as the one before is not reported again. */
static uint64_t signature(const struct tunnel_case *c)
{
	uint64_t s = (uint64_t)c->f.severity << 48 | (uint64_t)c->blame.count << 40 |
		     (uint64_t)c->hops << 32;

	for (size_t i = 0; i < c->f.sign_count; i++)
		s |= 1ull << c->f.signs[i].kind;
	return s;
}

void tunnel_say_end(const struct event_stream *s, struct buf *text)
{
	char address[EVENT_ADDRESS_TEXT];

	if (s->kind != STREAM_INET)
		buf_add_text(text, "a unix socket");
	else if (s->accepted)
		buf_printf(text, "who connects to port %u", s->own_port);
	else
		buf_printf(text, "%s port %u", event_address_text(s->address, address), s->port);
}

void tunnel_add(struct tunnel_case *c, enum sign kind, int alone, const struct buf *text)
{
	finding_add_sign(&c->f, kind, text);
	if (alone > c->alone)
		c->alone = alone;
}

/* Without one of these, who leads, how much is said and how long it lives have other reasons: a
 * server that is slow, a program that is asked by its master. */
static bool is_hard(enum sign kind)
{
	return kind == SIGN_RELAY || kind == SIGN_LISTENER || kind == SIGN_ROLES ||
	       kind == SIGN_CARRIER || kind == SIGN_PORT || kind == SIGN_CONTENT;
}

/* Of a protocol of questions and answers, what its far end does in time says little, and servers
 * live on and are connected to. */
static bool counts(const struct tunnel_case *c, enum sign kind)
{
	if (c->asks && (kind == SIGN_BALANCE || kind == SIGN_OUTLIVES || kind == SIGN_LISTENER))
		return false;
	return kind != SIGN_WORDS;
}

static enum severity weigh(const struct tunnel_case *c)
{
	enum severity severity = (enum severity)c->alone;
	size_t kinds = 0, hard = 0;

	for (size_t i = 0; i < c->f.sign_count; i++) {
		kinds += counts(c, c->f.signs[i].kind);
		hard += is_hard(c->f.signs[i].kind);
	}
	if (hard && kinds >= 2 && severity < SEVERITY_MEDIUM)
		severity = SEVERITY_MEDIUM;
	if (hard && kinds >= 3 && severity < SEVERITY_HIGH)
		severity = SEVERITY_HIGH;
	return severity;
}

static void say(struct tunnel_case *c)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	buf_add_text(&text, "a connection to ");
	chain_say(&c->stream, c->flow, &text);
	buf_add_text(&text,
		     c->f.severity >= SEVERITY_MEDIUM ? " is a tunnel: " : " may be a tunnel: ");
	if (finding_has_sign(&c->f, SIGN_RELAY)) {
		buf_add_text(&text, c->way);
		tunnel_say_end(&c->leads_to, &text);
		buf_add_text(&text, c->hops ? ", and back" : "");
	} else {
		buf_add_text(&text, c->f.signs[0].text);
	}
	finding_say_program(c->d, c->who, &text);
	finding_say(&c->f, &text);
}

/* who: of the relay by which it is known, where there is no flow. */
static void judge(struct detection *d, const struct tunnels *all, const struct event_stream *stream,
		  struct flow_seen *flow, const struct event_header *who)
{
	struct tunnel_case c = { .d = d,
				 .all = all,
				 .flow = flow,
				 .stream = *stream,
				 .who = flow ? &flow->last.h : who,
				 .carries = port_protocol(stream->port) == PROTOCOL_SSH,
				 .alone = -1 };

	if (flow && flow->last.direction == FLOW_INSIDE)
		return;
	finding_begin_call(FINDING_TUNNEL, c.who->call, flow ? flow->first_seq : 0, &c.f);
	blame_add(&c.blame, c.who);
	if (flow) {
		c.asks = flow_asks(flow);
		c.carries = flow_carries(flow);
		finding_add_flow(&c.f, flow->last.flow);
	}
	tunnel_add_relay(&c);
	if (flow)
		tunnel_add_flow(&c);
	if (c.alone < 0)
		return;
	tunnel_add_circumstances(&c);
	c.f.severity = weigh(&c);
	if (flow && flow->note[FLOW_NOTE_TUNNEL] == signature(&c))
		return;
	if (flow)
		flow->note[FLOW_NOTE_TUNNEL] = signature(&c);
	say(&c);
	blame_report(d, &c.blame, &c.f, chain_key(&c.stream, flow));
}

static bool judge_stream(struct detection *d, const struct tunnels *all,
			 const struct event_stream *s, const struct event_header *who)
{
	struct flow_seen *flow;

	if (!chain_leads_out(detection_flows(d), s, &flow))
		return false;
	judge(d, all, s, flow, who);
	return true;
}

/* All that lead out in the chain that this relay is a part of. */
static void on_relay(struct detection *d, const struct tunnels *all, const struct event_view *e)
{
	const struct event_relay *r = e->relay;
	const struct event_stream behind = stream_far(&r->from), before = stream_far(&r->to);
	struct relay_reach reach;
	size_t judged = 0;

	judge_stream(d, all, &r->from, e->h);
	judge_stream(d, all, &r->to, e->h);
	relays_backward(detection_relays(d), &behind, &reach);
	for (size_t i = 0; i < reach.count && judged < OUTER_MAX; i++) {
		const struct event_relay *first = &reach.steps[i].relay->last;

		judged += judge_stream(d, all, &first->from, &first->h);
	}
	relays_forward(detection_relays(d), &before, &reach);
	for (size_t i = 0; i < reach.count && judged < OUTER_MAX; i++) {
		const struct event_relay *last = &reach.steps[i].relay->last;

		judged += judge_stream(d, all, &last->to, &last->h);
	}
}

static void judge_flow(struct detection *d, const struct tunnels *all, struct flow_seen *flow)
{
	struct event_stream s = flow_stream(&flow->last);

	judge(d, all, &s, flow, NULL);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	struct flow_seen *flow;

	if (e->h->kind == EVENT_RELAY) {
		on_relay(d, state, e);
	} else if (e->h->kind == EVENT_DNS) {
		tunnel_on_name(d, e);
	} else {
		flow = flow_table_find(detection_flows(d), e->flow->flow);
		if (flow)
			judge_flow(d, state, flow);
	}
}

struct ended {
	struct detection *d;
	const struct tunnels *all;
	uint32_t call;
};

static void judge_ended(void *context, struct flow_seen *flow)
{
	const struct ended *e = context;

	if (flow->last.h.call == e->call)
		judge_flow(e->d, e->all, flow);
}

static void on_call_exit(struct detection *d, void *state, const struct call_announce *call,
			 const struct call_exit *x, uint64_t seq)
{
	struct tunnels *all = state;
	struct ended e = { d, all, x->n };

	(void)call, (void)seq;
	if (x->n == 0 || x->n >= TUNNEL_CALLS_MAX || !x->survivors)
		return;
	all->ended[x->n / 8] |= (uint8_t)(1 << x->n % 8);
	flow_table_living(detection_flows(d), judge_ended, &e);
}

static int start(struct detection *d, void **ret_state)
{
	struct tunnels *all = calloc(1, sizeof(*all));

	(void)d;
	if (!all)
		return -ENOMEM;
	*ret_state = all;
	return 0;
}

static void finish(struct detection *d, void *state)
{
	(void)d;
	free(state);
}

const struct detector tunnel_detector = {
	.kind = FINDING_TUNNEL,
	.wants = 1u << EVENT_FLOW | 1u << EVENT_RELAY | 1u << EVENT_DNS,
	.start = start,
	.on_event = on_event,
	.on_call_exit = on_call_exit,
	.finish = finish,
};
