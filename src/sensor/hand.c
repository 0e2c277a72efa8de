// SPDX-License-Identifier: Apache-2.0
/* Runs the program that tells the kernel of a call; see hand.h. By the bare system call: the keeper
 * does without libbpf. Trusts the kernel. */
#include "sensor/hand.h"

#include <errno.h>

#include "sensor/bpf_call.h"

int hand_tell(int program, const struct hand *hand)
{
	const __u64 arguments[] = { (__u64)(uintptr_t)hand };
	uint32_t said = HAND_FAILED;
	int r = bpf_call_run(program, arguments, sizeof(arguments), &said);

	if (r < 0)
		return r;
	return said == HAND_DONE ? 0 : -ENOENT;
}

__u32 hand_left(int calls, __u64 cgroup)
{
	struct call_entry call = { .left = LABEL_NONE };

	return bpf_call_get(calls, &cgroup, &call) < 0 ? LABEL_NONE : call.left;
}
