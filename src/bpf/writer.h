/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: who changed a file last in this run, and what a process takes over with it. The
 * map is the truth of planted files; events may be lost, this is not. */
#ifndef WEIR_BPF_WRITER_H
#define WEIR_BPF_WRITER_H

#include <linux/magic.h>

#include "bpf/file.h"
#include "bpf/label.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WRITERS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct file_id);
	__type(value, struct writer);
} writers SEC(".maps");

/* A file and where it lies. Numbers, because global functions take no kernel pointers. */
struct found_file {
	struct file_id id;
	struct place place;
};

#define NSEC_PER_SEC 1000000000ull

#define CTIME_QUERIED (1u << 31) /* include/linux/fs.h: somebody has asked; no part of the time */

/* When anything about the file was changed; the clock of files goes in ticks. */
static __always_inline __u64 inode_changed_ns(struct inode *inode)
{
	if (bpf_core_field_exists(struct inode, i_ctime_sec))
		return GET(inode, i_ctime_sec) * NSEC_PER_SEC +
		       (GET(inode, i_ctime_nsec) & ~CTIME_QUERIED);
	if (bpf_core_field_exists(struct inode___time, __i_ctime))
		return BPF_CORE_READ((struct inode___time *)inode, __i_ctime.tv_sec) *
			       NSEC_PER_SEC +
		       BPF_CORE_READ((struct inode___time *)inode, __i_ctime.tv_nsec);
	return BPF_CORE_READ((struct inode___before *)inode, i_ctime.tv_sec) * NSEC_PER_SEC +
	       BPF_CORE_READ((struct inode___before *)inode, i_ctime.tv_nsec);
}

