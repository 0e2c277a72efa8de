// SPDX-License-Identifier: Apache-2.0
/* A minimal /etc where the policy does not show the host's: accounts, host names, name services.
 * None of it is the host's, so nothing about its users or network is told. */
#include <stdio.h>

#include "base/cleanup.h"
#include "policy/egress.h"
#include "sandbox/mounts.h"

static const struct {
	const char *path, *content;
} files[] = {
	{ "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
			"user:x:1000:1000:user:/home/user:/bin/bash\n"
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n" },
	{ "etc/hostname", "weir\n" },
	{ "etc/hosts", "127.0.0.1 localhost weir\n::1 localhost ip6-localhost ip6-loopback\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
			       "networks: files\nprotocols: files\nservices: files\n"
			       "ethers: files\nrpc: files\n" },
	{ "etc/host.conf", "multi on\n" },
};

static void plan_etc_file(struct sandbox_plan *p, const char *path, const char *content)
{
	if (!plan_has(p, STEP_FILE, path) && !plan_has(p, STEP_SYMLINK, path))
		plan_file(p, path, content, 0644, 0);
}

void mounts_resolver(const struct policy *policy, char text[RESOLVER_TEXT])
{
	char v4[EGRESS_ADDRESS_TEXT], v6[EGRESS_ADDRESS_TEXT];
	struct egress_address address;

	snprintf(text, RESOLVER_TEXT, "# no name server: this sandbox has no network\n");
	if (!egress_wanted(policy))
		return;
	egress_name_address(0, false, &address);
	egress_address_text(&address, v4);
	egress_name_address(0, true, &address);
	egress_address_text(&address, v6);
	snprintf(text, RESOLVER_TEXT,
		 "nameserver %s\nnameserver %s\noptions timeout:2 attempts:2 ndots:1\n", v4, v6);
}

void mounts_plan_etc(struct sandbox_plan *p)
{
	char resolver[RESOLVER_TEXT];

	if (plan_has(p, STEP_BIND, "etc") || plan_has(p, STEP_OVERLAY, "etc"))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		plan_etc_file(p, files[i].path, files[i].content);
	mounts_resolver(p->policy, resolver);
	plan_etc_file(p, "etc/resolv.conf", resolver);
	plan_step(p, STAGE_BUILD, STEP_SYMLINK, "etc/mtab", "/proc/self/mounts");
}
