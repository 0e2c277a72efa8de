/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes of a run are agents: the first one, those that it starts in its own place, and
 * those that declared themselves to be one. Bounded; those that have ended leave their place. */
#ifndef WEIR_KEEPER_AGENTS_H
#define WEIR_KEEPER_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/notify_process.h"

#define AGENTS_MAX 64 /* living at once */

struct agent_process {
	uint32_t pid;
	uint64_t start_ns;
	uint32_t call; /* that it works in: 0, or that of the call by which it was started */
};

struct agents {
	struct agent_process process[AGENTS_MAX];
	size_t count;
};

/* 0 or -EAGAIN: there are too many. */
int agents_add(struct agents *a, const struct process_facts *p, uint32_t call);
const struct agent_process *agents_find(const struct agents *a, const struct process_facts *p);
/* The nearest agent among the process's ancestors if it works in this call, else NULL. */
const struct agent_process *agents_above(const struct agents *a, const struct process_facts *p,
					 uint32_t call);
/* The word behind this one, among words with their NULs, or NULL. */
const char *word_next(const char *word, const char *end);
/* Does the agent, by this exec of a child, start itself again, with more memory, say? Then the file
 * is its own, and its script, the first argument, is among the words. Nothing is won by pretending:
 * what does it is the agent, and what follows stays its own. argv: words with their NULs. */
bool agents_again(const struct agent_process *agent, const struct process_facts *p,
		  const char *path, const char *argv, size_t argv_size);

#endif
