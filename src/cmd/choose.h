/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `replay` have in common before a run begins: the policy that holds, the run's
 * name, the store; and after it: what is said about its end. */
#ifndef WEIR_CMD_CHOOSE_H
#define WEIR_CMD_CHOOSE_H

#include "base/fail.h"
#include "policy/policy.h"

/* The policy of `file` (NULL: the built-in one), refused where this weir cannot hold it; its
 * workspace made absolute and kept apart from the store (NULL: the default one), its environment
 * filled in from ours. Releases what it made on failure. */
int choose_policy(const char *file, const char *store, struct policy *ret, struct fail *f);
/* The exit status for what failed here: wrong usage, unless it is weir or this host that lacks
 * something. */
int choose_status(const struct fail *f);
/* -EINVAL for a name that is too long or has characters other than letters, digits, '.', '_' and
 * '-'. */
int choose_name(const char *name, struct fail *f);
/* Appends words as one line that a shell would read back. */
void choose_quote(char *const *words, struct buf *out);

#endif
