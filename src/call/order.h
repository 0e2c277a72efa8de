/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy's `on:` orders for a finding: from the recorder to the keeper, which passes the
 * part about flows on to the gate. Decoders take hostile bytes. */
#ifndef WEIR_CALL_ORDER_H
#define WEIR_CALL_ORDER_H

#include "bpf/event.h"
#include "base/buf.h"
#include "base/wire.h"
#include "policy/policy.h"

#define ORDER_FLOWS_MAX 8 /* FINDING_FLOWS_MAX of detect/finding.h */

/* A flow as its last event told it; of one that nobody knows any more only the number. */
struct order_flow {
	uint64_t number, cookie;
	uint16_t transport, direction; /* IPPROTO_*, enum flow_direction */
	uint16_t port, from_port, out_port;
	uint8_t address[16], from[16]; /* as asked for; of the socket inside */
	uint8_t out_address[16];       /* where that led */
	uint8_t out_from[16];	       /* of a published port: who came */
	uint16_t reserved[3];
};

/* REC_ACTION and GATE_CUT. */
struct order {
	uint32_t finding; /* its number in the run */
	uint32_t call;	  /* 0: the run's */
	enum policy_action action;
	bool names; /* what it is about went in names: no more of them are answered */
	size_t flow_count;
	struct order_flow flows[ORDER_FLOWS_MAX];
	char summary[512];
};
void order_encode(const struct order *o, struct buf *out);
int order_decode(struct wire *w, struct order *ret);

/* What of an order's flow is refused from then on: its far end by address, and by port where that
 * alone tells it from others (a carried socket's port on loopback). A name has an address in each
 * family, and what it led to may be asked for by its own. Returns how many; 0: nothing can be. */
struct order_target {
	uint8_t address[16];
	uint16_t port; /* 0: every one */
};
#define ORDER_TARGETS_MAX 3 /* of one flow */
size_t order_targets(const struct order_flow *f, struct order_target ret[ORDER_TARGETS_MAX]);

/* GATE_CUT_DONE */
struct order_done {
	uint32_t finding;
	uint32_t cut;  /* of its flows, those that lived */
	uint32_t also; /* others of the call to where it may not go any more */
};
void order_done_encode(const struct order_done *d, struct buf *out);
int order_done_decode(struct wire *w, struct order_done *ret);

#endif
