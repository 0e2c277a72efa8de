/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: calls where cgroups are not ours to make (weir attach). A process that comes
 * into a watched cgroup from outside is a call; it and what it forks are members of the call,
 * wherever they go, until they end. With the last of them the call is over. */
#ifndef WEIR_BPF_WATCH_H
#define WEIR_BPF_WATCH_H

#include <asm-generic/errno-base.h>

#include "bpf/identity.h"

#define CGROUP_DEPTH_MAX 64 /* levels above a cgroup that are looked at */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WATCHED_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);   /* a cgroup's id */
	__type(value, __u64); /* the run that watches it and all below */
} watched SEC(".maps");

struct enter_room {
	struct event_enter e;
	char argv[ENTER_ARGV_MAX];
	struct call_entry call;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct enter_room);
} enter_rooms SEC(".maps");

static __always_inline struct enter_room *enter_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&enter_rooms, &zero);
}

static __always_inline void enter_fill(struct event_enter *e, const struct call_entry *call,
				       struct task_struct *task, enum enter_step step)
{
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->h, EVENT_ENTER, call, task);
	e->step = step;
	e->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	e->cpu_usec = call->cpu_usec;
	e->max_rss = call->max_rss;
	e->processes = call->processes;
	BPF_CORE_READ_INTO(&e->comm, task, comm);
}

/* From now on the process is of the call, and passes it on. False when it already has one, or when
 * there are too many: then what it does is lost, which the call says. */
static __always_inline bool member_add(__u32 pid, struct call_entry *call)
{
	struct member m = { .call = call->cgroup }, *old;
	int err;

	__sync_fetch_and_or(&watch.bits[(pid / 64) & (MEMBER_BITS / 64 - 1)], 1ull << (pid & 63));
	err = bpf_map_update_elem(&members, &pid, &m, BPF_NOEXIST);
	old = err == -EEXIST ? bpf_map_lookup_elem(&members, &pid) : NULL;
	if (old && old->call != m.call) /* of a call that had gone when it came in */
		err = bpf_map_update_elem(&members, &pid, &m, BPF_ANY);
	if (err == 0)
		__sync_fetch_and_add(&call->processes, 1);
	else if (err != -EEXIST)
		count_loss(call, EVENT_CLASS_PROCESS);
	return err == 0;
}

/* Makes call `number` of the run. NULL where no more calls can live, which the record says. */
static __always_inline struct call_entry *watched_call(struct enter_room *room, __u64 run_key,
						       struct run_entry *run, __u32 number,
						       bool begun)
{
	__u64 key = WATCHED_KEY(run_key, number);
	struct call_entry *call = &room->call;

	__builtin_memset(call, 0, sizeof(*call));
	call->run = run_key;
	call->cgroup = key;
	call->call = number;
	call->rules = run->rules;
	call->run_begin = run_begin(run);
	call->begun = begun;
	if (bpf_map_update_elem(&calls, &key, call, BPF_NOEXIST)) {
		tell_unseen(call);
		return NULL;
	}
	return bpf_map_lookup_elem(&calls, &key);
}

/* What the process itself says it is, if it is the one that runs now. */
static __always_inline __u32 enter_argv(struct enter_room *room, struct task_struct *task)
{
	unsigned long from = BPF_CORE_READ(task, mm, arg_start);
	unsigned long size = BPF_CORE_READ(task, mm, arg_end) - from;

	if (room->e.by_pid != room->e.h.pid)
		return 0;
	if (size > ENTER_ARGV_MAX)
		size = ENTER_ARGV_MAX;
	return bpf_probe_read_user(room->argv, size, (void *)from) ? 0 : size;
}

/* A process of nobody's call came in: it is the next one. prepared: by somebody outside who has yet
 * to execute what it is for, if it executed nothing so far. */
static __noinline int watch_enter(struct task_struct *task, __u64 run_key, bool prepared)
{
	struct run_entry *run = bpf_map_lookup_elem(&runs, &run_key);
	struct enter_room *room = enter_room();
	struct call_entry *call;
	__u32 pid = BPF_CORE_READ(task, tgid);
	bool forked = BPF_CORE_READ(task, flags) & PF_FORKNOEXEC;
	__u64 size;

	if (!run || !room)
		return 0;
	call = watched_call(room, run_key, run, __sync_fetch_and_add(&run->calls, 1) + 1,
			    !prepared || !forked);
	if (!call)
		return 0;
	call->first = pid;
	member_add(pid, call);
	enter_fill(&room->e, call, task, ENTER_BEGUN);
	room->e.forked = forked;
	room->e.by_pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(room->e.by_comm, sizeof(room->e.by_comm));
	size = room->e.argv_size = enter_argv(room, task);
	barrier_var(size);
	if (size <= ENTER_ARGV_MAX)
		send_event(&ring_control, EVENT_CLASS_CONTROL, call, &room->e.h,
			   sizeof(room->e) + size);
	return 0;
}

