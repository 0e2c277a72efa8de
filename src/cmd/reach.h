/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent must not reach although it may lie in its workspace: the store that accuses it, and
 * the programs that hold it. */
#ifndef WEIR_CMD_REACH_H
#define WEIR_CMD_REACH_H

#include "base/fail.h"
#include "policy/policy.h"

/* Refuses a store at or below the workspace (which is absolute), and adds our own executables to
 * files.protect where they lie below it. store may not exist yet. 0 or -errno. */
int reach_keep_out(struct policy *p, const char *store, struct fail *f);

#endif
