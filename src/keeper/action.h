/* SPDX-License-Identifier: Apache-2.0 */
/* What findings order (the policy's `on:`): the flow first, then the call, then the run. The
 * keeper does it, and tells the record what was done and what could not be. */
#ifndef WEIR_KEEPER_ACTION_H
#define WEIR_KEEPER_ACTION_H

#include "call/order.h"
#include "keeper/keeper.h"

struct actions; /* in struct keeper; NULL: none was ordered */

void action_take(struct keeper *k, const struct order *o);
/* The gate has cut what it had of the order's flows, or has gone with all of them. */
void action_cut(struct keeper *k, const struct order_done *done);
void action_gate_gone(struct keeper *k);
/* A gate that is waited for too long is ended; returns when to look again. */
uint64_t actions_limits(struct keeper *k, uint64_t now);
/* Calls on_order for each that was ordered: the next gate is told of them. */
void actions_each(const struct keeper *k, void (*on_order)(void *context, const struct order *o),
		  void *context);
void actions_close(struct keeper *k);

#endif
