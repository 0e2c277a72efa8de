/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: one system call as it bears on channels, and what it takes from them and puts
 * into them. */
#ifndef WEIR_BPF_CHANNEL_STEP_H
#define WEIR_BPF_CHANNEL_STEP_H

#include "bpf/channel_object.h"
#include "bpf/channel_row.h"
#include "bpf/flow.h"
#include "bpf/unix_name.h"

struct channel_step {
	struct call_entry *call;
	struct task_struct *task;
	struct pt_regs *regs;
	const struct channel_row *row;
	__s64 result;
};

static __always_inline __u64 step_address(const struct channel_step *s, __u8 argument)
{
	__s64 fd = argument == NO_ARGUMENT ? s->result : (__s32)syscall_argument(s->regs, argument);

	return file_address(s->task, fd);
}

static __always_inline struct file *step_file(const struct channel_step *s, __u8 argument)
{
	__u64 file = step_address(s, argument);

	return file ? CAST(file, (void *)file) : NULL;
}

/* The socket was made by another call: it was inherited or passed on. */
static __always_inline void socket_made_elsewhere(struct call_entry *call, __u64 file,
						  struct sock *sk)
{
	struct cgroup *cgroup = GET(sk, sk_cgrp_data.cgroup);
	struct channel_use u = { .file = file, .edge = EDGE_DESCRIPTOR, .flags = CHANNEL_PRIVATE };
	struct call_entry *maker;
	__u64 id;

	if (!cgroup)
		return;
	cgroup = CAST(cgroup, cgroup);
	id = GET(cgroup, kn, id);
	if (id == call->cgroup)
		return;
	/* What accept(2) returns was made by the peer's connect(2). */
	if (GET(sk, __sk_common.skc_family) == AF_UNIX && unix_named(sk))
		return;
	maker = bpf_map_lookup_elem(&calls, &id);
	if (!maker || maker->run != call->run)
		return;
	channel_give(call, bpf_get_current_task(), &u, CHANNEL_SENDER(maker->call, LABEL_NONE),
		     maker->parent);
}

static __always_inline bool file_carries(struct file *file)
{
	__u32 type = GET(file, f_inode, i_mode) & S_IFMT;

	return type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR;
}