/* File systems whose files the kernel makes up as they are opened. */
static __always_inline bool filesystem_is_pseudo(__u64 magic)
{
	switch (magic) {
	case BINFMTFS_MAGIC:
	case BPF_FS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case EFIVARFS_MAGIC:
	case NSFS_MAGIC:
	case PROC_SUPER_MAGIC:
	case SECURITYFS_MAGIC:
	case SELINUX_MAGIC:
	case SYSFS_MAGIC:
	case TRACEFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* The key is copied: before Linux 6.2 a map's key may not lie in an argument. */
static __always_inline struct writer *file_writer(const struct file_id *id, __u64 run)
{
	struct file_id key = *id;
	struct writer *w = bpf_map_lookup_elem(&writers, &key);

	return w && w->run == run ? w : NULL;
}

static __always_inline __u32 file_writer_call(const struct file_id *id, __u64 run)
{
	struct writer *w = file_writer(id, run);

	return w ? w->call : EVENT_NO_CALL;
}

static __always_inline __u16 found_type(const struct found_file *found)
{
	struct dentry *dentry = CAST(dentry, (void *)found->place.dentry);

	return GET(dentry, d_inode, i_mode) & S_IFMT;
}

__u32 directories_renamed = 0;

#define RISE_STEPS 16

/* On the way from a file up to the root of its file system. */
struct rise {
	__u64 dentry, since, run;
	__u64 found; /* the call that named the directory and, in the lower half, its label */
};

#define NO_DIRECTORY (~0ull)

static long rise_step(__u32 i, struct rise *r)
{
	struct dentry *dentry = CAST(dentry, (void *)r->dentry);
	struct dentry *up = CAST(dentry, GET(dentry, d_parent));
	struct file_id id = {};
	struct inode *inode;
	struct writer *w;

	if (up == dentry)
		return 1;
	r->dentry = (__u64)up;
	inode = inode_real(GET(up, d_inode));
	if (inode_changed_ns(inode) < r->since)
		return 0;
	file_identify(inode, &id);
	w = file_writer(&id, r->run);
	if (!w)
		return 0;
	r->found = (__u64)w->call << 32 | w->label;
	return 1;
}

/* The directory above that a call of the run has given its name, as in struct rise. */
__noinline __u64 directory_above(const struct call_entry *call, const struct found_file *found)
{
	struct rise r = { .found = NO_DIRECTORY };

	if (!call || !found)
		return NO_DIRECTORY;
	r.dentry = found->place.dentry;
	r.since = call->run_begin;
	r.run = call->run;
	bpf_loop(RISE_STEPS, rise_step, &r, 0);
	return r.found;
}

/* Was it changed in this run? What lies in no directory is none of the run's files: a memfd; and
 * what has neither a name nor a byte was made by whoever opens it (O_TMPFILE). */
static __always_inline bool changed_in_run(const struct found_file *found,
					   const struct call_entry *call)
{
	struct dentry *dentry = CAST(dentry, (void *)found->place.dentry);
	struct inode *inode = inode_real(GET(dentry, d_inode));

	return call->run_begin && inode_changed_ns(inode) >= call->run_begin &&
	       (GET(inode, i_nlink) || GET(inode, i_size)) && GET(dentry, d_parent) != dentry &&
	       !filesystem_is_pseudo(GET(inode, i_sb, s_magic));
}

static __always_inline void file_find(struct found_file *found, struct file *file)
{
	file_identify(GET(file, f_inode), &found->id);
	found->place.mnt = (__u64)GET(file, f_path.mnt);
	found->place.dentry = (__u64)GET(file, f_path.dentry);
}

static __always_inline __u32 label_of_current(const struct call_entry *call)
{
	struct task_struct *task = current_task();

	return call->labelled
		       ? label_of(call, GET(task, group_leader, start_boottime), GET(task, tgid))
		       : call->label;
}

static __always_inline void taking_fill(struct taking *t, const struct found_file *found,
					__u32 from, __u32 with, __u32 edge)
{
	__builtin_memset(t, 0, sizeof(*t));
	t->inode = found->id.inode;
	t->device = found->id.device;
	t->from = from;
	t->with = with;
	t->edge = edge;
}

/* Puts the file's path into the room of the handover that is about to be told. */
static __always_inline void taking_path(struct handover_room *room, const struct place *place)
{
	room->e.h.flags = 0;
	room->taking.text_size =
		path_of(&room->e.h, room->text, (void *)place->mnt, (void *)place->dentry);
	room->taking.text_flags = room->e.h.flags;
}

/* The label of a file that has been changed and keeps what others left in it. */
static __always_inline __u32 file_label(struct call_entry *call, const struct found_file *found,
					const struct writer *before, __u32 mine)
{
	struct handover_room *room = handover_room();

	if (!room)
		return mine;
	taking_fill(&room->taking, found, before->call, before->label, EDGE_KEPT);
	if (!label_news(call, mine, &room->taking))
		return mine;
	taking_path(room, &found->place);
	return label_make(call, bpf_get_current_task(), mine, &room->taking);
}

/* From now on the file's last writer is this call. kept: what was in it is still there. A call that
 * writes very many files is not remembered for all of them, which counts as its loss and leaves
 * room for others. Returns the call that was the last one before, or EVENT_NO_CALL. */
__noinline int file_changed(struct call_entry *call, const struct found_file *found, int kept)
{
	struct writer now = {}, *w;
	struct file_id key;
	__u32 before;

	if (!call || !found)
		return EVENT_NO_CALL;
	key = found->id;
	now.run = call->run;
	now.call = call->call;
	now.label = label_of_current(call);
	w = bpf_map_lookup_elem(&writers, &key);
	if (w && w->run == now.run) {
		before = w->call;
		if (before == now.call && w->label == now.label)
			return before;
		if (kept)
			now.label = file_label(call, found, w, now.label);
		w->call = now.call;
		w->label = now.label;
		return before;
	}
	if (call->writers >= WRITERS_SHARE || bpf_map_update_elem(&writers, &key, &now, BPF_ANY))
		count_loss(call, EVENT_CLASS_FILE);
	else
		call->writers++;
	return EVENT_NO_CALL;
}

/* The current process takes the file over from a call, if that is news. */
static __always_inline void file_take(struct call_entry *call, const struct found_file *found,
				      __u32 from, __u32 with, __u32 edge)
{
	struct handover_room *room = handover_room();

	if (!room)
		return;
	taking_fill(&room->taking, found, from, with, edge);
	if (!label_news(call, label_of_current(call), &room->taking))
		return;
	taking_path(room, &found->place);
	label_take(call, bpf_get_current_task(), &room->taking);
}

/* The current process executes, loads or reads the file, and so takes it over from the call that
 * wrote it last and from one that renamed a directory above it. What was changed in the run, but by
 * nobody who is known (the map was full, or a process outside did it), it takes from an unknown
 * call. Returns the call that wrote it last. */
__noinline int file_taken(struct call_entry *call, const struct found_file *found, __u32 edge)
{
	__u32 from = EVENT_NO_CALL;
	__u64 above;
	struct writer *w;

	if (!call || !found)
		return EVENT_NO_CALL;
	w = file_writer(&found->id, call->run);
	if (w && w->call == call->call && !w->label)
		return w->call;
	if (w) {
		from = w->call;
		file_take(call, found, from, w->label, edge);
	}
	above = directories_renamed ? directory_above(call, found) : NO_DIRECTORY;
	if (above != NO_DIRECTORY)
		file_take(call, found, above >> 32, above, edge);
	else if (from == EVENT_NO_CALL && changed_in_run(found, call))
		file_take(call, found, EVENT_NO_CALL, LABEL_NONE, EDGE_UNKNOWN);
	return from;
}

#endif
