/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: memory that several processes share: files that are mapped shared, System V
 * segments. Nobody sees what is stored there, so whoever joins takes over what those have who may
 * write, and, when it may write itself, gives them what it has. */
#ifndef WEIR_BPF_CHANNEL_MEMORY_H
#define WEIR_BPF_CHANNEL_MEMORY_H

#include "bpf/channel.h"

#define MEMORIES_MAX 4096
#define MEMORY_MEMBERS 16

struct memory_member {
	__u64 task, start_ns; /* both must fit, as in struct channel */
	__u32 pid, writes;
};

struct memory {
	__u64 run;
	__u64 written; /* some may write */
	struct memory_member members[MEMORY_MEMBERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MEMORIES_MAX);
	__type(key, struct channel_key);
	__type(value, struct memory);
} memories SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct memory);
} memory_rooms SEC(".maps");

static __always_inline struct call_entry *member_call(const struct memory_member *m, __u64 run)
{
	struct task_struct *task = CAST(task_struct, (void *)m->task);
	struct call_entry *call;

	if (!m->task || GET(task, tgid) != m->pid || GET(task, start_boottime) != m->start_ns)
		return NULL;
	call = call_of_task(task);
	return call && call->run == run ? call : NULL;
}

/* One process goes round and meets all that share the memory. */
struct meeting {
	struct call_entry *call;
	const struct channel_use *use;
	struct memory *memory;
	struct memory_member me;
	__u32 slot; /* for me */
};

static long member_meet(__u32 i, struct meeting *meeting)
{
	struct memory_member *m = &meeting->memory->members[i & (MEMORY_MEMBERS - 1)];
	struct memory_member *me = &meeting->me;
	struct call_entry *call = meeting->call, *other;

	if (m->pid == me->pid && m->start_ns == me->start_ns) {
		me->writes |= m->writes;
		meeting->slot = i;
		return 0;
	}
	other = member_call(m, call->run);
	if (!other) {
		if (meeting->slot == MEMORY_MEMBERS)
			meeting->slot = i;
		return 0;
	}
	meeting->memory->written |= m->writes;
	if (m->writes)
		channel_give(call, bpf_get_current_task(), meeting->use,
			     CHANNEL_SENDER(other->call, label_of(other, m->start_ns, m->pid)),
			     other->parent);
	if (me->writes)
		channel_give(other, m->task, meeting->use,
			     CHANNEL_SENDER(call->call, label_of(call, me->start_ns, me->pid)),
			     call->parent);
	return 0;
}

/* More processes share it than are kept: where any of them may write, the newcomer takes over what
 * is not known. */
static __always_inline void memory_full(struct meeting *meeting)
{
	struct taking t = { .from = EVENT_NO_CALL, .edge = EDGE_UNKNOWN };

	meeting->memory->written |= meeting->me.writes;
	if (meeting->memory->written)
		label_take(meeting->call, bpf_get_current_task(), &t);
}

static __always_inline void memory_begin(const struct channel_use *u, __u64 run,
					 const struct memory_member *me)
{
	struct channel_key key = u->key;
	__u32 zero = 0;
	struct memory *made = bpf_map_lookup_elem(&memory_rooms, &zero);

	if (!made)
		return;
	__builtin_memset(made, 0, sizeof(*made));
	made->run = run;
	made->members[0] = *me;
	made->written = me->writes;
	bpf_map_update_elem(&memories, &key, made, BPF_ANY);
}

__noinline int memory_join(struct call_entry *call, const struct channel_use *u, bool writes)
{
	struct task_struct *task = group_leader();
	struct meeting meeting = { .slot = MEMORY_MEMBERS };
	struct channel_key key;

	if (!call || !u)
		return 0;
	key = u->key;
	meeting.me.task = (__u64)task;
	meeting.me.start_ns = GET(task, start_boottime);
	meeting.me.pid = GET(task, tgid);
	meeting.me.writes = writes;
	meeting.memory = bpf_map_lookup_elem(&memories, &key);
	if (!meeting.memory || meeting.memory->run != call->run) {
		memory_begin(u, call->run, &meeting.me);
		return 0;
	}
	meeting.call = call;
	meeting.use = u;
	bpf_loop(MEMORY_MEMBERS, member_meet, &meeting, 0);
	if (meeting.slot == MEMORY_MEMBERS) {
		memory_full(&meeting);
		meeting.slot = meeting.me.pid;
	}
	meeting.memory->members[meeting.slot & (MEMORY_MEMBERS - 1)] = meeting.me;
	return 0;
}

#endif