__noinline int use_made(struct call_entry *call, __u64 at)
{
	struct file *file = CAST(file, (void *)at);
	struct sock *sk;

	if (!call || (GET(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sk = socket_sock(file);
	if (sk)
		socket_made_elsewhere(call, at, sk);
	return 0;
}

static __always_inline bool is_unix_datagram(struct sock *sk)
{
	return GET(sk, __sk_common.skc_family) == AF_UNIX && GET(sk, sk_type) == SOCK_DGRAM;
}

/* From here on all that the socket's flow does has those behind it who used it so far: its label is
 * not a process's. */
static __always_inline void flow_grow(struct call_entry *call, struct flow_owner *owner, __u32 mine)
{
	struct taking t = { .from = call->call, .with = mine, .edge = EDGE_USED };
	__u64 *both = (__u64 *)&owner->label, before = *both, after;

	if (!label_adds(owner->h.call, before, &t))
		return;
	t.with = before; /* the event is the process's, so the two change places */
	after = (__u32)label_make(call, bpf_get_current_task(), mine, &t) | before >> 32 << 32;
	__sync_val_compare_and_swap(both, before, after);
}

/* The current process sends or receives over what leads out of the sandbox, and another call may
 * have opened it. */
__noinline int flow_use(struct call_entry *call, __u64 at)
{
	struct task_struct *task = current_task();
	struct sock *sk = socket_sock(CAST(file, (void *)at));
	struct flow_socket *known;
	struct flow_owner *owner;
	struct flow_key key;
	__u64 cookie;
	__u32 mine;

	if (!call || !sk)
		return 0;
	cookie = GET(sk, __sk_common.skc_cookie.counter);
	known = bpf_map_lookup_elem(&flow_sockets, &cookie);
	if (!known || known->key.run != call->run)
		return 0;
	key = known->key;
	owner = bpf_map_lookup_elem(&flow_owners, &key);
	if (!owner || owner->cookie != cookie)
		return 0;
	mine = label_of(call, GET(task, group_leader, start_boottime), GET(task, tgid));
	if (owner->h.call != call->call || mine != owner->label)
		flow_grow(call, owner, mine);
	return 0;
}

/* What is no channel: it leads out, or carries nothing. */
static __always_inline int use_outside(struct call_entry *call, __u64 at, bool put)
{
	struct file *file = CAST(file, (void *)at);
	__u64 changes = label_changes;

	if ((GET(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	use_made(call, at);
	flow_use(call, at);
	memo_keep(file, put, changes);
	return 0;
}

/* Global functions: the verifier reads them once a program, not once a use. */
__noinline int use_put(struct call_entry *call, __u64 at, __u64 bytes)
{
	struct file *file = CAST(file, (void *)at);
	struct channel_use u = { .bytes = bytes };
	__u64 changes = label_changes;
	struct sock *sk;

	if (!call)
		return 0;
	if (!channel_of(file, true, &u))
		return use_outside(call, at, true);
	use_made(call, at);
	channel_put(call, &u);
	sk = u.key.space == CHANNEL_UNIX ? socket_sock(file) : NULL;
	if (!sk || !is_unix_datagram(sk)) /* those are counted */
		memo_keep(file, true, changes);
	return 0;
}

/* Of this many messages, how many does the channel not account for? */
static __always_inline __u32 messages_left(const struct channel_key *key, __u32 messages)
{
	struct channel *c = bpf_map_lookup_elem(&channels, key);
	__u32 known;

	if (!c)
		return messages;
	known = c->puts - c->takes;
	if (known > messages)
		known = messages;
	__sync_fetch_and_add(&c->takes, known);
	return messages - known;
}

/* Takes what came by name; and what came by names that nobody is known to have bound, where more
 * came than by the names that are known. */
static __always_inline void take_datagram(struct call_entry *call, struct sock *sk,
					  struct channel_use *u, __u32 messages)
{
	messages = messages_left(&u->key, messages);
	u->inode = 0;
	u->key.space = CHANNEL_NAME;
	u->key.owner = call->run;
	u->key.object = unix_name_of(sk);
	if (u->key.object) {
		channel_take(call, u);
		messages = messages_left(&u->key, messages);
	}
	u->key.object = UNIX_NAME_ANY;
	if (messages)
		channel_take(call, u);
}

/* The process at the other end of a unix socket, as it is now. */
static __always_inline void take_from_peer(struct call_entry *call, struct channel_use *u,
					   struct sock *sk)
{
	__u64 at = unix_peer_task(sk);
	struct task_struct *peer = CAST(task_struct, (void *)at);
	struct call_entry *other;

	if (!at)
		return;
	other = call_of_task(peer);
	if (!other || other->run != call->run)
		return;
	channel_give(call, bpf_get_current_task(), u, process_sender(other, peer), other->parent);
}

/* edge: 0 for what the channel's own is. */
__noinline int use_take(struct call_entry *call, __u64 at, __u32 edge, __u32 messages)
{
	struct file *file = CAST(file, (void *)at);
	struct channel_use u = {};
	__u64 changes = label_changes;
	struct sock *sk;
	bool known;

	if (!call)
		return 0;
	if (!channel_of(file, false, &u))
		return use_outside(call, at, false);
	use_made(call, at);
	if (edge) {
		u.edge = edge;
		u.flags |= CHANNEL_ANEW;
	}
	known = channel_take(call, &u);
	if (!known)
		channel_await(call, &u);
	sk = u.key.space == CHANNEL_UNIX ? socket_sock(file) : NULL;
	if (sk && is_unix_datagram(sk)) {
		take_datagram(call, sk, &u, messages);
		return 0;
	}
	if (sk && !known)
		take_from_peer(call, &u, sk);
	memo_keep(file, false, changes);
	if (u.key.space == CHANNEL_UDP) {
		u.key.space = CHANNEL_EARLY_UDP;
		channel_take(call, &u);
	}
	return 0;
}

#endif
