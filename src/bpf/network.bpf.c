// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The network: what a call tries to reach, offers and accepts. Addresses come from the kernel's own
 * copy: the cgroup hooks see it before the call is judged (egress.bpf.c), and the socket holds it
 * afterwards; only unix names of failed calls are claimed. */
#include <asm-generic/errno.h>

#include "bpf/flow.h"
#include "bpf/network.h"
#include "bpf/parts.h"
#include "bpf/registers.h"
#include "bpf/socket.h"

#define SENDS_MAX 8192

struct send_key {
	__u64 run;
	__u32 call;
	__u16 family, port;
	__u8 address[16];
};

/* Datagrams to one address are told at the first, second, fourth, eighth … */
struct send_count {
	__u64 count, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SENDS_MAX);
	__type(key, struct send_key);
	__type(value, struct send_count);
} sends SEC(".maps");

static __always_inline struct sock *sock_of(struct task_struct *task, __s32 fd, __u16 *type)
{
	struct file *file = file_of(task, fd);
	struct socket *socket;

	if (!file || (GET(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = CAST(socket, GET(file, private_data));
	*type = GET(socket, type);
	return socket_sock(file);
}

/* The name that a unix socket is bound to: a path, or an abstract one beginning with NUL. */
static __always_inline __u32 unix_name(struct net_room *room, struct sock *sk)
{
	struct unix_address *address;
	__u64 size, last;

	if (!sk || !bpf_core_type_exists(struct unix_sock))
		return 0;
	address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	if (!address)
		return 0;
	size = BPF_CORE_READ(address, len) - sizeof(__u16);
	barrier_var(size);
	if (size > UNIX_NAME_MAX)
		return 0;
	bpf_probe_read_kernel(room->name, size, &address->name[0].sun_path);
	last = size - 1;
	barrier_var(last);
	if (last < UNIX_NAME_MAX && room->name[0] && room->name[last] == '\0')
		return last;
	return size;
}

/* What the socket itself is connected to (peer) or bound to. */
static __always_inline void socket_address(struct net_room *room, struct sock *sk, bool peer)
{
	struct event_net *e = &room->e;

	if (e->family == AF_UNIX) {
		if (peer && bpf_core_type_exists(struct unix_sock))
			sk = BPF_CORE_READ((struct unix_sock *)sk, peer);
		e->name_size = unix_name(room, sk);
		return;
	}
	e->port = peer ? bpf_ntohs(GET(sk, __sk_common.skc_dport)) : GET(sk, __sk_common.skc_num);
	if (e->family == AF_INET) {
		__u32 address =
			peer ? GET(sk, __sk_common.skc_daddr) : GET(sk, __sk_common.skc_rcv_saddr);

		__builtin_memcpy(e->address, &address, sizeof(address));
	} else if (e->family == AF_INET6) {
		bpf_probe_read_kernel(e->address, sizeof(e->address),
				      peer ? &sk->__sk_common.skc_v6_daddr
					   : &sk->__sk_common.skc_v6_rcv_saddr);
	}
}

/* A sockaddr in the process's memory. */
static __always_inline void claimed_address(struct net_room *room, __u64 pointer, __u32 length)
{
	struct event_net *e = &room->e;
	struct {
		__u16 family, port;
		__u32 in4;
		__u8 in6[16];
	} a = {};
	__u64 size = length - sizeof(__u16);

	e->h.flags |= EVENT_CLAIMED;
	bpf_probe_read_user(&a, length < sizeof(a) ? 8 : sizeof(a), (void *)pointer);
	e->family = a.family;
	if (a.family == AF_UNIX) {
		barrier_var(size);
		if (length <= sizeof(__u16) || size > UNIX_NAME_MAX ||
		    bpf_probe_read_user(room->name, size, (void *)(pointer + sizeof(__u16))))
			return;
		if (room->name[0]) /* a path ends at its NUL */
			size = bpf_probe_read_kernel_str(room->name + UNIX_NAME_MAX, size,
							 room->name) -
			       1;
		e->name_size = size > UNIX_NAME_MAX ? 0 : size;
		return;
	}
	e->port = bpf_ntohs(a.port);
	if (a.family == AF_INET)
		__builtin_memcpy(e->address, &a.in4, sizeof(a.in4));
	else
		__builtin_memcpy(e->address, a.in6, sizeof(a.in6));
}

static __always_inline void net_event(struct net_room *room, __u8 kind,
				      const struct call_entry *call, struct task_struct *task,
				      __s64 result)
{
	__builtin_memset(&room->e, 0, sizeof(room->e));
	fill_header(&room->e.h, kind, call, task);
	room->e.result = result;
}

static __always_inline void net_send(struct net_room *room, struct call_entry *call)
{
	__u64 size = room->e.name_size;

	barrier_var(size);
	if (size > UNIX_NAME_MAX)
		return;
	send_event(&ring_network, EVENT_CLASS_NETWORK, call, &room->e.h, sizeof(room->e) + size);
}

/* Takes the address that a hook saw for this thread. */
static __always_inline bool stash_take(struct event_net *e)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct stash *s = bpf_map_lookup_elem(&stashes, &thread);

	if (!s)
		return false;
	e->cookie = s->cookie;
	e->family = s->family;
	e->port = s->port;
	e->type = s->type;
	e->protocol = s->protocol;
	e->rule = s->rule;
	__builtin_memcpy(e->address, s->address, sizeof(e->address));
	bpf_map_delete_elem(&stashes, &thread);
	return true;
}

/* True when this datagram is one to be told; e->bytes is then what was sent since the last. */
static __always_inline bool send_told(struct event_net *e)
{
	struct send_key key = {
		.run = e->h.run, .call = e->h.call, .family = e->family, .port = e->port
	};
	struct send_count *c, one = { .count = 1 };

	__builtin_memcpy(key.address, e->address, sizeof(key.address));
	e->bytes = e->result > 0 ? e->result : 0;
	c = bpf_map_lookup_elem(&sends, &key);
	if (!c) {
		bpf_map_update_elem(&sends, &key, &one, BPF_ANY);
		return true;
	}
	__sync_fetch_and_add(&c->bytes, e->bytes);
	__sync_fetch_and_add(&c->count, 1);
	if (c->count & (c->count - 1))
		return false;
	e->bytes = c->bytes;
	c->bytes = 0;
	return true;
}

static __always_inline void socket_made(struct net_room *room, struct pt_regs *regs,
					struct call_entry *call)
{
	struct event_net *e = &room->e;

	e->family = syscall_argument(regs, 0);
	e->type = syscall_argument(regs, 1) & 0xf;
	e->protocol = syscall_argument(regs, 2);
	if (e->family == AF_UNIX && e->result >= 0) /* says nothing before it connects */
		return;
	if (e->result > 0)
		e->result = 0;
	net_send(room, call);
}

/* What the gate will ask about whose it is; and which end of a connection this one is. */
static __always_inline void flow_noted(struct event_net *e, struct sock *sk)
{
	if ((e->h.kind == EVENT_CONNECT || e->h.kind == EVENT_ACCEPT) && e->family != AF_UNIX)
		e->own_port = GET(sk, __sk_common.skc_num);
	if (e->h.kind == EVENT_CONNECT && e->protocol == IPPROTO_UDP)
		flow_joined(sk, e->cookie);
	else if (e->h.kind == EVENT_LISTEN && e->protocol == IPPROTO_TCP)
		flow_listens(&e->h, sk, e->cookie);
}

static __always_inline void socket_used(struct net_room *room, struct pt_regs *regs, __u8 kind,
					struct call_entry *call, struct task_struct *task)
{
	struct event_net *e = &room->e;
	__s32 fd = kind == EVENT_ACCEPT ? e->result : (__s32)syscall_argument(regs, 0);
	bool peer = kind == EVENT_CONNECT || kind == EVENT_ACCEPT;
	struct sock *sk = sock_of(task, fd, &e->type);

	if (sk) {
		e->family = GET(sk, __sk_common.skc_family);
		e->protocol = GET(sk, sk_protocol);
		e->cookie = GET(sk, __sk_common.skc_cookie.counter);
	}
	if (kind == EVENT_CONNECT && stash_take(e))
		;
	else if (sk && (e->result >= 0 || e->result == -EINPROGRESS || kind == EVENT_LISTEN))
		socket_address(room, sk, peer);
	else if (kind != EVENT_ACCEPT)
		claimed_address(room, syscall_argument(regs, 1), syscall_argument(regs, 2));
	if (sk && (e->result >= 0 || e->result == -EINPROGRESS))
		flow_noted(e, sk);
	net_send(room, call);
}

/* Does the destination of a datagram that no hook saw have to come from the process's memory? Where
 * weir contains, only that of a unix socket; where it only watches there are no hooks. */
static __always_inline bool claims_matter(struct sock *sk, const struct call_entry *call)
{
	__u16 family = GET(sk, __sk_common.skc_family);

	return family == AF_UNIX || (is_watched(call) && (family == AF_INET || family == AF_INET6));
}

/* A datagram with a destination. On a connected socket there is none, and nothing to tell. */
static __always_inline void datagram_sent(struct net_room *room, struct pt_regs *regs,
					  struct call_entry *call, struct task_struct *task)
{
	struct event_net *e = &room->e;
	__u64 pointer = syscall_argument(regs, 4);
	__u32 length = syscall_argument(regs, 5);
	struct sock *sk;

	if (!stash_take(e)) {
		sk = sock_of(task, syscall_argument(regs, 0), &e->type);
		if (!sk || !claims_matter(sk, call))
			return;
		if (syscall_number(regs) != __NR_sendto) {
			struct {
				__u64 name;
				__u32 length;
			} msg = {};

			bpf_probe_read_user(&msg, sizeof(msg), (void *)syscall_argument(regs, 1));
			pointer = msg.name;
			length = msg.length;
		}
		if (!pointer || !length)
			return;
		claimed_address(room, pointer, length);
		e->protocol = GET(sk, sk_protocol);
	}
	if (send_told(e))
		net_send(room, call);
}

SEC("tp_btf/sys_exit")
int weir_network(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	const struct syscall_row *row = syscall_row(regs);
	struct call_entry *call = acting_call();
	struct task_struct *task = current_task();
	struct net_room *room = net_room();
	__s64 result = ctx[1];
	__u8 kind;

	if (!row || !call || !room)
		return 0;
	kind = row->op;
	if (kind == EVENT_ACCEPT && result < 0)
		return 0;
	if (syscall_number(regs) == __NR_sendto && !syscall_argument(regs, 4)) {
		channel_next(ctx); /* to nobody but its peer */
		return 0;
	}
	net_event(room, kind, call, task, result);
	if (kind == EVENT_SOCKET)
		socket_made(room, regs, call);
	else if (kind == EVENT_SEND)
		datagram_sent(room, regs, call, task);
	else
		socket_used(room, regs, kind, call, task);
	channel_next(ctx);
	return 0;
}
