// SPDX-License-Identifier: Apache-2.0
/* The network: sockets made, addresses tried, offered and accepted. Without the cgroup hooks an
 * address that was refused is the one the process claims. */
#include <linux/bpf.h>

#include "bpf/syscalls.h"
#include "sensor/program.h"

extern const struct sensor sensor_network;
const struct sensor sensor_network = {
	.name = "network",
	.without = "network attempts are not all seen, or by the address that was claimed",
	.needs = {
		{ .name = "weir_sys_exit", .kind = PROGRAM_TYPED },
		{ .name = "weir_network", .kind = PROGRAM_PART, .type = PART_NETWORK },
		{ .name = "weir_connect4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET4_CONNECT },
		{ .name = "weir_connect6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET6_CONNECT },
		{ .name = "weir_sendmsg4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_UDP4_SENDMSG },
		{ .name = "weir_sendmsg6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_UDP6_SENDMSG },
	},
};
