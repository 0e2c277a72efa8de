// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls are cgroups. A directory with a number for a name, made below the directory of a known run,
 * is a call from the moment that the kernel makes it; when it goes, what the call produced and lost
 * is sent as its last event. */
#include "bpf/file.h"
#include "bpf/identity.h"
#include "bpf/label.h"
#include "bpf/watch.h"

#define CALL_DIGITS 10

struct call_name {
	char digit[CALL_DIGITS + 1];
};

/* The number that the directory's name is, or EVENT_NO_CALL when it is none. */
static __always_inline __u32 call_number(const struct call_name *name)
{
	__u64 n = 0;
	int i;

	for (i = 0; i < CALL_DIGITS; i++) {
		char c = name->digit[i];

		if (!c)
			break;
		if (c < '0' || c > '9')
			return EVENT_NO_CALL;
		n = n * 10 + (c - '0');
	}
	if (i == 0 || name->digit[i] || n >= EVENT_NO_CALL)
		return EVENT_NO_CALL;
	return n;
}

SEC("raw_tp/cgroup_mkdir")
int weir_cgroup_mkdir(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *made = (struct cgroup *)ctx->args[0];
	__u64 parent, id;
	struct run_entry *run;
	struct call_entry call = {};
	struct call_name name = {};

	if (BPF_CORE_READ(made, root, hierarchy_id) != 0) /* a v1 tree: ids may coincide */
		return 0;
	parent = BPF_CORE_READ(made, self.parent, cgroup, kn, id);
	run = bpf_map_lookup_elem(&runs, &parent);
	if (!run)
		return 0;
	bpf_probe_read_kernel_str(&name, sizeof(name), BPF_CORE_READ(made, kn, name));
	call.call = call_number(&name);
	if (call.call == EVENT_NO_CALL)
		return 0;
	call.run = parent;
	call.rules = run->rules;
	call.cgroup = id = BPF_CORE_READ(made, kn, id);
	if (bpf_map_update_elem(&calls, &id, &call, BPF_ANY))
		tell_unseen(&call);
	else
		call_level = BPF_CORE_READ(made, level);
	return 0;
}

SEC("raw_tp/cgroup_rmdir")
int weir_cgroup_rmdir(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *gone = (struct cgroup *)ctx->args[0];
	__u64 id = BPF_CORE_READ(gone, kn, id);
	struct call_entry *call;
	struct run_entry *run;

	if (BPF_CORE_READ(gone, root, hierarchy_id) != 0)
		return 0;
	run = bpf_map_lookup_elem(&runs, &id);
	if (run && run->watching)
		watch_end(run, id);
	call = bpf_map_lookup_elem(&calls, &id);
	if (!call)
		return 0;
	tell_count(call);
	bpf_map_delete_elem(&calls, &id);
	return 0;
}

/* A living shell moves into a call (or out of one, into the next): what it wrote before is told as
 * the old call's, which cannot go before this returns (cgroup_mutex). What it has taken over so far
 * it keeps, and what the call begins with is added. And a process from outside that moves, or is
 * moved, into a cgroup that is watched is a call from here on. */
SEC("tp_btf/cgroup_attach_task")
int weir_moved(__u64 *ctx)
{
	struct cgroup *to = (struct cgroup *)ctx[0];
	struct task_struct *task = (struct task_struct *)ctx[2];
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct process_key key = {};
	struct process_label *own;
	struct call_entry *call;
	bool whole = ctx[3];
	struct writing *w;
	__u64 id;

	if (whole)
		watch_moved(to, task);
	label_changed();
	if (!call_level)
		return 0;
	id = BPF_CORE_READ(to, kn, id);
	call = bpf_map_lookup_elem(&calls, &id);
	if (call) /* what is moved in is no set-up of ours, executed or not */
		call_begin(call);
	w = bpf_task_storage_get(&writings, task, NULL, 0);
	if (w)
		writing_flush(w, NULL, task);
	key.start_ns = BPF_CORE_READ(leader, start_boottime);
	key.pid = BPF_CORE_READ(leader, pid);
	own = bpf_map_lookup_elem(&processes, &key);
	call = own ? call_of_task(leader) : NULL;
	if (call && call->run == own->run)
		label_move(call, leader, &key);
	return 0;
}
