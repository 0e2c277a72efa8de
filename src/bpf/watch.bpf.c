// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What lives already when weir attaches is call 0. User space has the kernel go through all tasks
 * with this program until none is new: what is forked meanwhile has its parent's call. */
#include "bpf/identity.h"
#include "bpf/watch.h"

static __always_inline bool is_below(struct cgroup *cgroup, __u64 wanted)
{
	for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
		if (BPF_CORE_READ(cgroup, kn, id) == wanted)
			return true;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return false;
}

/* Is it what this run begins with, or a child of that? */
static __always_inline bool is_wanted(struct task_struct *task, __u32 pid, __u64 call)
{
	__u32 parent;
	struct member *m;

	if (watch.begin_cgroup)
		return is_below(BPF_CORE_READ(task, cgroups, dfl_cgrp), watch.begin_cgroup);
	if (pid == watch.begin_pid)
		return true;
	parent = BPF_CORE_READ(task, real_parent, tgid);
	m = member_maybe(parent) ? bpf_map_lookup_elem(&members, &parent) : NULL;
	return m && m->call == call;
}

/* Call 0 of the run; it is gone when its last process ended while others were still looked for. */
static __always_inline struct call_entry *first_call(__u64 key, struct task_struct *task)
{
	struct call_entry *call = bpf_map_lookup_elem(&calls, &key);
	struct run_entry *run = bpf_map_lookup_elem(&runs, &watch.begin_run);
	struct enter_room *room = enter_room();

	if (call || !run || !room)
		return call;
	call = watched_call(room, watch.begin_run, run, 0, true);
	if (!call)
		return NULL;
	call->root = watch.begin_pid;
	call->first = BPF_CORE_READ(task, tgid);
	enter_fill(&room->e, call, task, ENTER_BEGUN);
	room->e.by_pid = call->first;
	__builtin_memcpy(room->e.by_comm, room->e.comm, sizeof(room->e.by_comm));
	send_event(&ring_control, EVENT_CLASS_CONTROL, call, &room->e.h, sizeof(room->e));
	return call;
}

SEC("iter/task")
int weir_begin(struct bpf_iter__task *ctx)
{
	__u64 key = WATCHED_KEY(watch.begin_run, 0);
	struct task_struct *task = ctx->task;
	struct call_entry *call;
	__u32 pid;

	if (!task)
		return 0;
	pid = BPF_CORE_READ(task, tgid);
	if (bpf_map_lookup_elem(&members, &pid) || !is_wanted(task, pid, key))
		return 0;
	call = first_call(key, task);
	if (!call || !member_add(pid, call))
		return 0;
	watch.found++;
	/* It ends just now: whoever tells its end did not find it, or we do not find it any more.
	 */
	if (BPF_CORE_READ(task, signal, live.counter) == 0 && !bpf_map_delete_elem(&members, &pid))
		__sync_fetch_and_add(&call->processes, -1);
	return 0;
}
