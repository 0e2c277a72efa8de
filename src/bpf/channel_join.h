/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: where two processes are joined by a channel, before anything passes through it.
 */
#ifndef WEIR_BPF_CHANNEL_JOIN_H
#define WEIR_BPF_CHANNEL_JOIN_H

#include "bpf/channel_memory.h"
#include "bpf/channel_step.h"
#include "bpf/parts.h"
#include "bpf/privilege.h"

/* Another process's memory: who may write it can make that process do anything. */
static __always_inline void open_memory(const struct channel_step *s, struct file *file)
{
	struct task_struct *task = current_task(), *of;
	struct channel_use u = { .file = (__u64)file };
	__u64 at = memory_task(file);
	struct call_entry *other;

	if (!at)
		return;
	of = CAST(task_struct, (void *)at);
	other = call_of_task(of);
	if (!other || other->run != s->call->run || GET(of, tgid) == GET(task, tgid))
		return;
	u.edge = EDGE_MEMORY;
	if (GET(file, f_mode) & FMODE_READ)
		channel_give(s->call, bpf_get_current_task(), &u, process_sender(other, of),
			     other->parent);
	u.edge = EDGE_TRACE;
	if (GET(file, f_mode) & FMODE_WRITE)
		channel_give(other, at, &u, process_sender(s->call, task), s->call->parent);
}

static __always_inline void flow_open(const struct channel_step *s)
{
	struct file *file = step_file(s, NO_ARGUMENT);
	struct channel_use u = {}, other = {};

	if (!file || !file_carries(file) || !channel_of(file, false, &u))
		u.key.space = 0;
	if (!file)
		return;
	if (GET(file, f_inode, i_sb, s_magic) == PROC_SUPER_MAGIC)
		return open_memory(s, file);
	if (u.key.space == CHANNEL_TERMINAL && GET(file, f_inode, i_rdev) == DEVICE_PTMX) {
		bpf_map_delete_elem(&channels, &u.key); /* of a terminal that was there before */
		if (channel_of(file, true, &other))
			bpf_map_delete_elem(&channels, &other.key);
		return;
	}
	if ((GET(file, f_inode, i_mode) & S_IFMT) != S_IFIFO)
		return;
	if (channel_of(file, true, &other))
		channel_put(s->call, &other);
	u.flags |= CHANNEL_OPENED;
	if (u.key.space && !channel_take(s->call, &u))
		channel_await(s->call, &u);
}

static __always_inline void flow_connect(const struct channel_step *s)
{
	struct file *file = step_file(s, s->row->to);
	struct channel_use u = {};
	struct sock *sk;

	if (!file || (GET(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	sk = socket_sock(file);
	if (!sk || GET(sk, sk_type) == SOCK_DGRAM || !channel_of(file, true, &u))
		return;
	u.flags |= CHANNEL_FRESH;
	channel_put(s->call, &u);
	u.flags = 0;
	if (u.key.space == CHANNEL_UNIX)
		return take_from_peer(s->call, &u, sk);
	u.key.object = (__u64)bpf_ntohs(GET(sk, __sk_common.skc_dport)) << 16;
	u.key.space = CHANNEL_LISTEN;
	channel_take(s->call, &u);
}

static __always_inline void flow_listen(const struct channel_step *s)
{
	struct file *file = step_file(s, s->row->to);
	struct channel_use u = {};
	struct sock *sk = file ? socket_sock(file) : NULL;

	if (!sk || GET(sk, sk_protocol) != IPPROTO_TCP ||
	    GET(sk, __sk_common.skc_family) == AF_UNIX)
		return;
	channel_port(&u, CHANNEL_LISTEN, GET(sk, __sk_common.skc_net.net, net_cookie),
		     GET(sk, __sk_common.skc_num), 0);
	channel_put(s->call, &u);
}

static __always_inline void flow_bind(const struct channel_step *s)
{
	struct file *file = step_file(s, s->row->to);
	struct channel_use u = { .edge = EDGE_SOCKET };
	struct sock *sk = file ? socket_sock(file) : NULL;

	if (!sk || !is_unix_datagram(sk))
		return;
	u.key.space = CHANNEL_NAME;
	u.key.owner = s->call->run;
	u.key.object = unix_name_of(sk);
	if (u.key.object)
		channel_await(s->call, &u);
}

static __always_inline void flow_accept(const struct channel_step *s)
{
	struct file *file = step_file(s, NO_ARGUMENT);
	struct channel_use u = {};
	struct channel *c;
	struct sock *sk = file ? socket_sock(file) : NULL;

	if (!sk || !channel_of(file, false, &u))
		return;
	if (!channel_take(s->call, &u)) {
		if (u.key.space == CHANNEL_UNIX) {
			take_from_peer(s->call, &u, sk);
		} else {
			u.key.object &= 0xffff0000;
			u.key.space = CHANNEL_EARLY_TCP;
			channel_take(s->call, &u);
		}
	} else if (u.key.space == CHANNEL_UNIX) {
		c = bpf_map_lookup_elem(&channels, &u.key);
		if (c)
			c->inode = u.inode;
	}
	u.flags = 0;
	if (!channel_of(file, true, &u))
		return;
	if (!u.inode)
		u.flags |= CHANNEL_FRESH;
	channel_put(s->call, &u);
}

static __always_inline __u64 ipc_number(void)
{
	struct task_struct *task = current_task();

	return GET(task, nsproxy, ipc_ns, ns.inum);
}

#define MNT_READONLY 0x40 /* include/linux/mount.h */

static __always_inline void flow_map(const struct channel_step *s)
{
	struct file *file = step_file(s, s->row->from);
	struct channel_use u = { .file = (__u64)file, .edge = EDGE_MEMORY };
	struct file_id id = {};
	bool writes;

	if (!file || !FILE_IS_REGULAR(GET(file, f_inode, i_mode)))
		return;
	writes = GET(file, f_mode) & FMODE_WRITE;
	if (!writes && (GET(file, f_path.mnt, mnt_flags) & MNT_READONLY))
		return;
	file_identify(GET(file, f_inode), &id);
	u.key.object = id.inode;
	u.key.owner = (__u64)id.device << 32 | id.generation;
	u.key.space = CHANNEL_MEMORY;
	memory_join(s->call, &u, writes);
}

#define SHM_RDONLY 010000

static __always_inline void flow_segment(const struct channel_step *s)
{
	struct channel_use u = { .edge = EDGE_MEMORY };

	u.key.object = syscall_argument(s->regs, s->row->from);
	u.key.owner = ipc_number();
	u.key.space = CHANNEL_SEGMENT;
	memory_join(s->call, &u, !(syscall_argument(s->regs, 2) & SHM_RDONLY));
}

/* From now on changes are looked at; what is known of a descriptor that was there before is not
 * its. */
static __always_inline void flow_watch(const struct channel_step *s)
{
	struct file *file = step_file(s, NO_ARGUMENT);
	struct channel_use u = {};

	noticing = 1;
	if (!file || !channel_of(file, false, &u))
		return;
	bpf_map_delete_elem(&channels, &u.key);
	channel_await(s->call, &u);
}

#endif
