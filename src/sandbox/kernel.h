/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that libc does not wrap, or wraps with more than the call, and constants newer
 * than the oldest headers we build with. Between clone and exec nothing else is called: libc's
 * setuid() and its like signal other threads and take locks; these do not. */
#ifndef WEIR_SANDBOX_KERNEL_H
#define WEIR_SANDBOX_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

/* Landlock, include/uapi/linux/landlock.h; bits by the ABI that brought them. */
#define LANDLOCK_ABI_QUERY 1u /* LANDLOCK_CREATE_RULESET_VERSION */
#define LANDLOCK_FS_EXECUTE (1ull << 0)
#define LANDLOCK_FS_WRITE_FILE (1ull << 1)
#define LANDLOCK_FS_READ_FILE (1ull << 2)
#define LANDLOCK_FS_READ_DIR (1ull << 3)
#define LANDLOCK_FS_MAKE_CHAR (1ull << 6)
#define LANDLOCK_FS_MAKE_BLOCK (1ull << 11)
#define LANDLOCK_FS_ABI1 ((1ull << 13) - 1)
#define LANDLOCK_FS_REFER (1ull << 13)		    /* ABI 2 */
#define LANDLOCK_FS_TRUNCATE (1ull << 14)	    /* ABI 3 */
#define LANDLOCK_FS_IOCTL_DEV (1ull << 15)	    /* ABI 5 */
#define LANDLOCK_SCOPES ((1ull << 0) | (1ull << 1)) /* ABI 6: abstract unix sockets, signals */
#define LANDLOCK_PATH_BENEATH 1

struct landlock_ruleset {
	uint64_t handled_fs, handled_net, scoped;
};

struct landlock_path {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static inline int kernel_landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ABI_QUERY);
}

static inline pid_t kernel_clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

static inline int kernel_openat2(int dirfd, const char *path, struct open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

static inline int kernel_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int kernel_close_range(unsigned int first, unsigned int last)
{
	return (int)syscall(SYS_close_range, first, last, 0);
}

/* As a negative errno value, which is how every step below reports. */
static inline int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

#endif
