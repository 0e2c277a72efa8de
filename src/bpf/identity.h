/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: which call a task is in, the header of an event, and sending it. The maps that
 * all programs share are declared here. */
#ifndef WEIR_BPF_IDENTITY_H
#define WEIR_BPF_IDENTITY_H

#include "bpf/kernel.h"
#include "bpf/shared.h"

/* GET(p, a, b) is p->a->b. Where the kernel has bpf_rdonly_cast (a35b9af4ec2c, Linux 6.2), plain
 * loads of what it returns are safe, and a path costs half of what it costs with
 * bpf_probe_read_kernel. (So would pointers that the verifier trusts, but for each member it then
 * searches the kernel's types by name: 20 ms of loading.) For kernels without it the programs are
 * compiled once more, with WEIR_READ_BY_HELPER. */
#ifdef WEIR_READ_BY_HELPER
#define CAST(type, pointer) ((struct type *)(pointer))
#define GET(pointer, ...) BPF_CORE_READ(pointer, __VA_ARGS__)
#else
extern void *bpf_rdonly_cast(const void *pointer, __u32 btf_id) __ksym;

#define CAST(type, pointer) \
	((struct type *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(struct type)))
#define GET(pointer, ...) ___arrow((pointer), __VA_ARGS__)
#endif

/* The current task, for reading. */
static __always_inline struct task_struct *current_task(void)
{
	return CAST(task_struct, (void *)bpf_get_current_task());
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct run_entry);
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CALLS_LIVE_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct call_entry);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_PROCESS_SIZE);
} ring_process SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_NETWORK_SIZE);
} ring_network SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_FILE_SIZE);
} ring_file SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_PRIVILEGE_SIZE);
} ring_privilege SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_CONTROL_SIZE);
} ring_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_HANDOVER_SIZE);
} ring_handover SEC(".maps");

/* Processes whose label is not their call's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROCESSES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct process_key);
	__type(value, struct process_label);
} processes SEC(".maps");

struct sequence {
	__u64 next[EVENT_CLASS_COUNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sequence);
} sequences SEC(".maps");

/* weir_id: cgroup id of weir's root. call_level: depth of a call's
 * cgroup, learned when the first one is made; 0 before that. */
const volatile __u64 weir_id SEC(".rodata.weir") = 0;
__u32 call_level = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEMBERS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct member);
} members SEC(".maps");

struct watch_state watch SEC(".data.watch") = { 0 };

/* A file that was changed before that is older than the run, or weir's set-up. */
static __always_inline __u64 run_begin(struct run_entry *run)
{
	if (!run->begin)
		run->begin = bpf_ktime_get_ns() + run->wall;
	return run->begin;
}

/* What runs in the call from here on is its own. With its first call the run begins. */
static __always_inline void call_begin(struct call_entry *call)
{
	struct run_entry *run = bpf_map_lookup_elem(&runs, &call->run);

	call->begun = 1;
	if (run)
		call->run_begin = run_begin(run);
}

/* Something of the call that is not known, because a map was full, counts as produced and lost. */
static __always_inline void count_loss(struct call_entry *call, enum event_class class)
{
	__sync_fetch_and_add(&call->produced[class], 1);
	__sync_fetch_and_add(&call->lost[class], 1);
}

static __always_inline bool is_watched(const struct call_entry *call)
{
	return call->cgroup >> 63;
}

/* Could this process be one that is watched where its cgroup is not ours? One load while no run
 * watches, two while one does: see struct member. */
static __always_inline bool member_maybe(__u32 pid)
{
	return watch.runs &&
	       (watch.bits[(pid / 64) & (MEMBER_BITS / 64 - 1)] & (1ull << (pid & 63)));
}

static __always_inline struct call_entry *call_of_member(__u32 pid)
{
	struct member *m = member_maybe(pid) ? bpf_map_lookup_elem(&members, &pid) : NULL;

	return m ? bpf_map_lookup_elem(&calls, &m->call) : NULL;
}

static __always_inline bool below_weir(__u32 level)
{
	return level >= 2 && bpf_get_current_ancestor_cgroup_id(level - 2) == weir_id;
}

/* The call in whose cgroup the current task is, or NULL: what weir itself contains. */
static __always_inline struct call_entry *call_contained(void)
{
	__u32 level = call_level;
	__u64 id = below_weir(level) ? bpf_get_current_ancestor_cgroup_id(level) : 0;

	return id ? bpf_map_lookup_elem(&calls, &id) : NULL;
}

/* Whether call_of_current() could find one. It is all that a process outside of weir ever pays. */
static __always_inline bool current_concerned(void)
{
	return below_weir(call_level) ||
	       (watch.runs && member_maybe(bpf_get_current_pid_tgid() >> 32));
}

/* The call of the current task, contained or watched, or NULL. */
static __always_inline struct call_entry *call_of_current(void)
{
	if (below_weir(call_level))
		return call_contained();
	return watch.runs ? call_of_member(bpf_get_current_pid_tgid() >> 32) : NULL;
}

#define PF_FORKNOEXEC 0x40 /* include/linux/sched.h: forked, and has executed nothing since */

