// SPDX-License-Identifier: Apache-2.0
/* Runs the program that tells the kernel of a call; see hand.h. By the bare system call: the keeper
 * does without libbpf. Trusts the kernel. */
#include "sensor/hand.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int hand_tell(int program, const struct hand *hand)
{
	const __u64 arguments[] = { (__u64)(uintptr_t)hand };
	union bpf_attr a;

	memset(&a, 0, sizeof(a)); /* the kernel refuses what is not zero behind what it knows */
	a.test.prog_fd = (__u32)program;
	a.test.ctx_in = (__u64)(uintptr_t)arguments;
	a.test.ctx_size_in = sizeof(arguments);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a)) < 0)
		return -errno;
	return a.test.retval == HAND_DONE ? 0 : -ENOENT;
}

__u32 hand_left(int calls, __u64 cgroup)
{
	struct call_entry call = { .left = LABEL_NONE };
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (__u32)calls;
	a.key = (__u64)(uintptr_t)&cgroup;
	a.value = (__u64)(uintptr_t)&call;
	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &a, sizeof(a)) < 0 ? LABEL_NONE : call.left;
}
