// SPDX-License-Identifier: Apache-2.0
/* Barrier capabilities: none for user; for root the eight that installing packages needs, held over
 * the sandbox's own ids only. The bounding set is cut as well, so no exec brings one back. */
#include <linux/capability.h>

#include "sandbox/barrier.h"

#define BIT(cap) (1ull << (cap))
#define ROOT_CAPABILITIES                                                             \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | \
	 BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE))

static int plan(struct sandbox_plan *p, struct fail *f)
{
	uint64_t kept = 0;

	if (!p->policy)
		return 0;
	if (p->identity == IDENTITY_ROOT)
		kept = ROOT_CAPABILITIES;
	plan_step(p, STAGE_CALL, STEP_BOUNDING, NULL, NULL)->a = kept;
	plan_step(p, STAGE_CALL, STEP_CAPABILITIES, NULL, NULL)->a = kept;
	plan_step(p, STAGE_INIT, STEP_CAPABILITIES, NULL, NULL);
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
}

const struct barrier barrier_capabilities = {
	.name = "capabilities",
	.about = "none for identity user, eight over its own ids for identity root",
	.probe = probe,
	.plan = plan,
};
