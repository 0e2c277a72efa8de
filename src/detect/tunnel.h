/* SPDX-License-Identifier: Apache-2.0 */
/* One connection that leads out, and what speaks for its being a tunnel. Shared by the detector's
 * files; not for others. */
#ifndef WEIR_DETECT_TUNNEL_H
#define WEIR_DETECT_TUNNEL_H

#include "detect/chain.h"

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
	bool asks, carries;		/* flow_asks(), flow_carries() */
	struct finding f;
	int alone;		      /* the severity that the worst sign has on its own, or -1 */
	const char *way;	      /* with SIGN_RELAY: "it is passed on to " */
	int hops;		      /* of a relay both ways; 0: of one way, or none */
	struct event_stream leads_to; /* with SIGN_RELAY */
	struct blame blame;
};

/* Adds the sign and what it weighs on its own, -1 for nothing. */
void tunnel_add(struct tunnel_case *c, enum sign kind, int alone, const struct buf *text);
/* "127.0.0.1 port 22", "who connects to port 1080", "a unix socket" */
void tunnel_say_end(const struct event_stream *s, struct buf *text);

/* SIGN_RELAY, SIGN_LISTENER */
void tunnel_add_relay(struct tunnel_case *c);
/* What the flow alone shows; there is one. */
void tunnel_add_flow(struct tunnel_case *c);
/* What only adds to others. */
void tunnel_add_circumstances(struct tunnel_case *c);

/* EVENT_DNS */
void tunnel_on_name(struct detection *d, const struct event_view *e);

#endif
