// SPDX-License-Identifier: Apache-2.0
/* Barrier no_new_privs: no exec gains anything. Not for identity root, whose su and passwd change
 * ids within the sandbox's own; there the bounding set and the id block hold instead. */
#include "sandbox/barrier.h"

static int plan(struct sandbox_plan *p, struct fail *f)
{
	plan_step(p, STAGE_INIT, STEP_NO_NEW_PRIVS, NULL, NULL);
	if (!p->policy)
		return 0;
	if (p->identity == IDENTITY_USER)
		plan_step(p, STAGE_CALL, STEP_NO_NEW_PRIVS, NULL, NULL);
	else
		plan_state(p, STATE_NOT_OURS,
			   "identity root may execute set-user-id programs of "
			   "its own root");
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
}

const struct barrier barrier_no_new_privs = {
	.name = "no_new_privs",
	.about = "executing a program never gains privileges (identity user)",
	.probe = probe,
	.plan = plan,
};
