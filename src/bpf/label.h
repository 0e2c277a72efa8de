/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: labels, which say what other calls stand behind a process or a file (struct
 * event_handover). A label that adds nothing makes no event: the calls behind each label are kept
 * as a set, and the same taking has the same label again.
 *
 * To take something over: fill a struct taking and, where something may be said of it, the text of
 * handover_room(); then label_take(). The room and all it calls are of this processor alone, so a
 * program that can interrupt another one of ours must not take. */
#ifndef WEIR_BPF_LABEL_H
#define WEIR_BPF_LABEL_H

#include <asm-generic/errno-base.h>

#include "bpf/identity.h"

/* Threads of one process that take at the same moment; more count as loss. Before Linux 6.3 nothing
 * in a loop may call a function of ours. */
#ifdef WEIR_READ_BY_HELPER
#define LABEL_TRIES 1
#else
#define LABEL_TRIES 3
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LABELS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct label_set);
} labels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TAKINGS_MAX);
	__type(key, struct taking_key);
	__type(value, __u32);
} takings SEC(".maps");

enum label_room { LABEL_ROOM, LABEL_EMPTY, LABEL_ROOMS };

/* A set that is being made, and the one that nothing is in. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LABEL_ROOMS);
	__type(key, __u32);
	__type(value, struct label_set);
} label_rooms SEC(".maps");

/* What a process takes over, or with EDGE_KEPT leaves in a file. */
struct taking {
	__u64 inode, device; /* of a file, else 0 */
	__u32 from;	     /* the call that left it, or EVENT_NO_CALL */
	__u32 with;	     /* the label that it left there */
	__u32 edge;
	__u32 text_size, text_flags; /* bytes in the room's text, and enum event_flag about them */
	__u32 reserved;
};

struct handover_room {
	struct taking taking; /* for whose stack is short, as is ours */
	struct taking_key key;
	struct event_handover e;
	char text[EVENT_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct handover_room);
} handover_rooms SEC(".maps");

__u64 label_last = LABEL_NONE;

/* All numbers have been given since the programs were loaded: nothing tells what this one stands
 * for, so it reads as unknown. The distance covers who comes side by side. */
#define LABEL_SPENT (LABEL_KEEPER - 1024)
/* Counts what became known to a process or a channel, and moves to other calls: while it stands
 * still, what brought nothing new before brings nothing new now. */
__u64 label_changes = 1;

static __always_inline void label_changed(void)
{
	__sync_fetch_and_add(&label_changes, 1);
}

static __always_inline struct handover_room *handover_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&handover_rooms, &zero);
}

static __always_inline struct label_set *label_set_of(__u32 label)
{
	return label ? bpf_map_lookup_elem(&labels, &label) : NULL;
}

/* 1 or 0 without a branch, of which each would double what the verifier has to try. */
static __always_inline __u64 same(__u64 a, __u64 b)
{
	__u64 difference = a ^ b;

	return ~(difference | -difference) >> 63;
}

static __always_inline __u64 set_has_other(const struct label_set *set, __u64 other)
{
	__u64 found = 0;

	for (int i = 0; i < LABEL_OTHERS; i++)
		found |= same(set->others[i], other);
	return found;
}

static __always_inline void set_add_other(struct label_set *set, __u64 other)
{
	__u64 at = set->other_count;

	if (!other || set_has_other(set, other))
		return;
	set->other_count = at + 1;
	barrier_var(at);
	if (at < LABEL_OTHERS)
		set->others[at] = other;
}

static __always_inline void set_add_edge(struct label_set *set, __u32 edge)
{
	__u64 at = set->edge_count;

	set->edge_count = at + 1;
	barrier_var(at);
	if (at < LABEL_EDGES)
		set->edges[at] = edge;
}

static __always_inline void set_add_call(struct label_set *set, __u64 call)
{
	if (call >= LABEL_CALLS) {
		set_add_other(set, LABEL_OTHER_CALL | call);
		return;
	}
	barrier_var(call);
	set->calls[(call / 64) & (LABEL_CALLS / 64 - 1)] |= 1ull << (call % 64);
}

struct set_union {
	struct label_set *to, *from;
};

static long set_union_step(__u32 i, struct set_union *u)
{
	if (i < LABEL_OTHERS)
		set_add_other(u->to, u->from->others[i]);
	return 0;
}

/* All calls behind the label are behind the set. */
static __always_inline void set_add_label(struct label_set *set, __u32 label)
{
	struct set_union u = { .to = set, .from = label_set_of(label) };

	if (!u.from) {
		set_add_other(set, label);
		return;
	}
	for (int i = 0; i < LABEL_CALLS / 64; i++)
		set->calls[i] |= u.from->calls[i];
	bpf_loop(LABEL_OTHERS, set_union_step, &u, 0);
	if (u.from->other_count > LABEL_OTHERS)
		set->other_count = LABEL_OTHERS + 1;
}

