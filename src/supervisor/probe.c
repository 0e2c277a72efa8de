// SPDX-License-Identifier: Apache-2.0
/* weir-supervisor --probe: what the sensors can do here, one line each, for `weir doctor`, which
 * does not link libbpf. Fields: name, state, reason, what would change it; separated by tabs. */
#include <stdio.h>

#include "base/cleanup.h"
#include "call/cgroup.h"
#include "supervisor/supervisor.h"

int probe_print(void)
{
	struct sensor_probe_line lines[SENSORS_MAX];
	size_t count = sensors_probe(lines);
	struct fail f = { .code = 0 };
	cleanup_fd int cgroup = cgroup_root_open(&f);

	printf("cgroups\t%s\t%s\t%s\n",
	       barrier_state_name(cgroup >= 0 ? STATE_ENFORCED : STATE_UNAVAILABLE), f.text,
	       cgroup >= 0 ? "" : "mount cgroup2, and run weir as root");
	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\t%s\t%s\n", lines[i].line.name,
		       barrier_state_name(lines[i].line.state), lines[i].line.reason, lines[i].fix);
	return 0;
}
