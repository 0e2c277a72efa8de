/* SPDX-License-Identifier: Apache-2.0 */
/* A run's way out, as its keeper holds it: the policy's network as it is now, the phase, the names
 * that have addresses, the kernel's verdicts, the sockets made inside, and the gate's life. A gate
 * that dies is started again and told all of it; until then the kernel goes on refusing, and what
 * is allowed waits in the sockets' queues. */
#ifndef WEIR_KEEPER_EGRESS_H
#define WEIR_KEEPER_EGRESS_H

#include "call/channel.h"
#include "keeper/keeper.h"

struct egress; /* in struct keeper; NULL: the run has no way out */
struct order;
struct order_target;

/* Once the sandbox stands. Does not wait for the gate. 0, or -errno and the run cannot begin. */
int egress_open(struct keeper *k, struct fail *f);
/* Nothing lives inside any more: the gate tells its flows' ends, and ends. */
void egress_end(struct keeper *k);
/* Whether it has; true where there is none. */
bool egress_ended(const struct keeper *k);
/* It has not, in the time that there was: without it then. Idempotent. */
void egress_close(struct keeper *k);
/* Looks at what has a time limit; returns when to look again. */
uint64_t egress_limits(struct keeper *k, uint64_t now);
/* From an asker; answered by POLICY_DONE when it holds everywhere. */
void egress_policy_asked(struct keeper *k, struct visitor *v, const struct message *m);
void egress_phase_asked(struct keeper *k, struct visitor *v, const struct message *m);

/* What findings order (action.c). Does a gate carry the run's flows to the outside? */
bool egress_relays(const struct keeper *k);
/* From here on the kernel lets the call (EVENT_NO_CALL: every one) no more reach it. 0, -ENOTSUP
 * where its rules know no calls, or another -errno. */
int egress_refuse(struct keeper *k, uint32_t call, const struct order_target *to);
/* Asks the gate to end flows; it answers by action_cut(). False: there is none that lives. */
bool egress_cut(struct keeper *k, const struct order *o);
/* It did not answer: its flows end with it. */
void egress_cut_late(struct keeper *k);

#endif
