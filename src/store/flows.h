/* SPDX-License-Identifier: Apache-2.0 */
/* Flows of all runs of a store, as the outside saw them: the index behind `weir who`. */
#ifndef WEIR_STORE_FLOWS_H
#define WEIR_STORE_FLOWS_H

#include "store/record.h"
#include "store/segment.h"

/* What is known of a flow by somebody who saw it go by. Zero where it is not known. */
struct flow_query {
	uint8_t dst[16]; /* network order, IPv4-mapped; always known */
	uint16_t port, sport;
	uint8_t transport;	    /* IPPROTO_* */
	uint64_t from_ns, until_ns; /* it lived at some time in between, wall */
};

struct flow_row {
	char run[RUN_ID_SIZE];
	uint64_t flow;
	uint32_t call;
	uint8_t src[16];
	uint16_t port, sport;
	uint8_t transport;
	uint64_t started_ns;
	uint64_t ended_ns; /* its own end, or its run's; UINT64_MAX: it may live */
	struct segment_position at;
};

/* In no order; only those whose run's record is there. The pointer is valid during the call. A
 * negative on_flow ends it and is returned. */
int store_flows(struct store *s, const struct flow_query *q,
		int (*on_flow)(void *context, const struct flow_row *flow), void *context,
		struct fail *f);

/* The last that the record says of the flow. data is malloc'ed and holds what ret points into. */
int store_flow_event(struct store *s, const struct flow_row *row, void **ret_data,
		     struct frame *ret, struct fail *f);

#endif
