/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: from a descriptor number to the open file, and paths that a process named, put
 * behind the directory that they are relative to. */
#ifndef WEIR_BPF_DESCRIPTOR_H
#define WEIR_BPF_DESCRIPTOR_H

#include "bpf/file.h"

#define AT_FDCWD -100

/* The current task's open file, or NULL. */
static __always_inline struct file *file_of(struct task_struct *task, __s64 fd)
{
	struct fdtable *table = task->files->fdt;
	struct file **slot = table->fd, *file = NULL;

	if (fd < 0 || fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return file ? CAST(file, file) : NULL;
}

/* Writes the path of an open file or directory to `to` (EVENT_PATH_MAX bytes); its size. */
static __always_inline __u32 path_of(struct file_room *room, char *to, struct vfsmount *mnt,
				     struct dentry *dentry, struct task_struct *task)
{
	struct path_text walk = {};

	path_walk(&walk, room->path, mnt, dentry, task->fs);
	if (walk.cut)
		room->e.h.flags |= EVENT_TRUNCATED;
	return path_copy(to, &walk, room->path);
}

/* The path that a process gave by pointer, made absolute by the directory that the kernel resolves
 * it from. It was read from memory that another thread may have changed meanwhile: claimed. Written
 * to `to` (EVENT_PATH_MAX bytes); its size, 0 when the memory cannot be read. */
static __always_inline __u32 path_claimed(struct file_room *room, char *to, __s64 dirfd,
					  __u64 pointer, struct task_struct *task)
{
	__s64 n = bpf_probe_read_user_str(room->name, EVENT_PATH_MAX, (void *)pointer);
	struct file *file;
	__u64 size = 0, left;

	room->e.h.flags |= EVENT_CLAIMED;
	if (n <= 1)
		return 0;
	n--;
	if (room->name[0] != '/') {
		if ((__s32)dirfd == AT_FDCWD) {
			size = path_of(room, to, task->fs->pwd.mnt, task->fs->pwd.dentry, task);
		} else {
			file = file_of(task, (__s32)dirfd);
			if (file)
				size = path_of(room, to, file->f_path.mnt, file->f_path.dentry,
					       task);
		}
		barrier_var(size);
		if (size > 1 && size < EVENT_PATH_MAX)
			to[size++] = '/';
	}
	barrier_var(size);
	if (size >= EVENT_PATH_MAX)
		return EVENT_PATH_MAX;
	left = EVENT_PATH_MAX - size;
	if ((__u64)n > left) {
		room->e.h.flags |= EVENT_TRUNCATED;
		n = left;
	}
	left = n;
	barrier_var(left);
	if (left > EVENT_PATH_MAX)
		return size;
	/* `to` has as much room again behind it, so a size that only we know to fit is fine. */
	bpf_probe_read_kernel(to + size, left, room->name);
	return size + left;
}

#endif