/* The call whose acts are to be told. A call's first process is weir's own code until it executes
 * something: what that does (mounts, identities, capabilities) is set-up and no act of the call. In
 * a call that a living shell moved into, the shell begins it: by acting itself, for it has
 * executed, or by forking (weir_fork). In a call that came in from outside it is not weir's code:
 * all is told, and marked (EVENT_ENTERING). */
static __always_inline struct call_entry *acting_call(void)
{
	struct call_entry *call = call_of_current();

	if (call && !call->begun && !is_watched(call) &&
	    (GET(current_task(), flags) & PF_FORKNOEXEC))
		return NULL;
	return call;
}

/* As call_of_current() for any task. */
static __always_inline struct call_entry *call_of_task(struct task_struct *task)
{
	__u64 id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	struct call_entry *call = bpf_map_lookup_elem(&calls, &id);

	return call || !watch.runs ? call : call_of_member(BPF_CORE_READ(task, tgid));
}

static __always_inline __u32 pid_inside(struct task_struct *task)
{
	struct pid *pid = GET(task, signal, pids[1]);
	unsigned int level = GET(pid, level) & 31;
	struct upid upid = {};

	bpf_core_read(&upid.nr, sizeof(upid.nr), &pid->numbers[level].nr);
	return upid.nr;
}

/* The label of a process of this call. */
static __always_inline __u32 label_of(const struct call_entry *call, __u64 start_ns, __u32 pid)
{
	struct process_key key = { .start_ns = start_ns, .pid = pid };
	struct process_label *own;

	if (!call->labelled)
		return call->label;
	own = bpf_map_lookup_elem(&processes, &key);
	return own && own->run == call->run ? own->label : call->label;
}

/* Everything but size and kernel_seq, which send_event() sets. Strings of the caller's struct
 * follow. */
static __always_inline void fill_header(struct event_header *h, enum event_kind kind,
					const struct call_entry *call, struct task_struct *of)
{
	struct task_struct *task = CAST(task_struct, of);
	struct task_struct *parent = GET(task, real_parent, group_leader);

	h->kind = kind;
	h->flags = !call->begun && is_watched(call) ? EVENT_ENTERING : 0;
	h->call = call->call;
	h->run = call->run;
	h->start_ns = GET(task, group_leader, start_boottime);
	h->parent_start_ns = GET(parent, start_boottime);
	h->pid = GET(task, tgid);
	h->label = label_of(call, h->start_ns, h->pid);
	h->mono_ns =
		bpf_ktime_get_ns(); /* after the label, which is so defined before it is used */
	h->tid = GET(task, pid);
	h->ppid = GET(parent, tgid);
	h->pid_inside = pid_inside(task);
	h->uid = GET(task, cred, uid.val);
}

static __always_inline void stamp(struct event_header *h, enum event_class class, __u32 size)
{
	__u32 zero = 0;
	struct sequence *s = bpf_map_lookup_elem(&sequences, &zero);

	h->size = size;
	h->kernel_seq = (__u64)bpf_get_smp_processor_id() << 48;
	if (s)
		h->kernel_seq |= __sync_fetch_and_add(&s->next[class], 1) & ((1ull << 48) - 1);
}

/* Sends the event, or counts it as lost: every event of a call passes here or through
 * send_fairly(). The reader polls, so nobody is woken: a wake-up costs the writer more than all the
 * rest. Returns whether it was sent. */
static __always_inline bool send_event(void *ring, enum event_class class, struct call_entry *call,
				       struct event_header *h, __u32 size)
{
	stamp(h, class, size);
	__sync_fetch_and_add(&call->produced[class], 1);
	if (!bpf_ringbuf_output(ring, h, size, BPF_RB_NO_WAKEUP))
		return true;
	__sync_fetch_and_add(&call->lost[class], 1);
	return false;
}

/* As send_event(), but above half full only those calls may write that have not had their share
 * since the reader last passed a half: a flood loses its own events, not those of others. */
static __always_inline bool send_fairly(void *ring, __u64 ring_size, struct ring_share *share,
					enum event_class class, struct call_entry *call,
					struct event_header *h, __u32 size)
{
	__u64 half = bpf_ringbuf_query(ring, BPF_RB_CONS_POS) / (ring_size / 2);
	__u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	if (share->half != half) {
		share->half = half;
		share->bytes = 0;
	}
	__sync_fetch_and_add(&share->bytes, size);
	if (waiting <= ring_size / 2 || share->bytes <= ring_size / 16)
		return send_event(ring, class, call, h, size);
	stamp(h, class, size);
	count_loss(call, class);
	return false;
}

/* The last word on a call: what it produced and lost. */
static __always_inline void tell_count(struct call_entry *call)
{
	struct event_count e = {};

	fill_header(&e.h, EVENT_COUNT, call, current_task());
	e.h.label = LABEL_NONE; /* whoever removes the cgroup is not of the call */
	__builtin_memcpy(e.produced, call->produced, sizeof(e.produced));
	__builtin_memcpy(e.lost, call->lost, sizeof(e.lost));
	send_event(&ring_control, EVENT_CLASS_CONTROL, call, &e.h, sizeof(e));
}

/* More calls live than the map holds: nothing of this one will be seen, which is said at once. */
static __always_inline void tell_unseen(struct call_entry *call)
{
	count_loss(call, EVENT_CLASS_PROCESS);
	tell_count(call);
}

#endif
