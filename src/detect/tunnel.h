/* SPDX-License-Identifier: Apache-2.0 */
/* One connection that leads out, and what speaks for its being a tunnel. Shared by the detector's
 * files; not for others. */
#ifndef WEIR_DETECT_TUNNEL_H
#define WEIR_DETECT_TUNNEL_H

#include "detect/detection.h"

#define TUNNEL_CALLS_MAX 65536 /* whose end is known: those with lower numbers */

struct tunnels {
	uint8_t ended[TUNNEL_CALLS_MAX / 8]; /* calls, by number */
};

struct tunnel_case {
	struct detection *d;
	const struct tunnels *all;
	const struct flow_seen *flow;	/* NULL where none is known: no gate, or not yet told */
	struct event_stream stream;	/* its socket inside */
	const struct event_header *who; /* who opened it, or else who relays */
	enum protocol protocol;		/* UNKNOWN where nothing tells */
	bool asks; /* a protocol of questions and answers: the far end's answers after a pause look
		      as if it led, and a server that asks another one looks like a relay */
	struct finding f;
	int alone;		      /* the severity that the worst sign has on its own, or -1 */
	int hops;		      /* of the relay, one way; 0: there is none */
	struct event_stream leads_to; /* with SIGN_RELAY */
	uint32_t calls[RELAY_HOPS_MAX * 2]; /* of others than who, in the relay */
	uint32_t labels[RELAY_HOPS_MAX * 2];
	size_t call_count;
};

/* Whether it leads out of the sandbox. *ret_flow: its flow, or NULL. */
bool tunnel_leads_out(struct flow_table *flows, const struct event_stream *s,
		      struct flow_seen **ret_flow);
/* Adds the sign and what it weighs on its own, -1 for nothing. */
void tunnel_add(struct tunnel_case *c, enum sign kind, int alone, const struct buf *text);
/* The socket inside of a flow. */
struct event_stream tunnel_stream(const struct event_flow *f);
/* "10.0.0.5 port 22", "whoever connects to port 1080", "a unix socket" */
void tunnel_say_stream(const struct event_stream *s, struct buf *text);

/* Of a flow, by what was said, or where its beginning is not known by its port. */
enum protocol tunnel_protocol(const struct flow_seen *flow, uint16_t port);
/* See struct tunnel_case. */
bool tunnel_asks(const struct flow_seen *flow, enum protocol protocol);

/* SIGN_RELAY, SIGN_LISTENER */
void tunnel_add_relay(struct tunnel_case *c);
/* What the flow alone shows; there is one. */
void tunnel_add_flow(struct tunnel_case *c);
/* What only adds to others. */
void tunnel_add_circumstances(struct tunnel_case *c);

#endif
