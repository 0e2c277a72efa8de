/* SPDX-License-Identifier: Apache-2.0 */
/* The trajectory with what its calls did now in place of what they did then. */
#ifndef WEIR_TRACE_ATIF_WRITE_H
#define WEIR_TRACE_ATIF_WRITE_H

#include "base/fail.h"
#include "trace/atif.h"
#include "trace/replay.h"

/* Puts a result into the tree: its call's observation becomes this output; what weir knows beside
 * it (run, call, exit status, difference …) goes under extra.weir. May come again for the same
 * call. 0 or -ENOMEM. */
int trajectory_set_result(struct trajectory *t, const char *run_id,
			  const struct replay_result *result);
/* Writes the tree as ATIF v1.7, or as its own version where that is later. The file appears whole
 * or not at all. */
int trajectory_write(struct trajectory *t, const char *path, struct fail *f);

#endif
