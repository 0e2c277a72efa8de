/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the programs that the one on sys_exit calls, each by its enum syscall_part; one
 * may hand on to the next. */
#ifndef WEIR_BPF_PARTS_H
#define WEIR_BPF_PARTS_H

#include "bpf/registers.h"

/* Filled by user space with the programs that loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PART_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} parts SEC(".maps");

/* Has any process of a run begun to watch files? Until then nobody looks who is told of changes. */
__u32 noticing = 0;

/* What passes through channels is looked at by two programs, the relays' first. */
static __always_inline void channel_next(void *ctx)
{
	bpf_tail_call(ctx, &parts, PART_RELAY);
	bpf_tail_call(ctx, &parts, PART_CHANNEL);
}

/* Does not return when there is somebody to tell. */
static __always_inline void notice_next(void *ctx)
{
	if (noticing)
		bpf_tail_call(ctx, &parts, PART_NOTICE);
}

#endif
