/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: what a file is, and the room in which a file event is put together. */
#ifndef WEIR_BPF_FILE_H
#define WEIR_BPF_FILE_H

#include <linux/magic.h>

#include "bpf/identity.h"
#include "bpf/path.h"

#define S_IFMT 00170000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFLNK 0120000
#define FILE_IS_REGULAR(mode) (((mode)&S_IFMT) == S_IFREG)

/* What a thread is writing: bytes are added up here and sent when it turns to another file or ends,
 * so that the events' bytes sum up to what was written. */
struct writing {
	struct file_id file;
	__u32 call;
	__u32 mode;
	__u64 run, cgroup; /* of the call in which it was written */
	__u64 bytes;
	__u32 label; /* of the process when it wrote them */
	__u16 path_size;
	__u8 flags;
	char path[EVENT_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct writing);
} writings SEC(".maps");

struct file_room {
	struct event_file e;
	char text[3 * EVENT_PATH_MAX];
	char name[EVENT_PATH_MAX]; /* as a process gave it */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct file_room);
} file_rooms SEC(".maps");

static __always_inline struct file_room *file_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&file_rooms, &zero);
}

/* As stat(2) shows a device number. */
static __always_inline __u32 device_number(__u32 kernel)
{
	__u32 major = kernel >> 20, minor = kernel & 0xfffff;

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

/* The inode that holds the data: under overlayfs the upper one, else the lower. Two names of one
 * copied-up file show one overlay inode number and are still told apart by this. */
static __always_inline struct inode *inode_real(struct inode *inode)
{
	struct ovl_inode *overlay;
	struct dentry *dentry;

	if (GET(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC ||
	    !bpf_core_type_exists(struct ovl_inode))
		return inode;
	overlay = (struct ovl_inode *)((void *)inode -
				       bpf_core_field_offset(struct ovl_inode, vfs_inode));
	dentry = BPF_CORE_READ(overlay, __upperdentry);
	if (!dentry && bpf_core_field_exists(struct ovl_entry, __lowerstack))
		dentry = BPF_CORE_READ(overlay, oe, __lowerstack[0].dentry);
	if (!dentry)
		return inode;
	return CAST(inode, BPF_CORE_READ(dentry, d_inode));
}

static __always_inline void file_identify(struct inode *inode, struct file_id *id)
{
	struct inode *real = inode_real(inode);

	id->inode = GET(real, i_ino);
	id->device = device_number(GET(real, i_sb, s_dev));
	id->generation = GET(real, i_generation);
}

static __always_inline void send_file_event(struct call_entry *call, struct file_room *room,
					    __u64 texts)
{
	__u64 size = sizeof(room->e) + texts;

	barrier_var(size);
	if (size > sizeof(room->e) + 2 * EVENT_PATH_MAX)
		return;
	send_fairly(&ring_file, RING_FILE_SIZE, &call->file, EVENT_CLASS_FILE, call, &room->e.h,
		    size);
}

static __always_inline void file_event(struct file_room *room, const struct call_entry *call,
				       struct task_struct *task, __u8 op, __s64 result)
{
	fill_header(&room->e.h, EVENT_FILE, call, task);
	room->e.inode = 0;
	room->e.device = 0;
	room->e.bytes = 0;
	room->e.result = result < 0 ? result : 0;
	room->e.mode = 0;
	room->e.writer = EVENT_NO_CALL;
	room->e.op = op;
	room->e.first = 0;
	room->e.path_size = 0;
	room->e.target_size = 0;
	room->e.reserved1 = 0;
	room->e.reserved2 = 0;
}

/* Sends what the thread has written to the file it was busy with. A living shell may have moved to
 * another call meanwhile (weir_moved flushes its first thread before): the bytes stay the old
 * call's. */
static __always_inline void writing_flush(struct writing *w, struct call_entry *now,
					  struct task_struct *task)
{
	struct file_room *room = file_room();
	struct call_entry *call = now;
	__u64 size = w->path_size;

	if (!room || !w->bytes)
		return;
	if (!now || w->cgroup != now->cgroup)
		call = bpf_map_lookup_elem(&calls, &w->cgroup);
	if (!call)
		call = now; /* its count is already told; the bytes must not be lost for that */
	if (!call || call->run != w->run)
		return;
	file_event(room, call, task, FILE_WRITE, 0);
	room->e.h.call = w->call;
	room->e.h.label = w->label;
	room->e.h.flags = w->flags;
	room->e.inode = w->file.inode;
	room->e.device = w->file.device;
	room->e.mode = w->mode;
	room->e.bytes = w->bytes;
	room->e.writer = w->call;
	room->e.path_size = size;
	w->bytes = 0;
	barrier_var(size);
	if (size > EVENT_PATH_MAX)
		return;
	bpf_probe_read_kernel(room->text, size, w->path);
	send_file_event(call, room, size);
}

#endif
