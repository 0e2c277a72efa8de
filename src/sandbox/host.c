// SPDX-License-Identifier: Apache-2.0
/* See host.h. Root inside a container's user namespace is an ordinary user here: it cannot map ids
 * of its choice nor mount what belongs to the host. */
#include "sandbox/host.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/kernel.h"

#define MAP_WHOLE 4294967295u /* ids in the map of the initial user namespace */

static bool all_ids_mapped(void)
{
	struct buf text;
	unsigned int inside, outside, count;
	bool whole;

	buf_init(&text, 4096);
	whole = file_read_path(AT_FDCWD, "/proc/self/uid_map", &text) == 0 &&
		sscanf(buf_text(&text), "%u %u %u", &inside, &outside, &count) == 3 &&
		inside == 0 && count == MAP_WHOLE;
	buf_free(&text);
	return whole;
}

static bool holds(const struct __user_cap_data_struct data[2], int cap)
{
	return data[cap / 32].effective >> (cap % 32) & 1;
}

void host_look(struct host *ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	memset(ret, 0, sizeof(*ret));
	ret->uid = geteuid();
	ret->gid = getegid();
	syscall(SYS_capget, &header, data);
	ret->privileged = ret->uid == 0 && holds(data, CAP_SYS_ADMIN) && holds(data, CAP_SETUID) &&
			  holds(data, CAP_SETGID) && holds(data, CAP_CHOWN) &&
			  holds(data, CAP_MKNOD) && all_ids_mapped();
	ret->landlock_abi = kernel_landlock_abi();
	if (ret->landlock_abi < 0)
		ret->landlock_abi = 0;
	ret->time_namespace = access("/proc/self/ns/time", F_OK) == 0;
}
