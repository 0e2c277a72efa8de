// SPDX-License-Identifier: Apache-2.0
/* Files: what a call opens, writes, renames, removes and changes. */
#include "bpf/syscalls.h"
#include "sensor/program.h"

extern const struct sensor sensor_file;
const struct sensor sensor_file = {
	.name = "file",
	.without = "some file operations are not seen",
	.needs = {
		{ .name = "weir_sys_exit", .kind = PROGRAM_TYPED },
		{ .name = "weir_open", .kind = PROGRAM_PART, .type = PART_OPEN },
		{ .name = "weir_read", .kind = PROGRAM_PART, .type = PART_READ },
		{ .name = "weir_write", .kind = PROGRAM_PART, .type = PART_WRITE },
		{ .name = "weir_moved", .kind = PROGRAM_TYPED },
		{ .name = "weir_path", .kind = PROGRAM_PART, .type = PART_PATH },
	},
};
