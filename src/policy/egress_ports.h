/* SPDX-License-Identifier: Apache-2.0 */
/* What one destination lets pass, inside of the judgement of network rules: disjoint ranges of
 * ports, each with the first rule that names it. A destination is a name, all names below one
 * ("*.example.org"), any other name ("*"), or a range of addresses. */
#ifndef WEIR_POLICY_EGRESS_PORTS_H
#define WEIR_POLICY_EGRESS_PORTS_H

#include "policy/egress_range.h"

/* Rules with their addresses read once. */
struct egress_rules {
	const struct policy *policy;
	enum policy_network mode;
	struct {
		bool by_address;
		struct egress_range range;
	} of[POLICY_LIST_MAX];
};
void egress_rules_read(const struct policy *p, enum policy_network mode, struct egress_rules *ret);

struct egress_target {
	const char *name; /* NULL: the range */
	struct egress_range range;
};
void egress_target_words(const struct egress_target *to, struct buf *out);
bool egress_rule_names(const struct egress_rules *rules, size_t rule,
		       const struct egress_target *to);

/* While they are put together there may be more than an entry holds in the end. */
#define EGRESS_PORTS_WORK 512
struct egress_ports {
	size_t count; /* sorted by transport, then port */
	bool full;    /* some had no room and are missing */
	struct egress_port of[EGRESS_PORTS_WORK];
};
void egress_ports_of(const struct egress_rules *rules, const struct egress_target *to,
		     struct egress_ports *ret);

#endif
