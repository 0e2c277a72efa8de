// SPDX-License-Identifier: Apache-2.0
/* weir-supervisor --probe: what the sensors can do here, one line each, for `weir doctor`, which
 * does not link libbpf. Fields: name, state, reason, what would change it; separated by tabs. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "call/cgroup.h"
#include "supervisor/supervisor.h"

#define MOUNTS_MAX (1024 * 1024)

/* Is the v2 tree mounted so that a process can be moved without waiting? */
static bool moves_quickly(void)
{
	cleanup_buf struct buf text = { 0 };
	const char *mount, *option;

	buf_init(&text, MOUNTS_MAX);
	if (file_read_path(AT_FDCWD, "/proc/mounts", &text) < 0)
		return false;
	mount = strstr(buf_text(&text), " cgroup2 ");
	option = mount ? strstr(mount, "favordynmods") : NULL;
	return option && option < mount + strcspn(mount, "\n");
}

/* What weir run --agent needs, and what its calls cost. */
static void print_agent(bool cgroups, const struct sensor_probe_line *lines, size_t count)
{
	bool seen = false;

	for (size_t i = 0; i < count; i++)
		if (strcmp(lines[i].line.name, "calls") == 0)
			seen = lines[i].line.state == STATE_ENFORCED;
	if (!cgroups || !seen)
		printf("agent\t%s\t%s\t%s\n", barrier_state_name(STATE_UNAVAILABLE),
		       "a live agent's calls (weir run --agent) are cgroups that the kernel tells "
		       "of",
		       "what the lines above say of cgroups and calls");
	else if (moves_quickly())
		printf("agent\t%s\t\t\n", barrier_state_name(STATE_ENFORCED));
	else
		printf("agent\t%s\t%s\t%s\n", barrier_state_name(STATE_ENFORCED),
		       "a live agent's call begins some milliseconds late after a pause: the "
		       "kernel "
		       "waits before it moves a process",
		       "mount -o remount,favordynmods the cgroup2 tree: 0.1 ms always, for a "
		       "little "
		       "more at every fork and exit of the host");
}

void probe_usage(bool cgroups, struct state_line *ret)
{
	*ret = (struct state_line){ .name = "usage",
				    .state = cgroups ? STATE_ENFORCED : STATE_UNAVAILABLE };
	if (!cgroups)
		snprintf(ret->reason, sizeof(ret->reason),
			 "the processor time of a call is not told while it lives: it has no "
			 "cgroup of "
			 "ours");
}

int probe_print(void)
{
	struct sensor_probe_line lines[SENSORS_MAX];
	size_t count = sensors_probe(lines);
	struct fail f = { .code = 0 };
	cleanup_fd int cgroup = cgroup_root_open(&f);
	struct state_line usage;

	printf("cgroups\t%s\t%s\t%s\n",
	       barrier_state_name(cgroup >= 0 ? STATE_ENFORCED : STATE_UNAVAILABLE), f.text,
	       cgroup >= 0 ? "" : "mount cgroup2, and run weir as root");
	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\t%s\t%s\n", lines[i].line.name,
		       barrier_state_name(lines[i].line.state), lines[i].line.reason, lines[i].fix);
	probe_usage(cgroup >= 0, &usage);
	printf("%s\t%s\t%s\t%s\n", usage.name, barrier_state_name(usage.state), usage.reason,
	       cgroup >= 0 ? "" : "what the first line says of cgroups");
	print_agent(cgroup >= 0, lines, count);
	return 0;
}
