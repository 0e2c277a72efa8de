// SPDX-License-Identifier: Apache-2.0
/* Other projects' words for the network: Harbor's network_mode and allowed_hosts, OpenSandbox's
 * defaultAction and egress. They may stand at the top of the file or under network:, and say the
 * same as our own keys; a file that says the same thing twice is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/read.h"

enum egress_action { EGRESS_ALLOW, EGRESS_DENY };

struct egress {
	enum egress_action action;
	char *target;
};

static const struct setting egress_settings[] = {
	{ .path = "egress[].action",
	  .type = SETTING_CHOICE,
	  .offset = offsetof(struct egress, action),
	  .size = sizeof(enum egress_action),
	  .maximum = EGRESS_DENY,
	  .accepts = "allow|deny" },
	{ .path = "egress[].target",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct egress, target),
	  .size = sizeof(char *),
	  .accepts = "host" },
	{ 0 },
};

static int read_choice(struct reader *r, const char *choices, enum policy_network *ret,
		       const char *path)
{
	const struct setting s = { .path = path,
				   .type = SETTING_CHOICE,
				   .size = sizeof(*ret),
				   .maximum = UINT32_MAX,
				   .accepts = choices };

	return read_value(r, &s, ret, path);
}

static int read_network_mode(struct reader *r, const char *path)
{
	enum policy_network mode = NETWORK_DENY;
	int e = read_claim(r, r->default_by, "network.default", path);

	if (e == 0)
		e = read_choice(r, "no-network|allowlist|public", &mode, path);
	if (e < 0)
		return e;
	r->policy->network.standard = mode == NETWORK_PUBLIC ? DEFAULT_ALLOW : DEFAULT_DENY;
	r->allow_refused = mode != NETWORK_ALLOWLIST;
	return 0;
}

static int read_default_action(struct reader *r, const char *path)
{
	enum policy_network action = NETWORK_DENY;
	int e = read_claim(r, r->default_by, "network.default", path);

	if (e == 0)
		e = read_choice(r, "deny|allow", &action, path);
	if (e == 0)
		r->policy->network.standard = action ? DEFAULT_ALLOW : DEFAULT_DENY;
	return e;
}

/* Takes host. */
static int add_host(struct reader *r, char *host)
{
	const struct network_rule rule = { .host = host,
					   .bytes = POLICY_UNLIMITED,
					   .connections = POLICY_UNLIMITED };

	if (host && network_rule_add(r->policy, &rule) == 0)
		return 0;
	free(host);
	return fail(r->f, ENOMEM, "%s", r->name);
}

static int read_allowed_hosts(struct reader *r, const char *path)
{
	static const struct setting hosts = { .path = "allowed_hosts",
					      .type = SETTING_LIST,
					      .maximum = POLICY_LIST_MAX,
					      .accepts = "host" };
	struct text_list list = { 0 };
	int e = read_claim(r, r->allow_by, "network.allow", path);

	if (e == 0)
		e = read_value(r, &hosts, &list, path);
	for (size_t i = 0; e == 0 && i < list.count; i++)
		e = add_host(r, take_ptr(list.items[i]));
	text_list_clear(&list);
	return e;
}

static int read_egress_entry(struct reader *r)
{
	struct egress entry = { .action = EGRESS_DENY };
	const struct target target = { egress_settings, &entry };
	yaml_mark_t mark = r->event.start_mark;
	int e = read_mapping(r, &target, "egress[]");

	if (e == 0 && !entry.target)
		e = read_fail(r, mark, "egress[]: target is missing");
	if (e == 0 && entry.action != EGRESS_ALLOW)
		e = read_fail(
			r, mark,
			"egress[]: accepted is action: allow; what no entry allows is refused "
			"by defaultAction: deny");
	if (e == 0)
		return add_host(r, entry.target);
	free(entry.target);
	return e;
}

static int read_egress(struct reader *r, const char *path)
{
	int e = read_claim(r, r->allow_by, "network.allow", path);

	if (e == 0 && r->event.type != YAML_SEQUENCE_START_EVENT)
		return read_fail_type(r, path, "", "accepted is a list of {action, target}");
	while (e == 0) {
		e = read_next(r);
		if (e < 0 || r->event.type == YAML_SEQUENCE_END_EVENT)
			return e;
		if (r->policy->network.allow_count >= POLICY_LIST_MAX)
			return read_fail(r, r->event.start_mark, "%s: more than %d entries", path,
					 POLICY_LIST_MAX);
		e = read_egress_entry(r);
	}
	return e;
}

static const struct {
	const char *key;
	int (*read)(struct reader *r, const char *path);
} readers[] = {
	{ "network_mode", read_network_mode },
	{ "allowed_hosts", read_allowed_hosts },
	{ "defaultAction", read_default_action },
	{ "egress", read_egress },
};

/* The key without the group it may stand in. */
static const char *spelling_key(const char *path)
{
	return strncmp(path, "network.", 8) == 0 ? path + 8 : path;
}

bool read_knows_spelling(const char *path)
{
	for (const struct spelling *s = spellings; s->path; s++)
		if (strcmp(s->path, spelling_key(path)) == 0)
			return true;
	return false;
}

int read_spelling(struct reader *r, const char *path)
{
	for (size_t i = 0; i < ARRAY_LENGTH(readers); i++)
		if (strcmp(readers[i].key, spelling_key(path)) == 0)
			return readers[i].read(r, path);
	return read_fail(r, r->event.start_mark, "%s: known, but not read by this version", path);
}
