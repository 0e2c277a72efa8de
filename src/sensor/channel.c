// SPDX-License-Identifier: Apache-2.0
/* Hand-overs over channels: sockets, pipes, terminals, queues, memory. */
#include "bpf/syscalls.h"
#include "sensor/program.h"

extern const struct sensor sensor_channel;
const struct sensor sensor_channel = {
	.name = "channel",
	.without = "what calls hand to each other over sockets, pipes and memory is not all known",
	.needs = {
		{ .name = "weir_sys_exit", .kind = PROGRAM_TYPED },
		{ .name = "weir_channel", .kind = PROGRAM_PART, .type = PART_CHANNEL },
		{ .name = "weir_notice", .kind = PROGRAM_PART, .type = PART_NOTICE },
		{ .name = "weir_signal", .kind = PROGRAM_RAW, .hook = "signal_generate" },
		{ .name = "weir_network", .kind = PROGRAM_PART, .type = PART_NETWORK },
		{ .name = "weir_open", .kind = PROGRAM_PART, .type = PART_OPEN },
		{ .name = "weir_read", .kind = PROGRAM_PART, .type = PART_READ },
		{ .name = "weir_write", .kind = PROGRAM_PART, .type = PART_WRITE },
	},
};
