/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a barrier or a sensor holds, as doctor, policy and report say it. */
#ifndef WEIR_POLICY_STATE_H
#define WEIR_POLICY_STATE_H

enum barrier_state { STATE_ENFORCED, STATE_DEGRADED, STATE_UNAVAILABLE, STATE_NOT_OURS };

/* One line of the report's barriers[] or sensors[]. */
struct state_line {
	char name[32];
	enum barrier_state state;
	char reason[256]; /* "" when enforced */
};

/* "enforced", "degraded", "unavailable", "not ours" */
const char *barrier_state_name(enum barrier_state state);

#endif
