// SPDX-License-Identifier: Apache-2.0
/* Relays: processes that pass on from stream to stream. */
#include <linux/bpf.h>

#include "bpf/syscalls.h"
#include "sensor/program.h"

extern const struct sensor sensor_relay;
const struct sensor sensor_relay = {
	.name = "relay",
	.without = "processes that pass on from one connection to another are not all seen",
	.needs = {
		{ .name = "weir_relay", .kind = PROGRAM_PART, .type = PART_RELAY },
		{ .name = "weir_sys_exit", .kind = PROGRAM_TYPED },
		{ .name = "weir_network", .kind = PROGRAM_PART, .type = PART_NETWORK },
		{ .name = "weir_read", .kind = PROGRAM_PART, .type = PART_READ },
		{ .name = "weir_write", .kind = PROGRAM_PART, .type = PART_WRITE },
		{ .name = "weir_flow", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_SOCK_OPS },
	},
};
