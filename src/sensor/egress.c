// SPDX-License-Identifier: Apache-2.0
/* The barrier `egress` in the kernel, carried by the same programs that see the addresses: connect
 * and sendto beyond loopback fail with EPERM, whatever namespace the process is in. */
#include <linux/bpf.h>

#include "sensor/program.h"

extern const struct sensor sensor_egress;
const struct sensor sensor_egress = {
	.name = "egress",
	.without = "only the empty network namespace stands between the run and the network",
	.needs = {
		{ .name = "weir_connect4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET4_CONNECT },
		{ .name = "weir_connect6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_INET6_CONNECT },
		{ .name = "weir_sendmsg4", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_UDP4_SENDMSG },
		{ .name = "weir_sendmsg6", .kind = PROGRAM_CGROUP, .type = BPF_CGROUP_UDP6_SENDMSG },
	},
};
