// SPDX-License-Identifier: Apache-2.0
/* Privileged operations, also those that seccomp refuses, and signals that leave their call. */
#include "bpf/syscalls.h"
#include "sensor/program.h"

extern const struct sensor sensor_privilege;
const struct sensor sensor_privilege = {
	.name = "privilege",
	.without = "some privileged operations are not seen",
	.needs = {
		{ .name = "weir_sys_exit", .kind = PROGRAM_TYPED },
		{ .name = "weir_privilege", .kind = PROGRAM_PART, .type = PART_PRIVILEGE },
		{ .name = "weir_open", .kind = PROGRAM_PART, .type = PART_OPEN },
		{ .name = "weir_kill", .kind = PROGRAM_PART, .type = PART_SIGNAL },
		{ .name = "weir_signal", .kind = PROGRAM_RAW, .hook = "signal_generate" },
	},
};
