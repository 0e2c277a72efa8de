// SPDX-License-Identifier: Apache-2.0
/* Barrier environment: a call starts with these variables, the policy's and the caller's, and with
 * nothing of weir's own environment. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/barrier.h"
#include "sandbox/environment.h"
#include "sandbox/identity.h"

static void add(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=%s", name, value);
	buf_add_char(out, '\0');
}

static void add_listed(struct buf *out, const char *item)
{
	const char *value;

	if (strchr(item, '=')) {
		buf_add(out, item, strlen(item) + 1);
	} else {
		value = getenv(item);
		if (value)
			add(out, item, value);
	}
}

static int plan(struct sandbox_plan *p, struct fail *f)
{
	const struct identity *identity;

	if (!p->policy)
		return 0;
	identity = identity_of(p->identity);
	add(&p->environment, "PATH", ENVIRONMENT_PATH);
	add(&p->environment, "HOME", identity->home);
	add(&p->environment, "USER", identity->name);
	add(&p->environment, "LOGNAME", identity->name);
	add(&p->environment, "SHELL", "/bin/bash");
	add(&p->environment, "LANG", "C.UTF-8");
	for (size_t i = 0; i < p->policy->environment.count; i++)
		add_listed(&p->environment, p->policy->environment.items[i]);
	return 0;
}

static void probe(const struct host *host, struct doctor_line *ret)
{
}

const struct barrier barrier_environment = {
	.name = "environment",
	.about = "a call sees only the variables that policy and caller give it",
	.probe = probe,
	.plan = plan,
};
