// SPDX-License-Identifier: Apache-2.0
/* Calls: which cgroup is which call, and what each call produced and lost. All other sensors rest
 * on this one. */
#include "sensor/program.h"

extern const struct sensor sensor_calls;
const struct sensor sensor_calls = {
	.name = "calls",
	.without = "no event can be given to a call",
	.needs = {
		{ .name = "weir_cgroup_mkdir", .kind = PROGRAM_RAW, .hook = "cgroup_mkdir" },
		{ .name = "weir_cgroup_rmdir", .kind = PROGRAM_RAW, .hook = "cgroup_rmdir" },
	},
};
