// SPDX-License-Identifier: Apache-2.0
/* What a policy may ask for that this version cannot enforce. It is refused by name before anything
 * starts: a rule that is read and then ignored is worse than none. */
#include <errno.h>

#include "base/cleanup.h"
#include "policy/policy.h"

static int refuse(struct fail *f, const char *key, const char *value)
{
	return fail_text(
		f, EINVAL,
		"the policy says %s: %s, and this version cannot enforce it: ways out to the "
		"network and accelerators come with a later release; without this key the run "
		"has none and can start",
		key, value);
}

int policy_supported(const struct policy *p, struct fail *f)
{
	static const char *const words[] = { "none", "allowlist", "public" };
	const struct {
		const char *key;
		enum policy_network value;
	} phases[] = {
		{ "network.phases.setup", p->network.setup },
		{ "network.phases.run", p->network.run },
		{ "network.phases.verify", p->network.verify },
	};

	if (p->network.standard != DEFAULT_DENY)
		return refuse(f, "network.default", "allow");
	if (p->network.allow_count)
		return refuse(f, "network.allow", p->network.allow[0].host);
	for (size_t i = 0; i < ARRAY_LENGTH(phases); i++)
		if (phases[i].value != NETWORK_DENY)
			return refuse(f, phases[i].key, words[phases[i].value]);
	if (p->compute.gpu != GPU_NONE)
		return refuse(f, "compute.gpu", "all");
	return 0;
}
