/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the room in which a privilege event is put together, and opens of another
 * process's memory. */
#ifndef WEIR_BPF_PRIVILEGE_H
#define WEIR_BPF_PRIVILEGE_H

#include "bpf/identity.h"
#include "bpf/path.h"

struct privilege_room {
	struct event_privilege e;
	char text[EVENT_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct privilege_room);
} privilege_rooms SEC(".maps");

static __always_inline struct privilege_room *privilege_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&privilege_rooms, &zero);
}

static __always_inline void privilege_event(struct privilege_room *room,
					    const struct call_entry *call, struct task_struct *task,
					    __u16 op, __s64 result)
{
	__builtin_memset(&room->e, 0, sizeof(room->e));
	fill_header(&room->e.h, EVENT_PRIVILEGE, call, task);
	room->e.op = op;
	room->e.result = result;
}

static __always_inline void privilege_send(struct privilege_room *room, struct call_entry *call,
					   __u64 texts)
{
	barrier_var(texts);
	if (texts > EVENT_PATH_MAX)
		return;
	send_event(&ring_privilege, EVENT_CLASS_PRIVILEGE, call, &room->e.h,
		   sizeof(room->e) + texts);
}

#define PROC_SUPER_MAGIC 0x9fa0

/* The process whose memory this file is, as the address of a task; 0 when it is none. */
static __always_inline __u64 memory_task(struct file *file)
{
	struct inode *inode = GET(file, f_inode);
	struct proc_inode *proc;
	char name[4] = {};
	void *node;

	bpf_probe_read_kernel(name, sizeof(name), GET(file, f_path.dentry, d_name.name));
	if (name[0] != 'm' || name[1] != 'e' || name[2] != 'm' || name[3])
		return 0;
	proc = (struct proc_inode *)((void *)inode -
				     bpf_core_field_offset(struct proc_inode, vfs_inode));
	node = BPF_CORE_READ(proc, pid, tasks[1].first);
	return node ? (__u64)node - bpf_core_field_offset(struct task_struct, pid_links[1]) : 0;
}

/* The host pid of the process whose memory or environment this file is, 0 when it is none. */
static __always_inline __u32 memory_owner(struct file *file)
{
	struct inode *inode = GET(file, f_inode);
	struct proc_inode *proc;
	char name[8] = {};

	if (GET(inode, i_sb, s_magic) != PROC_SUPER_MAGIC)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name), GET(file, f_path.dentry, d_name.name));
	if (!(name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && !name[3]) &&
	    !(name[0] == 'e' && name[1] == 'n' && name[2] == 'v' && name[3] == 'i' &&
	      name[4] == 'r' && name[5] == 'o' && name[6] == 'n'))
		return 0;
	proc = (struct proc_inode *)((void *)inode -
				     bpf_core_field_offset(struct proc_inode, vfs_inode));
	return BPF_CORE_READ(proc, pid, numbers[0].nr);
}

#endif
