/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh shells (DESIGN.md, "Shells"): each shell call is a new `bash -c COMMAND`, the call's first
 * process, whose exit status is the wait status of that process and nothing else. What a living
 * shell would have kept (directory, variables, functions, aliases, options, umask) is written by
 * the ending shell to a descriptor, held here as bytes, and read by the next one.
 *
 * The state is the agent's own text. It is executed only by the agent's next shell, with nothing
 * but the agent's rights: whatever a call pretends in it is what the next call really gets. */
#ifndef WEIR_TRACE_SHELL_H
#define WEIR_TRACE_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fail.h"
#include "policy/policy.h"
#include "trace/shell_state.h"

#define SHELL_EXTRA_MAX 4

/* One shell call about to start: what client_call_begin() needs. */
struct shell_call {
	const char *argv[6];
	const char *env[2];
	int extra[SHELL_EXTRA_MAX]; /* become 3, 4, 5 …; owned */
	size_t extra_count;
};

/* inherited: the policy's environment, whose names a call may have unset. command: borrowed until
 * shell_call_free(). 0 or -errno. */
int shell_call_make(const struct shell_state *state, const struct text_list *inherited,
		    const char *command, struct shell_call *ret, struct fail *f);
void shell_call_free(
	struct shell_call *c); /* accepts one that was never made, all zero but extra_count 0 */

/* After the first process has ended: the state it left; clean as for shell_state_parse(). -ENODATA
 * when the shell ended without handing it over (killed, replaced by exec, its EXIT trap replaced),
 * -EFBIG over the maximum; *ret is then untouched and the text in f says which. */
int shell_call_collect(const struct shell_call *c, const struct shell_state *clean,
		       struct shell_state *ret, struct fail *f);

#endif
