// SPDX-License-Identifier: Apache-2.0
/* The barrier `egress` in the kernel, carried by the same programs that see the addresses: connect
 * and sendto fail with EPERM beyond loopback and what the policy's rules let pass, whatever
 * namespace the process is in, and nobody speaks from a foreign address. Without the program that
 * notes whose a connection is the gate serves none. */
#include <linux/bpf.h>

#include "sensor/program.h"

extern const struct sensor sensor_egress;
const struct sensor sensor_egress = {
	.name = "egress",
	.without = "the network namespace and its gate alone stand between the run and the network",
	.needs = {
		{ .name = "weir_connect4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET4_CONNECT },
		{ .name = "weir_connect6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET6_CONNECT },
		{ .name = "weir_sendmsg4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_UDP4_SENDMSG },
		{ .name = "weir_sendmsg6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_UDP6_SENDMSG },
		{ .name = "weir_bind4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET4_BIND },
		{ .name = "weir_bind6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET6_BIND },
		{ .name = "weir_flow", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_SOCK_OPS },
	},
};