/* The run that watches the cgroup or one above it, or 0. */
static __noinline __u64 watching_run(struct cgroup *cgroup)
{
	for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
		__u64 id = BPF_CORE_READ(cgroup, kn, id);
		__u64 *run = bpf_map_lookup_elem(&watched, &id);

		if (run)
			return *run;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return 0;
}

/* A process with all its threads is in another cgroup now. */
static __always_inline void watch_moved(struct cgroup *to, struct task_struct *task)
{
	__u64 run;

	if (!watch.runs || BPF_CORE_READ(to, root, hierarchy_id) != 0 || call_of_task(task))
		return;
	run = watching_run(to);
	if (run)
		watch_enter(task, run, true);
}

/* A new process, before it runs. It is of its parent's call; or born into a watched cgroup by
 * somebody outside (CLONE_INTO_CGROUP), or a child of the process whose every child is a call. */
static __always_inline void watch_forked(struct task_struct *parent, struct task_struct *child,
					 __u32 child_pid)
{
	__u32 parent_pid = BPF_CORE_READ(parent, tgid);
	struct cgroup *cgroup = BPF_CORE_READ(child, cgroups, dfl_cgrp);
	struct call_entry *call;
	__u64 run;

	if (!watch.runs)
		return;
	call = call_of_member(parent_pid);
	if (call && call->root != parent_pid) {
		member_add(child_pid, call);
		return;
	}
	if (!call && cgroup == BPF_CORE_READ(parent, cgroups, dfl_cgrp))
		return;
	run = call ? call->run : watching_run(cgroup);
	if (run)
		watch_enter(child, run, !call);
}

/* The process has ended, and its call had before it: it came in just as the last other one went. */
static __always_inline void watch_orphaned(struct task_struct *task)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (member_maybe(pid) && BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&members, &pid);
}

/* A process of the call has ended, and perhaps the call with it. */
static __always_inline void watch_exited(struct call_entry *call, struct task_struct *task,
					 const struct event_exit *exit)
{
	struct enter_room *room = enter_room();
	__u64 key = call->cgroup;
	__u32 pid = exit->h.pid;
	__u64 left;

	if (!room || bpf_map_delete_elem(&members, &pid))
		return;
	left = __sync_fetch_and_add(&call->processes, -1) - 1;
	__sync_fetch_and_add(&call->cpu_usec, exit->cpu_usec);
	if (exit->max_rss > call->max_rss)
		call->max_rss = exit->max_rss;
	if (pid == call->first) {
		enter_fill(&room->e, call, task, ENTER_OVER);
		room->e.processes = left;
		room->e.status = exit->status;
		room->e.signal = exit->signal;
		send_event(&ring_control, EVENT_CLASS_CONTROL, call, &room->e.h, sizeof(room->e));
	}
	if (left)
		return;
	enter_fill(&room->e, call, task, ENTER_GONE);
	send_event(&ring_control, EVENT_CLASS_CONTROL, call, &room->e.h, sizeof(room->e));
	tell_count(call);
	bpf_map_delete_elem(&calls, &key);
}

static long forget_watched(struct bpf_map *map, const __u64 *key, const __u64 *run, __u64 *ended)
{
	if (*run == *ended)
		bpf_map_delete_elem(&watched, key);
	return 0;
}

static long forget_member(struct bpf_map *map, const __u32 *key, const struct member *m,
			  __u64 *ended)
{
	if (m->call >> WATCHED_CALL_BITS == WATCHED_KEY(*ended, 0) >> WATCHED_CALL_BITS)
		bpf_map_delete_elem(&members, key);
	return 0;
}

static long forget_call(struct bpf_map *map, const __u64 *key, struct call_entry *call,
			__u64 *ended)
{
	if (call->run != *ended)
		return 0;
	tell_count(call);
	bpf_map_delete_elem(&calls, key);
	return 0;
}

/* Nothing is watched for this run any more. What lived goes on living, as nobody's call. */
static __always_inline void watch_end(struct run_entry *run, __u64 run_key)
{
	run->watching = 0;
	bpf_for_each_map_elem(&watched, forget_watched, &run_key, 0);
	bpf_for_each_map_elem(&members, forget_member, &run_key, 0);
	bpf_for_each_map_elem(&calls, forget_call, &run_key, 0);
	__sync_fetch_and_add(&watch.runs, -1);
}

#endif
