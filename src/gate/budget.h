/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules' budgets still allow: bytes and connections, over all flows of a rule and over the
 * whole run. What was spent goes on with the rule when the policy changes, and with the run when
 * the gate dies: the keeper holds it, unread, for the next one. */
#ifndef WEIR_GATE_BUDGET_H
#define WEIR_GATE_BUDGET_H

#include "base/buf.h"
#include "base/wire.h"
#include "policy/egress.h"

struct budget {
	struct network_rule rule;    /* host, ports, protocol, transport; owned */
	uint64_t bytes, connections; /* spent */
};

struct budgets {
	size_t count;
	struct budget *of; /* by rule; owned */
	bool limited;	   /* there is a rule with a budget */
	bool told;	   /* the keeper knows it all */
};

/* For the rules of p. A rule takes over what was spent under the same rule before; where there was
 * none, the most that was spent under one that names some of its hosts by the same transport. 0 or
 * -ENOMEM, and then nothing has changed. */
int budgets_policy(struct budgets *b, const struct policy *p);
void budgets_free(struct budgets *b);
/* How many bytes may still pass by the rule; UINT64_MAX: any number. EGRESS_NO_RULE has no budget.
 */
uint64_t budget_bytes_left(const struct budgets *b, const struct policy *p, uint16_t rule);
void budget_spend(struct budgets *b, uint16_t rule, uint64_t bytes);
/* One more connection: false where the rule has none left. */
bool budget_connect(struct budgets *b, const struct policy *p, uint16_t rule);

/* For another gate, before its budgets_policy(). 0, -ENOMEM or -EBADMSG. */
void budgets_encode(const struct budgets *b, struct buf *out);
int budgets_decode(struct wire *w, struct budgets *ret);

#endif
