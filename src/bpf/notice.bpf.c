// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are watched with inotify: whoever is told of a change depends on who made it. Called
 * after the programs that see files being opened, written and changed by name, as soon as any
 * process of a run watches anything. */
#include "bpf/channel_object.h"
#include "bpf/registers.h"
#include "bpf/resolve.h"

/* include/linux/fsnotify_backend.h: what inotify can be asked to tell */
#define FS_ACCESS 0x1
#define FS_MODIFY 0x2
#define FS_ATTRIB 0x4
#define FS_CLOSE_WRITE 0x8
#define FS_CLOSE_NOWRITE 0x10
#define FS_OPEN 0x20
#define FS_MOVED 0xc0
#define FS_CREATE 0x100
#define FS_DELETE 0x200
#define FS_SELF 0xc00
#define FS_NAMES (FS_ATTRIB | FS_MOVED | FS_CREATE | FS_DELETE | FS_SELF)

#define MARKS_MAX 16 /* watchers of one file that are told */

static __always_inline void notice_mark(struct call_entry *call, struct fsnotify_mark *mark)
{
	struct channel_use u = { .edge = EDGE_WATCH };
	struct fsnotify_group *group = GET(mark, group);

	u.key.object = (__u64)group;
	u.key.space = CHANNEL_WATCH;
	if (GET(group, q_len) <= 1)
		u.flags |= CHANNEL_ALONE;
	channel_put(call, &u);
}

/* Tells whoever watches the inode at this address. A global function: the verifier reads it once a
 * program, not once a use. */
__noinline int notice_inode(struct call_entry *call, __u64 at, __u32 bits)
{
	struct inode *inode = CAST(inode, (void *)at);
	struct fsnotify_mark_connector *marks;
	struct hlist_node *node;

	if (!call || !at || !(GET(inode, i_fsnotify_mask) & bits))
		return 0;
	marks = GET(inode, i_fsnotify_marks);
	node = marks ? GET(marks, list.first) : NULL;
	for (int i = 0; i < MARKS_MAX && node; i++) {
		struct fsnotify_mark *mark =
			CAST(fsnotify_mark,
			     (void *)node - bpf_core_field_offset(struct fsnotify_mark, obj_list));

		if (GET(mark, mask) & bits)
			notice_mark(call, mark);
		node = GET(mark, obj_list.next);
	}
	return 0;
}

/* A dentry's inode, and the directory that it is in. */
static __always_inline void notice_dentry(struct call_entry *call, __u64 at, __u32 bits, bool up)
{
	__u64 offset = up ? bpf_core_field_offset(struct dentry, d_parent) : 0, inode = 0;

	if (up)
		bpf_probe_read_kernel(&at, sizeof(at), (void *)at + offset);
	bpf_probe_read_kernel(&inode, sizeof(inode),
			      (void *)at + bpf_core_field_offset(struct dentry, d_inode));
	notice_inode(call, inode, bits);
}

static __always_inline void notice_file(struct call_entry *call, struct file *file, __u32 bits)
{
	__u64 dentry = 0;

	bpf_probe_read_kernel(&dentry, sizeof(dentry), &file->f_path.dentry);
	notice_dentry(call, dentry, bits, false);
	notice_dentry(call, dentry, bits, true);
}

static __always_inline __u32 open_bits(struct file *file)
{
	if (GET(file, f_mode) & FMODE_WRITE)
		return FS_OPEN | FS_ACCESS | FS_CREATE | FS_MODIFY | FS_CLOSE_WRITE;
	return FS_OPEN | FS_ACCESS | FS_CLOSE_NOWRITE;
}

/* Cuts the path in the file room behind the directory that its last name is in: "." where it names
 * none. */
__noinline int name_cut(__u64 size)
{
	struct file_room *room = file_room();
	__u64 at = 0;

	if (!room)
		return 0;
	for (__u64 i = size; i > 0 && size - i < NAME_MAX_BYTES; i--) {
		__u64 last = i - 1;

		barrier_var(last);
		if (last >= EVENT_PATH_MAX)
			return 0;
		if (room->name[last] == '/') {
			at = i;
			break;
		}
	}
	barrier_var(at);
	if (at >= EVENT_PATH_MAX)
		return 0;
	if (!at)
		room->name[at++] = '.';
	barrier_var(at);
	if (at < EVENT_PATH_MAX)
		room->name[at] = '\0';
	return 0;
}

/* What the name leads to now, and the directory where it is or was. */
static __always_inline int notice_name(struct call_entry *call, __s32 dir, __u64 pointer)
{
	struct file_room *room = file_room();
	struct resolve *r = resolve_room();
	__u64 size;

	if (!call || !room || !r)
		return 0;
	size = bpf_probe_read_user_str(room->name, EVENT_PATH_MAX, (void *)pointer);
	if (size <= 1 || size > EVENT_PATH_MAX)
		return 0;
	if (path_resolve(dir))
		notice_dentry(call, r->dentry, FS_NAMES | FS_MODIFY, false);
	name_cut(size - 1);
	if (path_resolve(dir))
		notice_dentry(call, r->dentry, FS_NAMES | FS_MODIFY, false);
	return 0;
}

static __always_inline void notice_names(struct call_entry *call, struct pt_regs *regs,
					 const struct syscall_row *row)
{
	__s64 dir = row->dir == NO_ARGUMENT ? AT_FDCWD : (__s64)syscall_argument(regs, row->dir);

	notice_name(call, dir, syscall_argument(regs, row->path));
	if (row->op != FILE_RENAME && row->op != FILE_LINK)
		return;
	dir = row->dir2 == NO_ARGUMENT ? AT_FDCWD : (__s64)syscall_argument(regs, row->dir2);
	notice_name(call, dir, syscall_argument(regs, row->path2));
}

SEC("tp_btf/sys_exit")
int weir_notice(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	const struct syscall_row *row = syscall_row(regs);
	struct call_entry *call = acting_call();
	struct task_struct *task = current_task();
	__s64 result = ctx[1];
	struct file *file;
	__u32 bits = FS_ATTRIB | FS_MODIFY;

	if (!row || !call || (result < 0 && result > -4096))
		return 0;
	if (row->part == PART_PATH && row->path != NO_ARGUMENT &&
	    syscall_argument(regs, row->path)) {
		notice_names(call, regs, row);
		return 0;
	}
	file = file_of(task,
		       row->part == PART_OPEN ? result : (__s32)syscall_argument(regs, row->dir));
	if (!file)
		return 0;
	if (row->part == PART_OPEN)
		bits = open_bits(file);
	notice_file(call, file, bits);
	return 0;
}
