// SPDX-License-Identifier: Apache-2.0
/* The words for severities and states, as users write and read them everywhere. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/policy.h"
#include "policy/state.h"

static const char *const severities[SEVERITY_COUNT] = {
	[SEVERITY_INFO] = "info", [SEVERITY_LOW] = "low",	    [SEVERITY_MEDIUM] = "medium",
	[SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical",
};

static const char *const states[] = {
	[STATE_ENFORCED] = "enforced",
	[STATE_DEGRADED] = "degraded",
	[STATE_UNAVAILABLE] = "unavailable",
	[STATE_NOT_OURS] = "not ours",
};

const char *severity_name(enum severity s)
{
	return (size_t)s < SEVERITY_COUNT ? severities[s] : "unknown";
}

int severity_parse(const char *name, enum severity *ret)
{
	for (size_t i = 0; i < SEVERITY_COUNT; i++)
		if (strcmp(severities[i], name) == 0) {
			*ret = (enum severity)i;
			return 0;
		}
	return -EINVAL;
}

const char *barrier_state_name(enum barrier_state state)
{
	return (size_t)state < ARRAY_LENGTH(states) ? states[state] : "unknown";
}
