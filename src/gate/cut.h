/* SPDX-License-Identifier: Apache-2.0 */
/* What findings end and refuse (the policy's `on:`), as the keeper orders it. */
#ifndef WEIR_GATE_CUT_H
#define WEIR_GATE_CUT_H

#include "gate/gate.h"

/* Has a finding refused this far end to the call? The finding in words, or NULL. port: of what was
 * asked for. */
const char *cut_refused(const struct gate *g, uint32_t call, const uint8_t address[16],
			uint16_t port);
/* The same of the names that it asks for. */
const char *cut_names_refused(const struct gate *g, uint32_t call);
/* GATE_CUT: what is refused, before anything is cut. 0 or -EBADMSG, -ENOMEM. */
int cuts_add(struct gate *g, const struct order *o);
/* A flow as an order sees it. far: its far end as asked for, or who came from outside. */
struct cut_flow {
	uint64_t number;
	uint32_t call;
	const uint8_t *far;
	uint16_t port;
};
/* Is it at an end by this order: named by it, or one more to where the call may not go? Counts it.
 */
bool cut_orders(const struct gate *g, const struct order *o, const struct cut_flow *f,
		struct order_done *done);
void cuts_free(struct gate *g);
void cut_reason(uint32_t finding, char ret[24]);

#endif
