/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that lead out of the sandbox, as the ends of what processes pass on to each other,
 * and whom a finding about such a chain blames. What the detectors of tunnels and of reverse shells
 * share. */
#ifndef WEIR_DETECT_CHAIN_H
#define WEIR_DETECT_CHAIN_H

#include "detect/detection.h"

#define CHAIN_BLAMED_MAX 32

/* Whether it leads out of the sandbox. *ret_flow: its flow, or NULL. */
bool chain_leads_out(struct flow_table *flows, const struct event_stream *s,
		     struct flow_seen **ret_flow);
/* It is the end of who was connected to, of a flow that another host has opened: only a capture has
 * that. */
bool chain_is_served(const struct event_stream *s, const struct flow_seen *flow);
/* As many bytes went on as came, at the worst of the relays from a step back to where the reach
 * begins. */
enum relay_match chain_match(const struct relay_reach *reach, const struct relay_step *at);

/* How often its least used step between streams inside was used; UINT32_MAX where each of them
 * leads in or out. What was used less than CHAIN_MOVES_MIN times, by all connections that go the
 * same way, may be two things that a program did one after the other. */
#define CHAIN_MOVES_MIN 4
uint32_t chain_moves(const struct relay_reach *reach, const struct relay_step *at);

/* The socket inside of a flow. */
struct event_stream flow_stream(const struct event_flow *f);
/* Of a flow, by what was said, or where its beginning is not known by its port. */
enum protocol flow_protocol(const struct flow_seen *flow);
/* Carries any number of connections by design, so that what is relayed by it is never as much as
 * came. */
bool flow_carries(const struct flow_seen *flow);
/* A protocol of questions and answers: the far end's answer after a pause looks as if it led, and a
 * server that asks another one, or an agent that asks a model, looks like a relay. */
bool flow_asks(const struct flow_seen *flow);

/* How often that side (0 inside, 1 outside) spoke first after a pause, from the flow's beginning
 * on, steady words too: for where something else is known already. */
uint32_t flow_led(const struct flow_seen *flow, int side);

/* Each call whose process had a part in it, with what it carried from others. */
struct blame {
	size_t count;
	uint32_t calls[CHAIN_BLAMED_MAX], labels[CHAIN_BLAMED_MAX];
};
void blame_add(struct blame *b, const struct event_header *h);
/* Also all that take part in the chain, whose relays become evidence. */
void blame_add_chain(struct blame *b, struct finding *f, const struct relay_reach *reach,
		     const struct relay_step *at);
/* Reports the finding for each of these calls (detection_report_rising()), with its edges. */
void blame_report(struct detection *d, const struct blame *b, const struct finding *f,
		  uint64_t key);

/* "evil.test port 22", "10.0.0.5 port 22"; "port 8080 from outside" of a published one */
void chain_say(const struct event_stream *s, const struct flow_seen *flow, struct buf *text);
/* A number for that destination. */
uint64_t chain_key(const struct event_stream *s, const struct flow_seen *flow);

#endif
