/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: which channel an open file is, seen from the end that takes or from the end
 * that puts in. */
#ifndef WEIR_BPF_CHANNEL_OBJECT_H
#define WEIR_BPF_CHANNEL_OBJECT_H

#include "bpf/channel.h"
#include "bpf/socket.h"

#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define PIPEFS_MAGIC 0x50495045
#define ANON_INODE_FS_MAGIC 0x09041934
#define FMODE_READ 0x1 /* include/linux/fs.h */
#define FMODE_WRITE 0x2
/* include/uapi/linux/major.h; a device number's last 20 bits are the minor */
#define MAJOR(device) ((device) >> 20)
#define DEVICE_TTY (5u << 20)
#define DEVICE_PTMX (5u << 20 | 2)
#define UNIX98_PTY_SLAVE_MAJOR 136
#define UNIX98_PTY_MAJOR_COUNT 8

static __always_inline void channel_node(struct channel_use *u, struct inode *inode)
{
	u->key.object = GET(inode, i_ino);
	u->key.owner = (__u64)GET(inode, i_sb, s_dev) << 32 | GET(inode, i_generation);
	u->key.space = CHANNEL_NODE;
}

static __always_inline void channel_pipe(struct channel_use *u, struct inode *inode)
{
	struct pipe_inode_info *pipe = GET(inode, i_pipe);

	channel_node(u, inode);
	u->edge = EDGE_PIPE;
	if (GET(inode, i_sb, s_magic) == PIPEFS_MAGIC)
		u->flags |= CHANNEL_PRIVATE;
	if (GET(pipe, head) == GET(pipe, tail))
		u->flags |= CHANNEL_DRAINED;
}

static __always_inline bool channel_terminal(struct channel_use *u, struct file *file,
					     struct inode *inode, bool put)
{
	__u32 device = GET(inode, i_rdev);
	struct tty_file_private *of;
	struct tty_struct *tty;

	if (device != DEVICE_TTY && device != DEVICE_PTMX &&
	    MAJOR(device) - UNIX98_PTY_SLAVE_MAJOR >= UNIX98_PTY_MAJOR_COUNT)
		return false;
	of = CAST(tty_file_private, GET(file, private_data));
	tty = GET(of, tty);
	if (put)
		tty = GET(tty, link);
	u->key.object = (__u64)tty;
	u->key.space = CHANNEL_TERMINAL;
	u->edge = EDGE_TERMINAL;
	u->flags |= CHANNEL_PRIVATE;
	return tty != NULL;
}

static __always_inline bool channel_unix(struct channel_use *u, struct sock *sk, bool put)
{
	struct sock *peer = unix_peer(sk), *to = put ? peer : sk;

	if (!to)
		return false;
	u->key.object = (__u64)to;
	u->key.space = CHANNEL_UNIX;
	u->inode = socket_inode(to);
	if (!unix_named(sk) && (!peer || !unix_named(peer)))
		u->flags |= CHANNEL_PRIVATE;
	if (!put && !GET(sk, sk_receive_queue.qlen))
		u->flags |= CHANNEL_DRAINED;
	return true;
}

static __always_inline void channel_port(struct channel_use *u, __u32 space, __u64 net, __u16 port,
					 __u16 other)
{
	u->key.object = (__u32)port << 16 | other;
	u->key.owner = net;
	u->key.space = space;
}

/* Loopback: everything that can talk within a run without leaving the machine. */
static __always_inline bool channel_inet(struct channel_use *u, struct sock *sk, bool put)
{
	__u16 here = GET(sk, __sk_common.skc_num),
	      there = bpf_ntohs(GET(sk, __sk_common.skc_dport));
	__u64 net = GET(sk, __sk_common.skc_net.net, net_cookie);
	struct udp_sock *udp;

	if (put && (!there || !socket_local(sk)))
		return false;
	if (GET(sk, sk_protocol) == IPPROTO_TCP) {
		channel_port(u, CHANNEL_TCP, net, put ? there : here, put ? here : there);
		return true;
	}
	if (GET(sk, sk_protocol) != IPPROTO_UDP)
		return false;
	channel_port(u, CHANNEL_UDP, net, put ? there : here, 0);
	udp = CAST(udp_sock, sk);
	if (!put && !GET(sk, sk_receive_queue.qlen) && !GET(udp, reader_queue.qlen))
		u->flags |= CHANNEL_DRAINED;
	return true;
}

static __always_inline bool channel_socket(struct channel_use *u, struct sock *sk, bool put)
{
	__u16 family = GET(sk, __sk_common.skc_family);

	u->edge = EDGE_SOCKET;
	if (family == AF_UNIX)
		return channel_unix(u, sk, put);
	return (family == AF_INET || family == AF_INET6) && channel_inet(u, sk, put);
}

/* Fills in which channel the file is for a process that takes from it (or puts into it); false when
 * it is none. */
static __always_inline bool channel_of(struct file *file, bool put, struct channel_use *u)
{
	struct inode *inode = GET(file, f_inode);
	struct sock *sk;

	if (!(GET(file, f_mode) & (put ? FMODE_WRITE : FMODE_READ)))
		return false;
	u->file = (__u64)file;
	switch (GET(inode, i_mode) & S_IFMT) {
	case S_IFIFO:
		channel_pipe(u, inode);
		return true;
	case S_IFSOCK:
		sk = socket_sock(file);
		return sk && channel_socket(u, sk, put);
	case S_IFCHR:
		return channel_terminal(u, file, inode, put);
	default:
		return false;
	}
}

#endif