static __always_inline bool set_has_call(const struct label_set *set, __u32 call)
{
	if (call >= LABEL_CALLS)
		return set_has_other(set, LABEL_OTHER_CALL | call);
	barrier_var(call);
	return set->calls[(call / 64) & (LABEL_CALLS / 64 - 1)] >> (call % 64) & 1;
}

static __always_inline bool set_has_edge(const struct label_set *set, __u32 edge)
{
	__u64 found = 0;

	for (int i = 0; i < LABEL_EDGES; i++)
		found |= same(set->edges[i], edge);
	return found;
}

/* Are all calls behind `with`, but for `own`, behind `mine` too? A global function, as those below:
 * the verifier reads it once a program, not once a use. */
__noinline int label_within(__u32 with, __u32 mine, __u32 own)
{
	struct label_set *more, *set;
	__u32 empty = LABEL_EMPTY;
	__u64 missing = 0;

	if (!with || with == mine)
		return true;
	more = label_set_of(with);
	set = label_set_of(mine);
	if (!set)
		set = bpf_map_lookup_elem(&label_rooms, &empty);
	if (!set)
		return 0;
	if (!more)
		return set_has_other(set, with);
	if (more->other_count > LABEL_OTHERS)
		return 0;
	for (__u32 i = 0; i < LABEL_CALLS / 64; i++) {
		__u64 word = more->calls[i] & ~set->calls[i];

		missing |= word & ~(same(i, own / 64) << own % 64);
	}
	for (int i = 0; i < LABEL_OTHERS; i++) {
		__u64 other = more->others[i];

		missing |= ~(same(other, 0) | same(other, LABEL_OTHER_CALL | own) |
			     set_has_other(set, other)) &
			   1;
	}
	return !missing;
}

/* Has what has the label `mine` already taken from this call, in this way? What a file or a flow
 * keeps is no news when anything from that call is behind it. */
static __always_inline bool label_knows(__u32 mine, __u32 from, __u32 edge)
{
	struct label_set *set = label_set_of(mine);

	if (!set)
		return false;
	if (edge == EDGE_KEPT || edge == EDGE_USED || set->edge_count > LABEL_EDGES)
		return set_has_call(set, from);
	return set_has_edge(set, LABEL_EDGE(from, edge));
}

/* Does the taking add anything to the label? */
__noinline int label_adds(__u32 own, __u32 mine, const struct taking *t)
{
	if (!t)
		return 0;
	return (t->from != own && !label_knows(mine, t->from, t->edge)) ||
	       !label_within(t->with, mine, own);
}

/* As label_adds(), but what is nearly always so costs nothing. */
static __always_inline bool label_news(const struct call_entry *call, __u32 mine,
				       const struct taking *t)
{
	if (t->from == call->call && (!t->with || t->with == mine))
		return false;
	return label_adds(call->call, mine, t);
}

/* What the label stands for that is made of `mine` and the taking. */
__noinline int label_remember(struct call_entry *call, __u32 mine, const struct taking *t,
			      __u32 label)
{
	__u32 room = LABEL_ROOM;
	struct label_set *set = bpf_map_lookup_elem(&label_rooms, &room);
	struct label_set *before = label_set_of(mine);

	if (!call || !t || !set || call->labels >= LABELS_SHARE)
		return 0;
	if (before)
		__builtin_memcpy(set, before, sizeof(*set));
	else
		__builtin_memset(set, 0, sizeof(*set));
	set->run = call->run;
	if (!before)
		set_add_other(set, mine);
	set_add_label(set, t->with);
	set_add_edge(set, LABEL_EDGE(t->from, t->edge));
	set_add_call(set, t->from);
	if (!bpf_map_update_elem(&labels, &label, set, BPF_ANY))
		call->labels++;
	return 0;
}

/* Tells of a new label; returns whether it was sent. */
__noinline int label_tell(struct call_entry *call, __u64 task, __u32 mine, const struct taking *t,
			  __u32 label)
{
	struct handover_room *room = handover_room();
	__u64 size;

	if (!call || !t || !room)
		return 0;
	fill_header(&room->e.h, EVENT_HANDOVER, call, (struct task_struct *)task);
	room->e.h.flags = t->text_flags;
	room->e.h.label = mine;
	room->e.inode = t->inode;
	room->e.device = t->device;
	room->e.from = t->from;
	room->e.label = label;
	room->e.with = t->with;
	room->e.edge = t->edge;
	size = t->text_size;
	barrier_var(size);
	if (size > EVENT_PATH_MAX)
		size = 0;
	room->e.text_size = size;
	return send_fairly(&ring_handover, RING_HANDOVER_SIZE, &call->handover,
			   EVENT_CLASS_HANDOVER, call, &room->e.h, sizeof(room->e) + size);
}

