// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hand-overs over channels, seen when the system call returns. The edge is made as early as can be:
 * where two ends are joined (connect, accept, open), which comes before the first message; then
 * with each message, in both directions. Called by the dispatcher in syscalls.bpf.c, or by the
 * program that it called first. */
#include <asm-generic/errno-base.h>

#include "bpf/channel_memory.h"
#include "bpf/channel_object.h"
#include "bpf/network.h"
#include "bpf/parts.h"
#include "bpf/privilege.h"
#include "bpf/unix_name.h"

#define EINPROGRESS 115

enum channel_flow {
	FLOW_NONE,
	FLOW_MOVE,     /* takes from one descriptor, puts into another */
	FLOW_MESSAGE,  /* takes, maybe descriptors too */
	FLOW_DATAGRAM, /* puts, maybe to an address */
	FLOW_OPEN,
	FLOW_CONNECT,
	FLOW_BIND,
	FLOW_LISTEN,
	FLOW_ACCEPT,
	FLOW_MAP,
	FLOW_SEGMENT,
	FLOW_QUEUE,
	FLOW_MESSAGES,
	FLOW_SEMAPHORES,
	FLOW_WATCH,
	FLOW_SUBMIT
};

struct channel_row {
	__u8 flow, from, to;
};

static const struct channel_row channel_rows[SYSCALLS_MAX] = {
#define CHANNEL(name, flow, from, to) [__NR_##name] = { FLOW_##flow, from, to },
#include "tables/channels.tbl"
#undef CHANNEL
};

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

/* Global functions: the verifier reads them once a program, not once a use. */
__noinline int use_put(struct call_entry *call, __u64 at, __u64 bytes)
{
	struct file *file = CAST(file, (void *)at);
	struct channel_use u = { .bytes = bytes };
	__u64 changes = label_changes;

	if (!call || !channel_of(file, true, &u))
		return 0;
	use_made(call, at);
	channel_put(call, &u);
	memo_keep(file, true, changes);
	return 0;
}

static __always_inline bool is_unix_datagram(struct sock *sk)
{
	return GET(sk, __sk_common.skc_family) == AF_UNIX && GET(sk, sk_type) == SOCK_DGRAM;
}

/* Takes what came by name, and by names that nobody is known to have bound. */
static __always_inline void take_datagram(struct call_entry *call, struct sock *sk,
					  struct channel_use *u)
{
	u->inode = 0;
	u->key.space = CHANNEL_NAME;
	u->key.owner = call->run;
	u->key.object = unix_name_of(sk);
	if (u->key.object)
		channel_take(call, u);
	u->key.object = UNIX_NAME_ANY;
	channel_take(call, u);
}

/* edge: 0 for what the channel's own is. */
__noinline int use_take(struct call_entry *call, __u64 at, __u32 edge)
{
	struct file *file = CAST(file, (void *)at);
	struct channel_use u = {};
	__u64 changes = label_changes;
	struct sock *sk;

	if (!call || !channel_of(file, false, &u))
		return 0;
	use_made(call, at);
	if (edge)
		u.edge = edge;
	channel_take(call, &u);
	memo_keep(file, false, changes);
	if (u.key.space == CHANNEL_UDP) {
		u.key.space = CHANNEL_EARLY_UDP;
		channel_take(call, &u);
	}
	if (u.key.space != CHANNEL_UNIX)
		return 0;
	sk = socket_sock(file);
	if (sk && is_unix_datagram(sk))
		take_datagram(call, sk, &u);
	return 0;
}

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
	if (u.key.space && !channel_take(s->call, &u))
		channel_await(s->call, &u);
}

/* The process at the other end of a unix socket, as it is now. */
static __always_inline void take_from_peer(const struct channel_step *s, struct channel_use *u,
					   struct sock *sk)
{
	__u64 at = unix_peer_task(sk);
	struct task_struct *peer = CAST(task_struct, (void *)at);
	struct call_entry *other;

	if (!at)
		return;
	other = call_of_task(peer);
	if (!other || other->run != s->call->run)
		return;
	channel_give(s->call, bpf_get_current_task(), u, process_sender(other, peer),
		     other->parent);
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
		return take_from_peer(s, &u, sk);
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
			take_from_peer(s, &u, sk);
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
	u.flags |= CHANNEL_FRESH;
	channel_put(s->call, &u);
}

static __always_inline __u64 ipc_number(void)
{
	struct task_struct *task = current_task();

	return GET(task, nsproxy, ipc_ns, ns.inum);
}

static __always_inline void flow_ids(const struct channel_step *s, __u32 space)
{
	struct channel_use u = { .edge = EDGE_QUEUE };

	u.key.space = space;
	u.key.owner = ipc_number();
	if (s->row->from != NO_ARGUMENT) {
		u.key.object = syscall_argument(s->regs, s->row->from);
		channel_take(s->call, &u);
	}
	if (s->row->to != NO_ARGUMENT) {
		u.key.object = syscall_argument(s->regs, s->row->to);
		channel_put(s->call, &u);
	}
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
	if (file && channel_of(file, false, &u))
		bpf_map_delete_elem(&channels, &u.key);
}

