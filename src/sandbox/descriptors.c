// SPDX-License-Identifier: Apache-2.0
/* Barrier descriptors: a call starts with the descriptors it was given and no other, in a session
 * of its own, in its working directory; then it executes. */
#include "sandbox/barrier.h"
#include "sandbox/kernel.h"

static int plan(struct sandbox_plan *p, struct fail *f)
{
	plan_step(p, STAGE_CALL, STEP_SESSION, NULL, NULL);
	plan_step(p, STAGE_CALL, STEP_DESCRIPTORS, NULL, NULL);
	plan_step(p, STAGE_CALL, STEP_DIRECTORY, NULL, NULL);
	plan_step(p, STAGE_CALL, STEP_EXEC, NULL, NULL);
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
	/* An empty range above every possible descriptor: asks whether the call exists. */
	if (kernel_close_range(~0u, ~0u) < 0)
		doctor_says(ret, STATE_UNAVAILABLE, "this kernel has no close_range(2)",
			    "Linux 5.9 or later");
}

const struct barrier barrier_descriptors = {
	.name = "descriptors",
	.about = "every descriptor that a call was not given is closed",
	.probe = probe,
	.plan = plan,
};
