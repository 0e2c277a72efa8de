/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of which the longest prefix wins, as ranges that do not overlap: for tables that know no
 * longest prefix. Pure. */
#ifndef WEIR_KEEPER_VERDICT_RANGE_H
#define WEIR_KEEPER_VERDICT_RANGE_H

#include "policy/egress.h"

struct verdict_range {
	struct egress_address first, next; /* next: the first behind it */
	bool has_next;			   /* false: it ends with the last address there is */
	const struct egress_entry *entry;  /* borrowed; one with count 0 is left out */
};

/* Is it one address that stands for a name? Those are no part of the ranges. */
bool verdict_is_name(const struct egress_entry *e);
/* In the order of addresses; malloc()ed, NULL for none. 0 or -ENOMEM. No two entries are of the
 * same address and prefix. */
int verdict_ranges(const struct egress_entry *entries, size_t count, struct verdict_range **ret,
		   size_t *ret_count);

#endif
