// SPDX-License-Identifier: Apache-2.0
/* A minimal /etc where the policy does not show the host's: accounts, host names, name services.
 * None of it is the host's, so nothing about its users or network is told. */
#include "base/cleanup.h"
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
	{ "etc/resolv.conf", "# no name server: this sandbox has no network\n" },
};

void mounts_plan_etc(struct sandbox_plan *p)
{
	if (plan_has(p, STEP_BIND, "etc") || plan_has(p, STEP_OVERLAY, "etc"))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		if (!plan_has(p, STEP_FILE, files[i].path) &&
		    !plan_has(p, STEP_SYMLINK, files[i].path))
			plan_file(p, files[i].path, files[i].content, 0644, 0);
	}
	plan_step(p, STAGE_BUILD, STEP_SYMLINK, "etc/mtab", "/proc/self/mounts");
}
