/* SPDX-License-Identifier: Apache-2.0 */
/* What a capture's state may hold in memory, whatever the capture holds: everything that grows
 * with it is counted here. Who wants more than there is must give something up first. */
#ifndef WEIR_FLOW_ACCOUNT_H
#define WEIR_FLOW_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#define ALLOCATION_COST 16 /* the C library's, of each */

struct account {
	size_t used, limit;
};

static inline void account_take(struct account *a, size_t size)
{
	a->used += size + ALLOCATION_COST;
}

static inline void account_give(struct account *a, size_t size)
{
	a->used -= size + ALLOCATION_COST;
}

static inline bool account_over(const struct account *a)
{
	return a->used > a->limit;
}

#endif
