// SPDX-License-Identifier: Apache-2.0
/* The list of barriers, and what doctor shows of them. */
#include "sandbox/barrier.h"

#include <stdio.h>

#include "base/cleanup.h"

const struct barrier *const barriers[] = {
	&barrier_namespaces,  &barrier_mounts,	     &barrier_limits,  &barrier_landlock,
	&barrier_identity,    &barrier_capabilities, &barrier_seccomp, &barrier_no_new_privs,
	&barrier_environment, &barrier_descriptors,
};
const size_t barrier_count = ARRAY_LENGTH(barriers);

void doctor_says(struct doctor_line *line, enum barrier_state state, const char *reason,
		 const char *fix)
{
	line->line.state = state;
	snprintf(line->line.reason, sizeof(line->line.reason), "%s", reason);
	snprintf(line->fix, sizeof(line->fix), "%s", fix);
}

size_t sandbox_probe(struct doctor_line *lines)
{
	struct host host;

	host_look(&host);
	for (size_t i = 0; i < barrier_count; i++) {
		lines[i] = (struct doctor_line){ .line.state = STATE_ENFORCED };
		snprintf(lines[i].line.name, sizeof(lines[i].line.name), "%s", barriers[i]->name);
		barriers[i]->probe(&host, &lines[i]);
	}
	return barrier_count;
}
