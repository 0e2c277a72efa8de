// SPDX-License-Identifier: Apache-2.0
/* Judges when the processor time of a call is told; see usage.h. Owns nothing. */
#include "keeper/usage.h"

#include "base/clock.h"

#define LOOK_NS NSEC_PER_SEC
#define LOOK_MAX_NS (8 * NSEC_PER_SEC) /* of a call that does nothing */
#define TELL_USEC 500000	       /* this much, and not more often than this */
#define TELL_NS (2 * NSEC_PER_SEC)
#define REST_PERCENT 1 /* of one processor: less is rest */

void usage_begin(struct usage *u, uint64_t now)
{
	*u = (struct usage){
		.told_ns = now, .looked_ns = now, .next_ns = now + LOOK_NS, .pause_ns = LOOK_NS
	};
}

bool usage_look(struct usage *u, uint64_t now, uint64_t cpu_usec, bool last, struct usage_told *ret)
{
	uint64_t spent = cpu_usec > u->looked_usec ? cpu_usec - u->looked_usec : 0;
	uint64_t left = cpu_usec > u->told_usec ? cpu_usec - u->told_usec : 0;
	bool rests = spent * 1000 * 100 < (now - u->looked_ns) * REST_PERCENT;
	bool enough = left >= TELL_USEC && (last || now - u->told_ns >= TELL_NS);
	bool tell = enough || (left && u->busy && (rests || last));

	u->pause_ns = rests ? u->pause_ns * 2 : LOOK_NS;
	if (u->pause_ns > LOOK_MAX_NS)
		u->pause_ns = LOOK_MAX_NS;
	u->next_ns = now + u->pause_ns;
	u->looked_ns = now;
	u->looked_usec = cpu_usec;
	if (enough)
		u->busy = true;
	if (rests)
		u->busy = false;
	if (!tell)
		return false;
	ret->since_ns = now - u->told_ns;
	ret->used_usec = left;
	u->told_ns = now;
	u->told_usec = cpu_usec;
	return true;
}
