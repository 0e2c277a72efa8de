/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: from a descriptor number to the open file, and paths that a process named, put
 * behind the directory that they are relative to. */
#ifndef WEIR_BPF_DESCRIPTOR_H
#define WEIR_BPF_DESCRIPTOR_H

#include "bpf/file.h"

#define AT_FDCWD -100

/* The current task's open file as a number, for global functions, which take no pointer into the
 * kernel; or 0. */
static __always_inline __u64 file_address(struct task_struct *task, __s64 fd)
{
	struct fdtable *table = GET(task, files, fdt);
	struct file **slot = GET(table, fd);
	__u64 file = 0;

	if (fd < 0 || fd >= GET(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return file;
}

/* The current task's open file, or NULL. */
static __always_inline struct file *file_of(struct task_struct *task, __s64 fd)
{
	struct fdtable *table = GET(task, files, fdt);
	struct file **slots = GET(table, fd);
	struct callback_head *slot; /* any structure that begins with a pointer */
	void *file;

	if (fd < 0 || fd >= GET(table, max_fds))
		return NULL;
	slot = CAST(callback_head, slots + fd);
	file = GET(slot, next);
	return file ? CAST(file, file) : NULL;
}

/* The directory that a path given with dirfd is relative to. */
static __always_inline bool path_base(struct task_struct *task, __s32 dirfd, __u64 *mnt,
				      __u64 *dentry)
{
	struct file *file;

	if (dirfd == AT_FDCWD) {
		*mnt = (__u64)GET(task, fs, pwd.mnt);
		*dentry = (__u64)GET(task, fs, pwd.dentry);
		return true;
	}
	file = file_of(task, dirfd);
	if (!file)
		return false;
	*mnt = (__u64)GET(file, f_path.mnt);
	*dentry = (__u64)GET(file, f_path.dentry);
	return true;
}

/* The path that a process gave by pointer, made absolute by the directory that the kernel resolves
 * it from. It was read from memory that another thread may have changed meanwhile: claimed. Written
 * into the file room's text at `used` (at most EVENT_PATH_MAX); returns its size, 0 when the memory
 * cannot be read. Global, as path_write(). */
__noinline int path_claimed(__u32 used, int dirfd, __u64 pointer)
{
	struct file_room *room = file_room();
	__u64 at = used, size = 0, left, mnt, dentry;
	long n;

	barrier_var(at);
	if (!room || at > EVENT_PATH_MAX)
		return 0;
	n = bpf_probe_read_user_str(room->name, EVENT_PATH_MAX, (void *)pointer);
	room->e.h.flags |= EVENT_CLAIMED;
	if (n <= 1)
		return 0;
	n--;
	if (room->name[0] != '/' && path_base(current_task(), dirfd, &mnt, &dentry)) {
		size = path_of(&room->e.h, room->text + at, (void *)mnt, (void *)dentry);
		barrier_var(size);
		if (size >= EVENT_PATH_MAX)
			return EVENT_PATH_MAX;
		if (size > 1)
			room->text[at + size++] = '/';
	}
	left = EVENT_PATH_MAX - size;
	if ((__u64)n > left)
		room->e.h.flags |= EVENT_TRUNCATED;
	else
		left = n;
	barrier_var(left);
	barrier_var(size);
	if (left > EVENT_PATH_MAX || size > EVENT_PATH_MAX)
		return 0;
	/* The room is one path longer than it need be: the verifier adds up the largest of each. */
	bpf_probe_read_kernel(room->text + at + size, left, room->name);
	return size + left;
}

#endif
