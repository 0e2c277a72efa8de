// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What no hook sees is said by the keeper, before the call's first process exists: which calls
 * stand behind it from its beginning. It goes through the kernel, so that it lies in the ring
 * before whatever the call does, and is counted like everything else. The program is attached to
 * nothing: the keeper runs it, with the address of a struct hand as its one argument. */
#include "bpf/identity.h"
#include "bpf/label.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hand);
} hand_rooms SEC(".maps");

static __always_inline void hand_over(struct call_entry *call, struct hand *hand)
{
	struct taking t = { .from = hand->e.from, .with = hand->e.with, .edge = hand->e.edge };
	__u64 size = hand->e.text_size;

	barrier_var(size);
	if (size > HAND_TEXT_MAX)
		return;
	hand->e.h.kind = EVENT_HANDOVER;
	hand->e.h.call = call->call;
	hand->e.h.run = call->run;
	hand->e.h.label = call->label;
	hand->e.h.mono_ns = bpf_ktime_get_ns();
	call->label = hand->e.label;
	if (send_event(&ring_handover, EVENT_CLASS_HANDOVER, call, &hand->e.h,
		       sizeof(hand->e) + size))
		label_remember(call, hand->e.h.label, &t, hand->e.label);
}

SEC("raw_tp")
int weir_hand(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 zero = 0;
	struct hand *hand = bpf_map_lookup_elem(&hand_rooms, &zero);
	struct call_entry *call;

	if (!hand || bpf_probe_read_user(hand, sizeof(*hand), (void *)ctx->args[0]))
		return HAND_FAILED;
	call = bpf_map_lookup_elem(&calls, &hand->cgroup);
	if (!call)
		return HAND_FAILED;
	call->parent = hand->parent;
	if (hand->e.label)
		hand_over(call, hand);
	return HAND_DONE;
}
