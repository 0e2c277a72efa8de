/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: messages: descriptors that come with them, and datagrams, each of which may go
 * elsewhere. */
#ifndef WEIR_BPF_CHANNEL_MESSAGE_H
#define WEIR_BPF_CHANNEL_MESSAGE_H

#include "bpf/channel_step.h"
#include "bpf/network.h"

/* include/linux/socket.h: struct user_msghdr and cmsghdr */
struct message_header {
	__u64 name;
	__u32 name_size, padding;
	__u64 parts, part_count, control, control_size;
};

struct control_header {
	__u64 size;
	__u32 level, type;
};

#define SOL_SOCKET 1
#define SCM_RIGHTS 1

/* With what edge a message is taken: descriptors may have come with it. 0 for the channel's own. */
static __always_inline __u32 message_edge(const struct channel_step *s)
{
	struct message_header m = {};
	struct control_header c = {};

	bpf_probe_read_user(&m, sizeof(m), (void *)syscall_argument(s->regs, 1));
	if (!m.control || m.control_size < sizeof(c))
		return 0;
	bpf_probe_read_user(&c, sizeof(c), (void *)m.control);
	return c.level == SOL_SOCKET && c.type == SCM_RIGHTS ? EDGE_DESCRIPTOR : 0;
}

/* Is there an address with it, which may lead elsewhere each time? */
static __always_inline bool datagram_addressed(const struct channel_step *s)
{
	__u64 nr = syscall_number(s->regs), name = 0;

	if (nr == __NR_sendto)
		return syscall_argument(s->regs, 4);
	if (nr == __NR_sendmsg)
		bpf_probe_read_user(&name, sizeof(name), (void *)syscall_argument(s->regs, 1));
	return nr == __NR_sendmmsg || name;
}

#define MESSAGE_STRIDE 64 /* struct mmsghdr */
#define MESSAGES_READ 8

/* Puts a datagram where the name leads, or, when nobody is known to have bound that name (a
 * symbolic link, another name of the same socket), where every receiver of the run looks. */
__noinline int put_by_name(struct call_entry *call, __u64 name, __u32 size)
{
	struct channel_use u = { .edge = EDGE_SOCKET };

	if (!call)
		return 0;
	u.key.space = CHANNEL_NAME;
	u.key.owner = call->run;
	u.key.object = unix_name_claimed(name, size);
	if (!u.key.object || !bpf_map_lookup_elem(&channels, &u.key))
		u.key.object = UNIX_NAME_ANY;
	channel_put(call, &u);
	return 0;
}

/* A datagram over UDP with an address, which the network's program has just read. */
static __always_inline void put_by_port(const struct channel_step *s, struct sock *sk)
{
	struct net_room *room = net_room();
	struct channel_use u = { .edge = EDGE_SOCKET };

	if (!room || GET(sk, sk_protocol) != IPPROTO_UDP || !room->e.port ||
	    (syscall_number(s->regs) == __NR_sendto && !syscall_argument(s->regs, 4)))
		return;
	if (room->e.family == AF_INET ? !loopback4(*(__u32 *)room->e.address)
				      : !loopback6((__u32 *)room->e.address))
		return;
	channel_port(&u, CHANNEL_UDP, GET(sk, __sk_common.skc_net.net, net_cookie), room->e.port,
		     0);
	channel_put(s->call, &u);
}

static __always_inline void flow_datagram(const struct channel_step *s)
{
	__u64 nr = syscall_number(s->regs), at = syscall_argument(s->regs, 1);
	struct file *file = step_file(s, s->row->to);
	struct message_header m = {};
	struct sock *sk;

	sk = file && (GET(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK ? socket_sock(file) : NULL;
	if (!sk || GET(sk, sk_type) != SOCK_DGRAM)
		return;
	if (GET(sk, __sk_common.skc_family) != AF_UNIX) {
		put_by_port(s, sk);
		return;
	}
	if (nr == __NR_sendto) {
		m.name = syscall_argument(s->regs, 4);
		if (m.name)
			put_by_name(s->call, m.name, syscall_argument(s->regs, 5));
		return;
	}
	for (__s64 i = 0; i < MESSAGES_READ; i++) {
		if (i && (nr != __NR_sendmmsg || i >= s->result))
			break;
		bpf_probe_read_user(&m, sizeof(m), (void *)(at + i * MESSAGE_STRIDE));
		if (m.name)
			put_by_name(s->call, m.name, m.name_size);
	}
	if (nr == __NR_sendmmsg && s->result > MESSAGES_READ)
		put_by_name(s->call, 0, 0);
}

#endif
