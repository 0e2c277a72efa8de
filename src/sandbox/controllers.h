/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup controllers that hold a run's limits, where they are. On a v2 host they are at the
 * run's own directory. On a v1 or hybrid host each has a hierarchy of its own, in which the
 * launcher gets a directory below weir/: what it clones is born there. */
#ifndef WEIR_SANDBOX_CONTROLLERS_H
#define WEIR_SANDBOX_CONTROLLERS_H

#include <limits.h>
#include <stdbool.h>

#include "base/fail.h"
#include "sandbox/plan.h"

enum controller { CONTROLLER_MEMORY, CONTROLLER_PIDS, CONTROLLER_CPU, CONTROLLER_COUNT };

struct controllers {
	/* per controller: weir's directory in its v1 hierarchy, "" where there is none */
	char v1[CONTROLLER_COUNT][PATH_MAX];
	bool v2[CONTROLLER_COUNT]; /* offered by the v2 tree */
};

const char *controller_name(enum controller c);
void controllers_find(struct controllers *ret);

/* v1: makes the directory of launcher `id` in each hierarchy, and removes those whose launcher's
 * keeper has died. Returns a bit per controller that was made. */
unsigned int controllers_make(const struct controllers *c, const char *id);
/* Moves the calling process; only system calls. 0 or -errno of the first that failed. */
int controllers_enter(const int procs[CONTROLLER_COUNT]);
/* Opens cgroup.procs of each directory made, or -1. */
void controllers_open(const struct controllers *c, const char *id, unsigned int made,
		      int procs[CONTROLLER_COUNT]);
void controllers_remove(const struct controllers *c, const char *id, unsigned int made);
/* Sets the limits: at run_cgroup (v2, or -1), else in the v1 directories. What could not be set is
 * a bit of the result. */
unsigned int controllers_limit(const struct controllers *c, const char *id, unsigned int made,
			       int run_cgroup, const struct sandbox_limits *limits);

#endif
