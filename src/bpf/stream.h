/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: what a descriptor leads to, as struct event_stream says it, and in one number.
 */
#ifndef WEIR_BPF_STREAM_H
#define WEIR_BPF_STREAM_H

#include "bpf/channel_object.h"
#include "bpf/flow.h"

#define ACCEPTED_MAX 16384

/* Connections that were accepted from a listener, by event_stream.object. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ACCEPTED_MAX);
	__type(key, __u64);
	__type(value, __u8);
} accepted SEC(".maps");

static __always_inline void stream_pipe(struct inode *inode, struct event_stream *s)
{
	struct super_block *of = GET(inode, i_sb);

	s->kind = STREAM_PIPE;
	s->object = GET(inode, i_ino);
	if (GET(of, s_magic) != PIPEFS_MAGIC)
		s->peer = GET(of, s_dev);
}

/* Both ends of a pair are known by the slave's number, which is unique in its devpts. */
static __always_inline void stream_terminal(struct file *file, struct inode *inode,
					    struct event_stream *s)
{
	struct tty_file_private *of = CAST(tty_file_private, GET(file, private_data));
	struct tty_struct *tty = GET(of, tty);
	struct dentry *slave;

	if (!tty)
		return;
	s->kind = STREAM_TERMINAL;
	s->object = GET(inode, i_rdev);
	if (!GET(tty, link)) /* no pair: a console */
		return;
	s->object = GET(tty, index);
	s->accepted = GET(inode, i_rdev) == DEVICE_PTMX;
	if (s->accepted)
		tty = GET(tty, link);
	slave = CAST(dentry, GET(tty, driver_data));
	s->object |= (__u64)GET(slave, d_sb, s_dev) << 32;
}

static __always_inline void stream_unix(struct sock *sk, struct event_stream *s)
{
	struct sock *peer = unix_peer(sk);

	s->kind = STREAM_UNIX;
	s->object = socket_inode(sk);
	s->peer = peer ? socket_inode(peer) : 0;
	s->accepted = unix_named(sk) || (peer && unix_named(peer));
}

static __always_inline __u64 inet_object(struct sock *sk)
{
	return GET(sk, __sk_common.skc_cookie.counter) ?: socket_inode(sk) | STREAM_BY_INODE;
}

static __always_inline void stream_inet(struct sock *sk, struct event_stream *s)
{
	s->kind = STREAM_INET;
	s->object = inet_object(sk);
	s->port = bpf_ntohs(GET(sk, __sk_common.skc_dport));
	s->own_port = GET(sk, __sk_common.skc_num);
	if (GET(sk, __sk_common.skc_family) == AF_INET)
		address_from4(s->address, GET(sk, __sk_common.skc_daddr));
	else
		bpf_probe_read_kernel(s->address, sizeof(s->address),
				      &sk->__sk_common.skc_v6_daddr);
}

static __always_inline void stream_socket(struct file *file, struct event_stream *s)
{
	struct sock *sk = socket_sock(file);
	__u16 family = sk ? GET(sk, __sk_common.skc_family) : 0;

	if (family == AF_UNIX)
		stream_unix(sk, s);
	else if (family == AF_INET || family == AF_INET6)
		stream_inet(sk, s);
}

/* The open file at this address, 0 for none. A global function: the verifier reads it once a
 * program, not once a use. */
__noinline int stream_of(__u64 at, struct event_stream *s)
{
	struct file *file = CAST(file, (void *)at);
	struct inode *inode;
	__u64 object;

	if (!s)
		return 0;
	__builtin_memset(s, 0, sizeof(*s));
	if (!at)
		return 0;
	inode = GET(file, f_inode);
	s->kind = STREAM_FILE;
	switch (GET(inode, i_mode) & S_IFMT) {
	case S_IFIFO:
		stream_pipe(inode, s);
		break;
	case S_IFSOCK:
		stream_socket(file, s);
		object = s->object;
		if (s->kind == STREAM_INET)
			s->accepted = bpf_map_lookup_elem(&accepted, &object) != NULL;
		break;
	case S_IFCHR:
		if (is_terminal(inode))
			stream_terminal(file, inode, s);
		break;
	default:
		break;
	}
	return 0;
}

/* A stream as it is told apart from others, as cheaply as can be: what is put into one end of a
 * pair comes out at the other, and both are the same stream. */
struct stream_key {
	__u64 id;  /* 0: it is none */
	__u64 end; /* which of the two */
};

#define STREAM_ID(kind, object) ((__u64)(kind) << 60 ^ (object))

static __always_inline void socket_key(struct file *file, struct stream_key *key)
{
	struct sock *sk = socket_sock(file);
	__u16 family = sk ? GET(sk, __sk_common.skc_family) : 0;
	struct sock *peer;
	__u64 other;

	if (family == AF_UNIX) {
		key->end = socket_inode(sk);
		peer = unix_peer(sk);
		other = peer ? socket_inode(peer) : 0;
		key->id = STREAM_ID(STREAM_UNIX, other && other < key->end ? other : key->end);
	} else if (family == AF_INET || family == AF_INET6) {
		key->id = STREAM_ID(STREAM_INET, inet_object(sk));
	}
}

static __always_inline void stream_key(struct file *file, struct stream_key *key)
{
	struct inode *inode = GET(file, f_inode);
	struct event_stream s = {};

	switch (GET(inode, i_mode) & S_IFMT) {
	case S_IFIFO:
		key->id = STREAM_ID(STREAM_PIPE, memo_object(inode));
		break;
	case S_IFSOCK:
		socket_key(file, key);
		break;
	case S_IFCHR:
		if (is_terminal(inode))
			stream_terminal(file, inode, &s);
		key->id = s.object ? STREAM_ID(STREAM_TERMINAL, s.object) : 0;
		break;
	default:
		break;
	}
}

#endif
