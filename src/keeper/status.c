// SPDX-License-Identifier: Apache-2.0
/* How a process that is not our child has ended: from its pidfd once it was reaped (Linux 6.15,
 * PIDFD_INFO_EXIT), from /proc while it is a zombie. Owns nothing. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "keeper/keeper.h"

/* include/uapi/linux/pidfd.h: its first version, which later kernels accept */
struct exit_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
#define EXIT_INFO_GET _IOWR(0xff, 11, struct exit_info)
#define EXIT_INFO_EXIT (1u << 3)

static bool info_read(int pidfd, int *ret_status)
{
	struct exit_info info = { .mask = EXIT_INFO_EXIT };

	if (ioctl(pidfd, EXIT_INFO_GET, &info) < 0 || !(info.mask & EXIT_INFO_EXIT))
		return false;
	*ret_status = info.exit_code;
	return true;
}

/* The last of the 52 fields of proc_pid_stat(5). */
static bool zombie_read(pid_t pid, int *ret_status)
{
	char path[32], text[1024];
	cleanup_file FILE *f = NULL;
	const char *state, *last;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return false;
	state = strrchr(text, ')'); /* the name may hold anything */
	last = strrchr(text, ' ');
	if (!state || !last || last < state + 2 || state[1] != ' ' || state[2] != 'Z')
		return false;
	*ret_status = (int)strtol(last, NULL, 10);
	return true;
}

bool status_read(int pidfd, pid_t pid, int *ret_status)
{
	/* reaped between the two looks, it is found by the third; and a pid is not used again
	 * while its zombie is there */
	return info_read(pidfd, ret_status) ||
	       (zombie_read(pid, ret_status) && pidfd_send_signal(pidfd, 0, NULL, 0) == 0) ||
	       info_read(pidfd, ret_status);
}
