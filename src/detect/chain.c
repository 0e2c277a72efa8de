// SPDX-License-Identifier: Apache-2.0
/* See chain.h. Owns nothing. */
#include "detect/chain.h"

#include <netinet/in.h>
#include <string.h>

#include "base/text_escape.h"
#include "bpf/event_address.h"
#include "detect/keyed.h"
#include "detect/port.h"

#define NAME_WIDTH 100

bool chain_leads_out(struct flow_table *flows, const struct event_stream *s,
		     struct flow_seen **ret_flow)
{
	struct flow_seen *flow;

	*ret_flow = NULL;
	if (s->kind != STREAM_INET)
		return false;
	flow = flow_table_by_cookie(flows, s->object);
	if (!flow && s->accepted)
		flow = flow_table_by_ends(flows, s->address, s->port, s->own_port);
	if (!flow)
		return !stream_is_loopback(s);
	*ret_flow = flow;
	return flow->last.direction != FLOW_INSIDE && !chain_is_served(s, flow);
}

bool chain_is_served(const struct event_stream *s, const struct flow_seen *flow)
{
	return s->accepted && flow && flow->last.direction == FLOW_OUT;
}

struct event_stream flow_stream(const struct event_flow *f)
{
	bool in = f->direction == FLOW_IN;
	struct event_stream s = { .object = in ? 0 : f->cookie,
				  .kind = STREAM_INET,
				  .port = in ? f->from_port : f->port,
				  .own_port = in ? f->port : f->from_port,
				  .accepted = in };

	memcpy(s.address, in ? f->from : f->address, sizeof(s.address));
	return s;
}

enum relay_match chain_match(const struct relay_reach *reach, const struct relay_step *at)
{
	enum relay_match match = relay_match(&at->relay->last);

	for (; at->before >= 0; at = &reach->steps[at->before]) {
		enum relay_match before = relay_match(&reach->steps[at->before].relay->last);

		match = before < match ? before : match;
	}
	return match;
}

static bool is_outside(const struct event_stream *s)
{
	return s->kind == STREAM_INET && !stream_is_loopback(s);
}

uint32_t chain_moves(const struct relay_reach *reach, const struct relay_step *at)
{
	uint32_t moves = UINT32_MAX;

	for (; at; at = at->before < 0 ? NULL : &reach->steps[at->before]) {
		const struct event_relay *r = &at->relay->last;

		if (r->count < moves && !is_outside(&r->from) && !is_outside(&r->to))
			moves = r->count;
	}
	return moves;
}

enum protocol flow_protocol(const struct flow_seen *flow)
{
	const struct event_flow *f = &flow->last;

	if (f->protocol != PROTOCOL_UNKNOWN)
		return f->protocol;
	/* QUIC, and what began before anybody looked */
	if (FLOW_HAS(&f->signs, MIDSTREAM) || f->transport == IPPROTO_UDP)
		return port_protocol(f->port);
	return PROTOCOL_UNKNOWN;
}

bool flow_carries(const struct flow_seen *flow)
{
	const struct flow_signs *s = &flow->last.signs;

	return flow->last.protocol == PROTOCOL_SSH || FLOW_HAS(s, UPGRADED) ||
	       FLOW_HAS(s, WEBSOCKET) || FLOW_HAS(s, PACKETS);
}

bool flow_asks(const struct flow_seen *flow)
{
	const struct flow_signs *s = &flow->last.signs;
	enum protocol protocol = flow_protocol(flow);

	if (flow_carries(flow))
		return false;
	/* a proxy's client */
	if (FLOW_HAS(s, CONNECT) || FLOW_HAS(s, SOCKS))
		return s->inner == PROTOCOL_TLS || s->inner == PROTOCOL_HTTP;
	/* until something was said it may be any */
	if (protocol == PROTOCOL_UNKNOWN)
		return flow->last.state == FLOW_OPENED || FLOW_HAS(s, JSON_RPC);
	return protocol != PROTOCOL_SOCKS;
}

uint32_t flow_led(const struct flow_seen *flow, int side)
{
	const struct event_flow *f = &flow->last;
	uint32_t metered = side ? f->led_outside[0] : f->led_inside[0];

	return metered > f->signs.initiative[side][0] ? metered : f->signs.initiative[side][0];
}

void blame_add(struct blame *b, const struct event_header *h)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->calls[i] == h->call && b->labels[i] == h->label)
			return;
	if (b->count == CHAIN_BLAMED_MAX)
		return;
	b->calls[b->count] = h->call;
	b->labels[b->count++] = h->label;
}

void blame_add_chain(struct blame *b, struct finding *f, const struct relay_reach *reach,
		     const struct relay_step *at)
{
	for (; at; at = at->before < 0 ? NULL : &reach->steps[at->before]) {
		blame_add(b, &at->relay->last.h);
		finding_add_evidence(f, at->relay->seq);
	}
}

void blame_report(struct detection *d, const struct blame *b, const struct finding *f, uint64_t key)
{
	for (size_t i = 0; i < b->count; i++) {
		struct finding its = *f;
		size_t before = 0;

		while (before < i && b->calls[before] != b->calls[i])
			before++;
		if (before < i)
			continue;
		its.call = b->calls[i];
		for (size_t j = i; j < b->count; j++)
			if (b->calls[j] == b->calls[i])
				finding_add_label(d, &its, b->labels[j]);
		detection_report_rising(d, &its, key);
	}
}

static bool is_published(const struct flow_seen *flow)
{
	return flow && flow->last.direction == FLOW_IN;
}

void chain_say(const struct event_stream *s, const struct flow_seen *flow, struct buf *text)
{
	char address[EVENT_ADDRESS_TEXT];

	if (is_published(flow)) {
		buf_printf(text, "port %u from outside", s->own_port);
		return;
	}
	if (flow && flow->name[0])
		text_escape_cut(text, flow->name, strlen(flow->name), NAME_WIDTH);
	else
		buf_add_text(text, event_address_text(s->address, address));
	buf_printf(text, " port %u", s->port);
}

uint64_t chain_key(const struct event_stream *s, const struct flow_seen *flow)
{
	uint16_t port = is_published(flow) ? s->own_port : s->port;
	uint64_t key = keyed_hash(KEYED_HASH, &port, sizeof(port));

	if (is_published(flow))
		return key;
	if (flow && flow->name[0])
		return keyed_hash(key, flow->name, strlen(flow->name));
	return keyed_hash(key, s->address, sizeof(s->address));
}
