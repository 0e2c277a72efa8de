// SPDX-License-Identifier: Apache-2.0
/* Processes: fork, exec and exit. */
#include "sensor/program.h"

extern const struct sensor sensor_process;
const struct sensor sensor_process = {
	.name = "process",
	.without = "some of fork, exec and exit are not seen",
	.needs = {
		{ .name = "weir_exec", .kind = PROGRAM_RAW, .hook = "sched_process_exec" },
		{ .name = "weir_fork", .kind = PROGRAM_RAW, .hook = "sched_process_fork" },
		{ .name = "weir_exit", .kind = PROGRAM_RAW, .hook = "sched_process_exit" },
	},
};
