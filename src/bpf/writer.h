/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: who changed a file last in this run, and what a process takes over with it. The
 * map is the truth of planted files; events may be lost, this is not. */
#ifndef WEIR_BPF_WRITER_H
#define WEIR_BPF_WRITER_H

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

static __always_inline void file_find(struct found_file *found, struct file *file)
{
	file_identify(GET(file, f_inode), &found->id);
	found->place.mnt = (__u64)GET(file, f_path.mnt);
	found->place.dentry = (__u64)GET(file, f_path.dentry);
}

static __always_inline struct writer *file_writer(const struct file_id *id, __u64 run)
{
	struct writer *w = bpf_map_lookup_elem(&writers, id);

	return w && w->run == run ? w : NULL;
}

static __always_inline __u32 file_writer_call(const struct file_id *id, __u64 run)
{
	struct writer *w = file_writer(id, run);

	return w ? w->call : EVENT_NO_CALL;
}

static __always_inline __u32 label_of_current(const struct call_entry *call)
{
	struct task_struct *task = current_task();

	return call->labelled
		       ? label_of(call, GET(task, group_leader, start_boottime), GET(task, tgid))
		       : call->label;
}

static __always_inline void taking_fill(struct taking *t, const struct found_file *found,
					const struct writer *w, __u32 edge)
{
	t->inode = found->id.inode;
	t->device = found->id.device;
	t->from = w->call;
	t->with = w->label;
	t->edge = edge;
}

/* Puts the file's path into the room of the handover that is about to be told. */
static __always_inline void taking_path(struct taking *t, const struct place *place)
{
	struct handover_room *room = handover_room();

	if (!room)
		return;
	room->e.h.flags = 0;
	t->text_size = path_of(&room->e.h, room->text, (void *)place->mnt, (void *)place->dentry);
	t->text_flags = room->e.h.flags;
}

/* The label of a file that has been changed and keeps what others left in it. */
static __always_inline __u32 file_label(struct call_entry *call, const struct found_file *found,
					const struct writer *before, __u32 mine)
{
	struct taking t = {};

	taking_fill(&t, found, before, EDGE_KEPT);
	if (!label_news(call, mine, &t))
		return mine;
	taking_path(&t, &found->place);
	return label_make(call, bpf_get_current_task(), mine, &t);
}

/* From now on the file's last writer is this call. kept: what was in it is still there. A call that
 * writes very many files is not remembered for all of them, which counts as its loss and leaves
 * room for others. Returns the call that was the last one before, or EVENT_NO_CALL. */
__noinline int file_changed(struct call_entry *call, const struct found_file *found, int kept)
{
	struct writer now = {}, *w;
	__u32 before;

	if (!call || !found)
		return EVENT_NO_CALL;
	now.run = call->run;
	now.call = call->call;
	now.label = label_of_current(call);
	w = bpf_map_lookup_elem(&writers, &found->id);
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
	if (call->writers >= WRITERS_SHARE ||
	    bpf_map_update_elem(&writers, &found->id, &now, BPF_ANY))
		count_loss(call, EVENT_CLASS_FILE);
	else
		call->writers++;
	return EVENT_NO_CALL;
}

/* The current process executes, loads or reads the file. Returns the call that wrote it last. */
__noinline int file_taken(struct call_entry *call, const struct found_file *found, __u32 edge)
{
	struct taking t = {};
	struct writer *w;

	if (!call || !found)
		return EVENT_NO_CALL;
	w = file_writer(&found->id, call->run);
	if (!w)
		return EVENT_NO_CALL;
	taking_fill(&t, found, w, edge);
	if (label_news(call, label_of_current(call), &t)) {
		taking_path(&t, &found->place);
		label_take(call, bpf_get_current_task(), &t);
	}
	return t.from;
}

#endif
