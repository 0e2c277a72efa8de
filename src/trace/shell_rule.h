/* SPDX-License-Identifier: Apache-2.0 */
/* Which earlier calls stand behind a call because of the state that its fresh shell begins with:
 * those that set something in it which can make this command act otherwise. Rather one call too
 * many than one too few; the rule is in ARCHITECTURE.md and weir-events(5). */
#ifndef WEIR_TRACE_SHELL_RULE_H
#define WEIR_TRACE_SHELL_RULE_H

#include "call/call.h"
#include "trace/shell_state.h"

/* *ret: *ret_count of them, at most CALL_BEHIND_MAX, in the order of the calls, to be freed with
 * call_behind_free(); NULL where there is none. Where there are more, the last one says so, with no
 * call. 0 or -ENOMEM. */
int shell_rule(const struct shell_state *s, const char *command, struct call_behind **ret,
	       size_t *ret_count);

/* How an entry is called where people read it: "PATH", "function git", "directory". */
void shell_entry_name(const struct shell_entry *e, struct buf *out);

#endif
