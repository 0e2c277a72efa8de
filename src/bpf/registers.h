/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the number and the arguments of the system call that is returning. The kernel
 * saved them at entry, in memory the process cannot write. */
#ifndef WEIR_BPF_REGISTERS_H
#define WEIR_BPF_REGISTERS_H

#define WEIR_SYSCALL_ROWS
#include "bpf/kernel.h"
#include "bpf/syscalls.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#endif
#pragma clang attribute pop

#if defined(__TARGET_ARCH_x86)
static __always_inline __u64 syscall_number(const struct pt_regs *r)
{
	return r->orig_ax;
}

static __always_inline __u64 syscall_argument(const struct pt_regs *r, __u32 n)
{
	switch (n) {
	case 0:
		return r->di;
	case 1:
		return r->si;
	case 2:
		return r->dx;
	case 3:
		return r->r10;
	case 4:
		return r->r8;
	case 5:
		return r->r9;
	default:
		return 0;
	}
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline __u64 syscall_number(const struct pt_regs *r)
{
	return r->syscallno;
}

static __always_inline __u64 syscall_argument(const struct pt_regs *r, __u32 n)
{
	if (n == 0)
		return r->orig_x0; /* regs[0] holds the result by now */
	return n < 6 ? r->regs[n & 7] : 0;
}
#endif

/* The row of the call that is returning, or NULL. */
static __always_inline const struct syscall_row *syscall_row(const struct pt_regs *r)
{
	__u64 nr = syscall_number(r);

	if (nr >= SYSCALLS_MAX)
		return NULL;
	barrier_var(nr); /* or clang computes the address before the check */
	return &syscall_rows[nr & (SYSCALLS_MAX - 1)];
}

#endif
