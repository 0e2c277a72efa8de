/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the programs that the one on sys_exit calls, each by its enum syscall_part; one
 * may hand on to the next. */
#ifndef WEIR_BPF_PARTS_H
#define WEIR_BPF_PARTS_H

#include "bpf/kernel.h"
#include "bpf/syscalls.h"

/* Filled by user space with the programs that loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PART_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} parts SEC(".maps");

#endif
