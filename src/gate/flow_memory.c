// SPDX-License-Identifier: Apache-2.0
/* What the kernel holds for flows that one side does not read. It is no memory of the sandbox,
 * whose limits do not count it, and the host has a bound for all TCP together (net.ipv4.tcp_mem): a
 * sandbox shall not use that up. Looked at now and then, because it grows by itself. */
#include <errno.h>

#include "gate/flow.h"

/* Above the average of what is allowed: there is one, where the sum is more than that. */
static bool has_much(const struct flow *f, uint64_t most, size_t count)
{
	return pair_waiting(&f->pair) > most / count;
}

void flows_relieve(struct gate *g, uint64_t tight, uint64_t most)
{
	struct flow *next;
	uint64_t sum = 0;
	size_t count = 0;

	for (struct flow *f = flows_first(g); f; f = f->next, count++)
		sum += pair_waiting(&f->pair);
	for (struct flow *f = flows_first(g); sum > tight && f; f = f->next)
		if (has_much(f, tight, count))
			pair_tighten(&f->pair);
	for (struct flow *f = flows_first(g); sum > most && f; f = next) {
		next = f->next;
		if (f->step == STEP_OWNER || !has_much(f, most, count))
			continue;
		sum -= pair_waiting(&f->pair);
		flow_cut(f, ENOBUFS, "too much of it waits for a side that does not read");
	}
}