/* The label that is made of `mine` and the taking, which adds something to it. The first to have it
 * tells of it; when that is lost nothing is remembered, so that the next time tells again.
 * A flow's label is made of two that are not its user's alone. */
__noinline int label_make(struct call_entry *call, __u64 task, __u32 mine, const struct taking *t)
{
	struct handover_room *room = handover_room();
	__u32 label, *known;

	if (!call || !t || !room)
		return mine;
	if (t->from == call->call && !mine && t->edge != EDGE_USED)
		return t->with;
	if (t->edge == EDGE_KEPT && label_knows(t->with, t->from, EDGE_KEPT) &&
	    label_within(mine, t->with, call->call))
		return t->with;
	__builtin_memset(&room->key, 0, sizeof(room->key));
	room->key.run = call->run;
	room->key.inode = t->inode;
	room->key.device = t->device;
	room->key.call = call->call;
	room->key.before = mine;
	room->key.from = t->from;
	room->key.with = t->with;
	room->key.edge = t->edge;
	known = bpf_map_lookup_elem(&takings, &room->key);
	if (known)
		return *known;
	if (label_last >= LABEL_SPENT - 1) {
		count_loss(call, EVENT_CLASS_HANDOVER);
		return LABEL_SPENT;
	}
	label = __sync_fetch_and_add(&label_last, 1) + 1;
	if (!label_tell(call, task, mine, t, label))
		return label;
	label_remember(call, mine, t, label);
	bpf_map_update_elem(&takings, &room->key, &room->e.label, BPF_ANY);
	return label;
}

/* From `mine` to `label`, unless another thread was faster. Where the map is full the process keeps
 * what it had, and that something is missing counts as lost. */
static __always_inline bool label_set(struct call_entry *call, const struct process_key *key,
				      __u32 mine, __u32 label)
{
	struct process_label *now, first = { .run = call->run, .label = label };
	long err;

	call->labelled = 1;
	now = bpf_map_lookup_elem(&processes, key);
	if (now && now->run == call->run) {
		if (__sync_val_compare_and_swap(&now->label, mine, label) != mine)
			return false;
		label_changed();
		return true;
	}
	err = bpf_map_update_elem(&processes, key, &first, now ? BPF_ANY : BPF_NOEXIST);
	label_changed();
	if (err && err != -EEXIST)
		count_loss(call, EVENT_CLASS_HANDOVER);
	return err != -EEXIST;
}

/* The task, one of this call's, takes something over: its process gets the label that this makes,
 * if it makes a new one. task is the address of any task. Returns the process's label. */
__noinline int label_take(struct call_entry *call, __u64 task, const struct taking *t)
{
	struct task_struct *of = CAST(task_struct, (void *)task);
	struct process_key key = {};
	__u32 mine = LABEL_NONE, label;

	if (!call || !t)
		return mine;
	key.start_ns = GET(of, group_leader, start_boottime);
	key.pid = GET(of, tgid);
	for (int i = 0; i < LABEL_TRIES; i++) {
		mine = label_of(call, key.start_ns, key.pid);
		if (!label_news(call, mine, t))
			return mine;
		label = label_make(call, task, mine, t);
		if (label_set(call, &key, mine, label))
			return label;
	}
	count_loss(call, EVENT_CLASS_HANDOVER);
	return mine;
}

/* A new process has what its parent has. One that begins in another call has what that begins
 * with. */
static __always_inline void label_inherit(struct call_entry *call, struct task_struct *child,
					  struct task_struct *parent)
{
	struct process_key key = {};
	__u32 label;

	if (!call->labelled)
		return;
	label = label_of(call, BPF_CORE_READ(parent, group_leader, start_boottime),
			 BPF_CORE_READ(parent, tgid));
	if (label == call->label)
		return;
	key.start_ns = BPF_CORE_READ(child, start_boottime);
	key.pid = BPF_CORE_READ(child, tgid);
	label_set(call, &key, LABEL_NONE, label);
}

/* A process has come into this call from another one. A living shell brings along what it has taken
 * over so far; what has just been forked, for an agent's new call, brings nothing. leader: its
 * first thread. */
static __always_inline void label_move(struct call_entry *call, struct task_struct *leader,
				       const struct process_key *key)
{
	struct taking t = { .from = call->call, .with = call->label, .edge = EDGE_SESSION };

	if (BPF_CORE_READ(leader, flags) & PF_FORKNOEXEC) {
		bpf_map_delete_elem(&processes, key);
		return;
	}
	call->labelled = 1;
	if (call->label)
		label_take(call, (__u64)leader, &t);
}

static __always_inline void label_forget(const struct call_entry *call, __u64 start_ns, __u32 pid)
{
	struct process_key key = { .start_ns = start_ns, .pid = pid };

	if (call->labelled)
		bpf_map_delete_elem(&processes, &key);
}

#endif
