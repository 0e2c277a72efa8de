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

/* Is nothing in the pipe but what was put in just now, if that? */
static __always_inline bool pipe_alone(struct pipe_inode_info *pipe, __u64 bytes)
{
	__u32 tail = GET(pipe, tail), mask = GET(pipe, ring_size) - 1;
	struct pipe_buffer *buffer = GET(pipe, bufs);

	if (GET(pipe, head) == tail)
		return true;
	buffer = CAST(pipe_buffer,
		      (void *)buffer + (tail & mask) * bpf_core_type_size(struct pipe_buffer));
	return GET(pipe, head) - tail == 1 && GET(buffer, len) <= bytes;
}

static __always_inline void channel_pipe(struct channel_use *u, struct inode *inode)
{
	struct pipe_inode_info *pipe = GET(inode, i_pipe);

	channel_node(u, inode);
	u->edge = EDGE_PIPE;
	if (GET(inode, i_sb, s_magic) == PIPEFS_MAGIC)
		u->flags |= CHANNEL_PRIVATE;
	if (pipe_alone(pipe, u->bytes))
		u->flags |= CHANNEL_ALONE;
}

static __always_inline bool is_terminal(struct inode *inode)
{
	__u32 device = GET(inode, i_rdev);

	return device == DEVICE_TTY || device == DEVICE_PTMX ||
	       MAJOR(device) - UNIX98_PTY_SLAVE_MAJOR < UNIX98_PTY_MAJOR_COUNT;
}

static __always_inline bool channel_terminal(struct channel_use *u, struct file *file,
					     struct inode *inode, bool put)
{
	struct tty_file_private *of;
	struct tty_struct *tty;

	if (!is_terminal(inode))
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
	if (put && GET(to, sk_receive_queue.qlen) <= 1)
		u->flags |= CHANNEL_ALONE;
	return true;
}

static __always_inline void channel_port(struct channel_use *u, __u32 space, __u64 net, __u16 port,
					 __u16 other)
{
	u->key.object = (__u32)port << 16 | other;
	u->key.owner = net;
	u->key.space = space;
}

/* A connection or a datagram is on its way to this port: nothing is sent before this is known. Runs
 * where others of our programs may run in between, so it makes no labels. */
static __always_inline void channel_early(struct call_entry *call, __u16 protocol, __u64 net,
					  __u16 port)
{
	struct task_struct *task = current_task();
	struct channel_use u = {};
	struct channel *c, made = { .run = call->run };
	__u32 mine = label_of(call, GET(task, group_leader, start_boottime), GET(task, tgid));

	channel_port(&u, protocol == IPPROTO_TCP ? CHANNEL_EARLY_TCP : CHANNEL_EARLY_UDP, net, port,
		     0);
	made.sender = CHANNEL_SENDER(call->call, mine);
	made.sender_parent = call->parent;
	c = bpf_map_lookup_elem(&channels, &u.key);
	if (channel_is(c, &u, call->run) && c->sender == made.sender)
		return;
	bpf_map_update_elem(&channels, &u.key, &made, BPF_ANY);
	label_changed();
}

/* Loopback: everything that can talk within a run without leaving the machine. What leaves it is a
 * flow (flow.h). */
static __always_inline bool channel_inet(struct channel_use *u, struct sock *sk, bool put)
{
	__u16 here = GET(sk, __sk_common.skc_num),
	      there = bpf_ntohs(GET(sk, __sk_common.skc_dport));
	__u64 net = GET(sk, __sk_common.skc_net.net, net_cookie);

	if (there ? !socket_local(sk) : put)
		return false;
	if (GET(sk, sk_protocol) == IPPROTO_TCP) {
		channel_port(u, CHANNEL_TCP, net, put ? there : here, put ? here : there);
		return true;
	}
	if (GET(sk, sk_protocol) != IPPROTO_UDP)
		return false;
	channel_port(u, CHANNEL_UDP, net, put ? there : here, 0);
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

/* The descriptor of inotify(7), by the name that the kernel gives to such a file. */
static __always_inline bool channel_watch(struct channel_use *u, struct file *file,
					  struct inode *inode)
{
	char name[8] = {};

	if (GET(inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel(name, sizeof(name), GET(file, f_path.dentry, d_name.name));
	if (__builtin_bswap64(*(__u64 *)name) != 0x696e6f7469667900) /* "inotify" */
		return false;
	u->key.object = (__u64)GET(file, private_data);
	u->key.space = CHANNEL_WATCH;
	u->edge = EDGE_WATCH;
	return true;
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
		return !put && channel_watch(u, file, inode);
	}
}

#endif
