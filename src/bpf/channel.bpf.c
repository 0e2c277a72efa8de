// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hand-overs over channels, seen when the system call returns. The edge is made as early as can be:
 * where two ends are joined (connect, accept, open), which comes before the first message; then
 * with each message, in both directions. Called by the dispatcher in syscalls.bpf.c, or by the
 * program that it called first; that of the relays comes before this one. */
#include <asm-generic/errno-base.h>

#include "bpf/channel_join.h"
#include "bpf/channel_message.h"

#define EINPROGRESS 115

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
		use_take(s->call, file, 0, 1);
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
			use_take(s->call, file, edge,
				 syscall_number(s->regs) == __NR_recvmmsg ? s->result : 1);
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
	__u32 edge = 0;

	s.row = channel_row(s.regs);
	if (!s.row)
		return 0;
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