#define SUBMITS_MAX 64 /* of one io_submit(2) */

/* include/uapi/linux/aio_abi.h */
struct control_block {
	__u64 data, key;
	__u16 operation, priority;
	__s32 fd;
};

/* Whatever is asked for, and may be done later: the descriptor is both taken from and put into. */
static __always_inline void flow_submit(const struct channel_step *s)
{
	struct control_block block = {};
	__u64 at = 0, file, blocks = syscall_argument(s->regs, 2);

	for (__s64 i = 0; i < SUBMITS_MAX && i < s->result; i++) {
		bpf_probe_read_user(&at, sizeof(at), (void *)blocks + i * sizeof(at));
		bpf_probe_read_user(&block, sizeof(block), (void *)at);
		file = file_address(s->task, block.fd);
		if (!file)
			continue;
		use_take(s->call, file, 0);
		use_put(s->call, file, 0);
	}
}

static __always_inline void flow_queue(const struct channel_step *s)
{
	bool put = s->row->from == NO_ARGUMENT;
	struct file *file = step_file(s, put ? s->row->to : s->row->from);
	struct channel_use u = { .edge = EDGE_QUEUE };

	if (!file)
		return;
	channel_node(&u, GET(file, f_inode));
	u.file = (__u64)file;
	if (put)
		channel_put(s->call, &u);
	else
		channel_take(s->call, &u);
}

/* What is moved from or to: no channel, or one with which this did nothing before, and nothing has
 * changed since. */
static __always_inline bool side_quiet(const struct channel_step *s, __u8 argument, bool put)
{
	struct file *file = argument == NO_ARGUMENT ? NULL : step_file(s, argument);
	struct inode *inode;
	__u32 type;

	if (!file)
		return true;
	inode = GET(file, f_inode);
	type = GET(inode, i_mode) & S_IFMT;
	if (type == S_IFCHR)
		return !is_terminal(inode);
	if (type != S_IFIFO && type != S_IFSOCK)
		return !noticing || GET(inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC;
	return memo_holds(memo_object(inode), put);
}

static __always_inline void flow_move(const struct channel_step *s, __u32 edge)
{
	__u64 file;

	if (s->row->from != NO_ARGUMENT) {
		file = step_address(s, s->row->from);
		if (file)
			use_take(s->call, file, edge);
	}
	if (s->row->to != NO_ARGUMENT) {
		file = step_address(s, s->row->to);
		if (file)
			use_put(s->call, file, s->result);
	}
}

/* The three by which things are moved all the time. Returns whether there is something to do. */
static __always_inline bool move_matters(const struct channel_step *s, __u32 *edge)
{
	bool quiet;

	if (s->row->flow > FLOW_DATAGRAM)
		return true;
	if (s->row->flow == FLOW_MESSAGE)
		*edge = message_edge(s);
	quiet = side_quiet(s, s->row->from, false) && side_quiet(s, s->row->to, true);
	return *edge || !quiet || (s->row->flow == FLOW_DATAGRAM && datagram_addressed(s));
}

SEC("tp_btf/sys_exit")
int weir_channel(__u64 *ctx)
{
	struct channel_step s = { .regs = (struct pt_regs *)ctx[0], .result = ctx[1] };
	__u64 nr = syscall_number(s.regs);
	__u32 edge = 0;

	if (nr >= SYSCALLS_MAX)
		return 0;
	barrier_var(nr);
	s.row = &channel_rows[nr & (SYSCALLS_MAX - 1)];
	s.task = current_task();
	if (s.result < 0 && s.result > -4096 &&
	    !(s.row->flow == FLOW_CONNECT && s.result == -EINPROGRESS))
		return 0;
	if (!move_matters(&s, &edge))
		return 0;
	s.call = acting_call();
	if (!s.call)
		return 0;
	switch (s.row->flow) {
	case FLOW_MOVE:
	case FLOW_MESSAGE:
		flow_move(&s, edge);
		break;
	case FLOW_DATAGRAM:
		flow_move(&s, 0);
		flow_datagram(&s);
		break;
	case FLOW_OPEN:
		flow_open(&s);
		break;
	case FLOW_CONNECT:
		flow_connect(&s);
		break;
	case FLOW_BIND:
		flow_bind(&s);
		break;
	case FLOW_LISTEN:
		flow_listen(&s);
		break;
	case FLOW_ACCEPT:
		flow_accept(&s);
		break;
	case FLOW_MAP:
		flow_map(&s);
		break;
	case FLOW_SEGMENT:
		flow_segment(&s);
		break;
	case FLOW_QUEUE:
		flow_queue(&s);
		break;
	case FLOW_MESSAGES:
		flow_ids(&s, CHANNEL_MESSAGES);
		break;
	case FLOW_SEMAPHORES:
		flow_ids(&s, CHANNEL_SEMAPHORES);
		break;
	case FLOW_WATCH:
		flow_watch(&s);
		break;
	case FLOW_SUBMIT:
		flow_submit(&s);
		break;
	default:
		break;
	}
	return 0;
}
