// SPDX-License-Identifier: Apache-2.0
/* Barrier identity: whom processes inside are. Never the host's root. Started by root, all ids
 * inside belong to a block of host ids that nothing else uses, and the workspace is mounted with
 * its owner mapped to the sandbox's user, so that files stay the owner's on the host. An ordinary
 * user's sandbox has that user's own id and no other. */
#include "sandbox/identity.h"

#include "sandbox/barrier.h"

static const struct identity identities[] = {
	[IDENTITY_USER] = { .name = "user", .home = "/home/user", .id = IDENTITY_USER_ID },
	[IDENTITY_ROOT] = { .name = "root", .home = "/root", .id = 0 },
};

const struct identity *identity_of(enum policy_identity identity)
{
	return &identities[identity];
}

static int plan(struct sandbox_plan *p, struct fail *f)
{
	uint32_t id = identity_of(p->identity)->id;
	struct step *s;

	if (!p->policy)
		return 0;
	if (p->policy->identity != p->identity)
		plan_state(p, STATE_UNAVAILABLE,
			   "identity root needs idmapped mounts, which only root may make");
	p->image->uid = p->image->gid = id;
	if (p->host.privileged) {
		plan_step(p, STAGE_INIT, STEP_JOIN_USER_NAMESPACE, NULL, NULL);
		plan_step(p, STAGE_CALL, STEP_JOIN_USER_NAMESPACE, NULL, NULL);
		/* init is nobody: the sandbox's user may not even signal it */
		s = plan_step(p, STAGE_INIT, STEP_IDS, NULL, NULL);
		s->a = s->b = IDENTITY_RANGE - 2;
	}
	s = plan_step(p, STAGE_CALL, STEP_IDS, NULL, NULL);
	s->a = s->b = id;
	plan_step(p, STAGE_INIT, STEP_UNDUMPABLE, NULL, NULL);
	plan_step(p, STAGE_SEAL, STEP_UNDUMPABLE, NULL, NULL);
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
	if (!host->privileged)
		doctor_says(ret, STATE_DEGRADED,
			    "the sandbox's user is this user; identity root is unavailable",
			    "run weir as root");
}

const struct barrier barrier_identity = {
	.name = "identity",
	.about = "never the host's root; the workspace's files stay their owner's",
	.probe = probe,
	.plan = plan,
};
