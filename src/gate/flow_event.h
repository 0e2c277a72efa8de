/* SPDX-License-Identifier: Apache-2.0 */
/* The event of a flow, whatever carries it: connections from inside (flow.c), datagrams
 * (datagram.c), connections to a published port (publish.c), packets of network.veth (packets.c).
 * Each has all numbers so far. */
#ifndef WEIR_GATE_FLOW_EVENT_H
#define WEIR_GATE_FLOW_EVENT_H

#include "gate/dial.h"
#include "gate/gate.h"
#include "flow/meter.h"
#include "flow/reader.h"

#define FLOW_DETAIL_MAX 512

struct flow_event {
	const struct flow_key *key;
	struct flow_owner *owner; /* its label is brought up to date */
	const struct dial_ends *ends;
	const struct meter *meter;
	const struct flow_reader *reader;	 /* or NULL */
	uint64_t number, started_ns, packets[2]; /* by enum meter_side */
	uint32_t index;				 /* of the name where the owner is known, or 0 */
	uint16_t rule, protocol;		 /* EGRESS_NO_RULE; enum protocol */
	uint32_t traits;			 /* besides the reader's */
	bool in;				 /* to a published port */
	const char *name, *detail;		 /* or NULL */
	enum flow_state state;
	int error;
	const char *reason;
};
/* The flow's reader has news: its timer, by which it is told each minute, is due before. *count: so
 * often was that done for this flow; it has an end. */
void flow_event_soon(struct gate *g, struct timer *minute, unsigned *count);
void flow_event_tell(struct gate *g, const struct flow_event *e);

#endif
