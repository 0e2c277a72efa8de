/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rows of tables/syscalls.tbl as a table indexed by system call number, for BPF programs and
 * for the notify sensor. Numbers that this machine's headers do not know yet are the same on every
 * architecture and are given here; calls that the architecture never had go to an index that no
 * call has. */
#ifndef WEIR_BPF_SYSCALLS_H
#define WEIR_BPF_SYSCALLS_H

#include <asm/unistd.h>

#include "bpf/event.h"

#define SYSCALLS_MAX 512
#define SYSCALL_ABSENT (SYSCALLS_MAX - 1)
#define NO_ARGUMENT 9

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#define __NR_removexattrat 466
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif
#ifndef __NR_open
#define __NR_open SYSCALL_ABSENT
#define __NR_creat SYSCALL_ABSENT
#define __NR_rename SYSCALL_ABSENT
#define __NR_unlink SYSCALL_ABSENT
#define __NR_link SYSCALL_ABSENT
#define __NR_symlink SYSCALL_ABSENT
#define __NR_mkdir SYSCALL_ABSENT
#define __NR_rmdir SYSCALL_ABSENT
#define __NR_chmod SYSCALL_ABSENT
#define __NR_chown SYSCALL_ABSENT
#define __NR_lchown SYSCALL_ABSENT
#define __NR_mknod SYSCALL_ABSENT
#define __NR_inotify_init SYSCALL_ABSENT
#define __NR_futimesat SYSCALL_ABSENT
#define __NR_utimes SYSCALL_ABSENT
#define __NR_utime SYSCALL_ABSENT
#define __NR_iopl SYSCALL_ABSENT
#define __NR_ioperm SYSCALL_ABSENT
#endif
#ifndef __NR_renameat
#define __NR_renameat SYSCALL_ABSENT
#endif

/* 0 is a call that nobody looks at; the others are slots of the dispatcher's program table. */
enum syscall_part {
	PART_NONE,
	PART_OPEN,
	PART_READ,
	PART_WRITE,
	PART_PATH,
	PART_NETWORK,
	PART_PRIVILEGE,
	PART_SIGNAL,
	PART_CHANNEL,
	PART_NOTICE,
	PART_RELAY,
	PART_COUNT
};

/* Defined only where WEIR_SYSCALL_ROWS is, for the table is 3.5 kB. */
#ifdef WEIR_SYSCALL_ROWS
struct syscall_row {
	unsigned char part, op, dir, path, dir2, path2, value;
};

#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
static const struct syscall_row syscall_rows[SYSCALLS_MAX] = {
/* Those that are in both tables: the other's program hands on to the channels'. */
#define CHANNEL(name, flow, from, to) [__NR_##name] = { .part = PART_RELAY },
#include "tables/channels.tbl"
#undef CHANNEL
#define SYSCALL(name, part, op, dir, path, dir2, path2, value) \
	[__NR_##name] = { PART_##part, op, dir, path, dir2, path2, value },
#include "tables/syscalls.tbl"
#undef SYSCALL
	[SYSCALL_ABSENT] = { 0 },
};
#pragma GCC diagnostic pop
#endif

#endif
