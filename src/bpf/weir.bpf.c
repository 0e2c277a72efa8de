// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All BPF programs as one object. They are included, not linked: bpftool 7.1 refuses to link two
 * objects that use the same kernel function (bpf_rdonly_cast), and one unit also shares the maps.
 */
#include "bpf/calls.bpf.c"
#include "bpf/egress.bpf.c"
#include "bpf/file.bpf.c"
#include "bpf/hand.bpf.c"
#include "bpf/network.bpf.c"
#include "bpf/privilege.bpf.c"
#include "bpf/process.bpf.c"
#include "bpf/relay.bpf.c"
#include "bpf/syscalls.bpf.c"
#include "bpf/watch.bpf.c"
#ifndef WEIR_READ_BY_HELPER /* more on the stack than kernels that need the helper allow */
#include "bpf/channel.bpf.c"
#include "bpf/notice.bpf.c"
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";
