/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: from an open file to its socket, and what a socket says of itself. */
#ifndef WEIR_BPF_SOCKET_H
#define WEIR_BPF_SOCKET_H

#include "bpf/descriptor.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define S_IFSOCK 0140000
#define SOCK_DGRAM 2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

static __always_inline bool loopback4(__u32 address)
{
	return address == 0 || (bpf_ntohl(address) >> 24) == 127;
}

static __always_inline bool loopback6(const __u32 *a)
{
	if (a[0] || a[1])
		return false;
	if (a[2] == bpf_htonl(0xffff)) /* IPv4 in IPv6 clothes */
		return loopback4(a[3]);
	return a[2] == 0 && (a[3] == 0 || a[3] == bpf_htonl(1));
}

/* The file is a socket's. */
static __always_inline struct sock *socket_sock(struct file *file)
{
	struct socket *socket = CAST(socket, GET(file, private_data));

	return GET(socket, sk) ? CAST(sock, GET(socket, sk)) : NULL;
}

/* The inode number of a socket, 0 when no process has it open (yet). */
static __always_inline __u64 socket_inode(struct sock *sk)
{
	struct sock *of = CAST(sock, sk);
	void *socket = GET(of, sk_socket);
	struct inode *inode;

	if (!socket)
		return 0;
	inode = CAST(inode, socket - bpf_core_field_offset(struct socket_alloc, socket) +
				    bpf_core_field_offset(struct socket_alloc, vfs_inode));
	return GET(inode, i_ino);
}

/* Is what the socket is connected to on this machine? */
static __always_inline bool socket_local(struct sock *sk)
{
	__u64 to[2] = {}, from[2] = {};

	if (GET(sk, __sk_common.skc_family) == AF_INET)
		return loopback4(GET(sk, __sk_common.skc_daddr)) ||
		       GET(sk, __sk_common.skc_daddr) == GET(sk, __sk_common.skc_rcv_saddr);
	bpf_probe_read_kernel(to, sizeof(to), &sk->__sk_common.skc_v6_daddr);
	bpf_probe_read_kernel(from, sizeof(from), &sk->__sk_common.skc_v6_rcv_saddr);
	return loopback6((__u32 *)to) || (to[0] == from[0] && to[1] == from[1]);
}

static __always_inline struct sock *unix_peer(struct sock *sk)
{
	struct sock *peer;

	if (!bpf_core_type_exists(struct unix_sock))
		return NULL;
	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	return peer ? CAST(sock, peer) : NULL;
}

static __always_inline bool unix_named(struct sock *sk)
{
	return bpf_core_type_exists(struct unix_sock) &&
	       BPF_CORE_READ((struct unix_sock *)sk, addr) != NULL;
}

/* The process at the other end when the two were connected, as a task; 0 when it is gone. */
static __always_inline __u64 unix_peer_task(struct sock *sk)
{
	struct pid *pid = GET(sk, sk_peer_pid);
	void *node = pid ? BPF_CORE_READ(pid, tasks[1].first) : NULL;

	return node ? (__u64)node - bpf_core_field_offset(struct task_struct, pid_links[1]) : 0;
}

#endif
