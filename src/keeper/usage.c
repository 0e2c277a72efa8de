// SPDX-License-Identifier: Apache-2.0
/* The processor time of living calls, told while they live: detectors join it with what a call says
 * on the network. Reads cpu.stat of each call's cgroup about once a second, of calls that rest less
 * often: 7 µs a look. Owns nothing. */
#include "base/clock.h"
#include "call/cgroup.h"
#include "keeper/keeper.h"

#define TOGETHER_NS (NSEC_PER_SEC / 4) /* what is due by then is looked at in one go */

static void tell(struct keeper *k, struct usage *u, uint32_t n, int cgroup, uint64_t cpu_usec,
		 const struct usage_told *told)
{
	uint64_t waited = cgroup_waited_usec(cgroup);
	struct event_usage e = { .h = { .size = sizeof(e),
					.kind = EVENT_USAGE,
					.call = n,
					.run = k->assign.key,
					.mono_ns = clock_mono_ns() },
				 .cpu_usec = cpu_usec,
				 .since_ns = told->since_ns,
				 .used_usec = told->used_usec,
				 .processes = cgroup_count(cgroup) };

	if (waited > u->waited_usec)
		e.waited_msec = (uint32_t)((waited - u->waited_usec) / 1000);
	u->waited_usec = waited;
	record_bytes(k, MESSAGE_REC_EVENT, &e, sizeof(e));
}

static void look(struct keeper *k, struct usage *u, uint32_t n, int cgroup, bool last)
{
	uint64_t used = cgroup_cpu_usec(cgroup);
	struct usage_told told = { 0 };

	if (usage_look(u, clock_mono_ns(), used, last, &told))
		tell(k, u, n, cgroup, used, &told);
}

static uint64_t earliest_look(const struct keeper *k)
{
	uint64_t next = k->usage.next_ns;

	for (const struct call *c = k->calls; c; c = c->next)
		if (call_has_cgroup(c) && c->usage.next_ns < next)
			next = c->usage.next_ns;
	return next;
}

uint64_t usage_looks(struct keeper *k, uint64_t now)
{
	if (k->state != RUN_LIVING || k->call0 < 0)
		return UINT64_MAX;
	if (earliest_look(k) > now)
		return earliest_look(k);
	if (k->usage.next_ns <= now + TOGETHER_NS)
		look(k, &k->usage, 0, k->call0, false);
	for (struct call *c = k->calls; c; c = c->next)
		if (call_has_cgroup(c) && c->usage.next_ns <= now + TOGETHER_NS)
			look(k, &c->usage, c->n, c->cgroup, false);
	return earliest_look(k);
}

void usage_end(struct call *c)
{
	look(c->keeper, &c->usage, c->n, c->cgroup, true);
}

void usage_end_run(struct keeper *k)
{
	if (k->call0 >= 0)
		look(k, &k->usage, 0, k->call0, true);
}
