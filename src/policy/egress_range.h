/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of addresses, inside of the judgement of network rules: which of them lead to public hosts
 * and which stand for names. */
#ifndef WEIR_POLICY_EGRESS_RANGE_H
#define WEIR_POLICY_EGRESS_RANGE_H

#include "policy/egress.h"

struct egress_range {
	struct egress_address net;
	unsigned prefix;
};

#define EGRESS_ROOTS 3 /* public but for the special ranges in them: IPv4, IPv6, NAT64 */
#define EGRESS_STANDINS 2

extern const struct egress_range egress_root[EGRESS_ROOTS];
extern const struct egress_range egress_standin[EGRESS_STANDINS]; /* stand for names */

/* Whether all of `in` lies in `range`; as egress_covers(). */
bool egress_range_covers(const struct egress_range *range, const struct egress_range *in);
/* The same by bits alone, as the kernel's trie sees it: there ::/0 holds IPv4 too. */
bool egress_range_holds(const struct egress_range *range, const struct egress_range *in);
/* The special ranges one after the other; false behind the last. */
bool egress_range_special(size_t index, struct egress_range *ret, const char **ret_reason);
/* Why a range as a whole may not be reached as a public one; NULL where it may. */
const char *egress_range_reason(const struct egress_range *range);

#endif
