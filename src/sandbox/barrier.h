/* SPDX-License-Identifier: Apache-2.0 */
/* A barrier: one containment mechanism, one const struct in one file. plan() adds the steps that
 * enter it and says through plan_state() how well it holds; the steps are what enters it, in the
 * process that each step names. probe() tries it for real, for `weir doctor`. */
#ifndef WEIR_SANDBOX_BARRIER_H
#define WEIR_SANDBOX_BARRIER_H

#include "sandbox/plan.h"

struct barrier {
	const char *name, *about;
	/* Fills state, reason and fix; the name is already set and the state is enforced. */
	void (*probe)(const struct host *host, struct doctor_line *ret);
	/* 0, or -errno with f. p->policy is NULL when only what no policy changes is wanted. */
	int (*plan)(struct sandbox_plan *p, struct fail *f);
};

extern const struct barrier barrier_namespaces, barrier_mounts, barrier_identity,
	barrier_capabilities, barrier_no_new_privs, barrier_seccomp, barrier_landlock,
	barrier_limits, barrier_environment, barrier_descriptors;

/* In the order in which they plan, which is the order of steps within a stage. */
extern const struct barrier *const barriers[];
extern const size_t barrier_count;

/* Says how a probed barrier holds here. */
void doctor_says(struct doctor_line *line, enum barrier_state state, const char *reason,
		 const char *fix);

#endif
