/* SPDX-License-Identifier: Apache-2.0 */
/* What a keeper and its run's gate say to each other; see tables/messages.tbl. Decoders take
 * hostile bytes: the gate reads what agents send, and may be theirs. */
#ifndef WEIR_CALL_GATE_MESSAGE_H
#define WEIR_CALL_GATE_MESSAGE_H

#include "bpf/egress.h"
#include "call/message.h"
#include "policy/egress.h"
#include "policy/gate_socket.h"

/* GATE_OPEN and GATE_POLICY. Descriptors of GATE_OPEN, in this order: flow_owners (where
 * has_owners), network namespace (where has_netns). */
struct gate_open {
	char id[RUN_ID_SIZE];
	uint64_t key;
	uint32_t generation; /* answered in GATE_APPLIED; also that of the kernel's rules */
	enum egress_phase phase;
	bool has_owners, has_netns;
	uint64_t next_flow;  /* the number of the next flow: none comes twice in a run */
	struct bytes policy; /* encoded; owned */
};
void gate_open_encode(const struct gate_open *o, struct buf *out);
int gate_open_decode(struct wire *w, struct gate_open *ret);
void gate_open_free(struct gate_open *o);

/* Each name's index is its place in the list, counted from 1. */
struct gate_names {
	size_t count;
	char **names; /* owned */
};

#endif
