// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Privileged operations, whether they succeed, fail, or are refused by seccomp before they begin
 * (sys_exit shows number and result all the same); and signals that leave their call. */
#include <asm-generic/errno-base.h>
#include <linux/sched.h>

#include "bpf/channel.h"
#include "bpf/descriptor.h"
#include "bpf/privilege.h"
#include "bpf/registers.h"

#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define ARGUMENT_IS_TEXT 8 /* in the row's place of a directory: a word, not a path */

/* clone(2) is only of interest with a new namespace. clone3's flags are in user memory. */
static __always_inline bool clone_plain(struct pt_regs *regs, __s64 result, bool *claimed)
{
	__u64 nr = syscall_number(regs), flags = syscall_argument(regs, 0);

	if (nr != __NR_clone && nr != __NR_clone3)
		return false;
	if (result == 0) /* the child's return from the parent's call */
		return true;
	if (nr == __NR_clone3) {
		*claimed = true;
		bpf_probe_read_user(&flags, sizeof(flags), (void *)flags);
	}
	return !(flags & NAMESPACE_FLAGS);
}

static __always_inline __u32 privilege_target(struct privilege_room *room, struct pt_regs *regs,
					      const struct syscall_row *row)
{
	struct file_room *paths = file_room();
	__u64 pointer = syscall_argument(regs, row->path), size;
	long n;

	if (row->path == NO_ARGUMENT || !pointer || !paths)
		return 0;
	room->e.h.flags |= EVENT_CLAIMED;
	if (row->dir == ARGUMENT_IS_TEXT) {
		n = bpf_probe_read_user_str(room->text, EVENT_PATH_MAX, (void *)pointer);
		return n > 0 ? n - 1 : 0;
	}
	size = path_claimed(0, AT_FDCWD, pointer);
	barrier_var(size);
	if (size > EVENT_PATH_MAX)
		return 0;
	bpf_probe_read_kernel(room->text, size, paths->text);
	return size;
}

SEC("tp_btf/sys_exit")
int weir_privilege(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	const struct syscall_row *row = syscall_row(regs);
	struct call_entry *call = acting_call();
	struct privilege_room *room = privilege_room();
	__s64 result = ctx[1];
	bool claimed = false;
	__u64 size;

	if (!row || !call || !room || clone_plain(regs, result, &claimed))
		return 0;
	if (row->op == PRIVILEGE_PERSONALITY && (__u32)syscall_argument(regs, 0) == 0xffffffff)
		return 0; /* a question */
	privilege_event(room, call, current_task(), row->op, result);
	room->e.syscall = syscall_number(regs);
	room->e.arguments[0] = syscall_argument(regs, 0);
	room->e.arguments[1] = syscall_argument(regs, 1);
	room->e.arguments[2] = syscall_argument(regs, 2);
	if (claimed)
		room->e.h.flags |= EVENT_CLAIMED;
	if (row->value != NO_ARGUMENT)
		room->e.target_pid = syscall_argument(regs, row->value);
	size = privilege_target(room, regs, row);
	room->e.target_size = size;
	privilege_send(room, call, size);
	return 0;
}

/* include/linux/sched/signal.h: the two words below it stand for signals of the kernel's own */
#define SEND_SIG_PRIV 1
#define SI_USER 0
#define SI_QUEUE -1
#define SI_MESGQ -3
#define SI_TKILL -6
#define SIGNAL_IGNORED 1 /* include/trace/events/signal.h: TRACE_SIGNAL_IGNORED */

/* Did the current process ask for this signal in so many words? It may give it any negative code;
 * of those, timers and descriptors have theirs at any time, whoever runs then. */
static __always_inline bool signal_meant(int code)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 nr;

	if (code == SI_USER || code == SI_QUEUE || code == SI_TKILL)
		return true;
	if (code >= 0)
		return false;
	nr = syscall_number((struct pt_regs *)bpf_task_pt_regs(task));
	return nr == __NR_rt_sigqueueinfo || nr == __NR_rt_tgsigqueueinfo ||
	       nr == __NR_pidfd_send_signal || (code == SI_MESGQ && nr == __NR_mq_timedsend);
}

/* The target goes on as the sender wanted. */
static __always_inline void signal_given(struct call_entry *call, struct call_entry *other,
					 __u64 target)
{
	struct channel_use u = { .edge = EDGE_SIGNAL, .flags = CHANNEL_PRIVATE };

	if (other && other->run == call->run)
		channel_give(other, target, &u, process_sender(call, current_task()), call->parent);
}

SEC("raw_tp/signal_generate")
int weir_signal(struct bpf_raw_tracepoint_args *ctx)
{
	struct kernel_siginfo *info = (struct kernel_siginfo *)ctx->args[1];
	struct task_struct *target = (struct task_struct *)ctx->args[2];
	struct call_entry *call, *other;
	struct event_signal e = {};
	int code;

	if (ctx->args[1] <= SEND_SIG_PRIV)
		return 0;
	call = acting_call();
	if (!call)
		return 0;
	code = BPF_CORE_READ(info, si_code);
	if (!signal_meant(code))
		return 0;
	other = call_of_task(target);
	if (ctx->args[4] != SIGNAL_IGNORED)
		signal_given(call, other, ctx->args[2]);
	if (other == call)
		return 0;
	fill_header(&e.h, EVENT_SIGNAL, call, current_task());
	e.signal = ctx->args[0];
	e.target_pid = BPF_CORE_READ(target, tgid);
	e.target_call = other && other->run == call->run ? other->call : EVENT_NO_CALL;
	e.target_run = other ? other->run : 0;
	send_event(&ring_privilege, EVENT_CLASS_PRIVILEGE, call, &e.h, sizeof(e));
	return 0;
}

/* Signals that were refused; those that were sent came by weir_signal. The target is the number
 * that the process gave, in its own pid namespace. */
SEC("tp_btf/sys_exit")
int weir_kill(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	const struct syscall_row *row = syscall_row(regs);
	struct call_entry *call = acting_call();
	struct event_signal e = {};

	if (!row || !call || (__s64)ctx[1] != -EPERM)
		return 0;
	fill_header(&e.h, EVENT_SIGNAL, call, current_task());
	e.h.flags = EVENT_CLAIMED;
	e.signal = syscall_argument(regs, row->value);
	e.result = -EPERM;
	e.target_pid = syscall_argument(regs, 0);
	e.target_call = EVENT_NO_CALL;
	send_event(&ring_privilege, EVENT_CLASS_PRIVILEGE, call, &e.h, sizeof(e));
	return 0;
}
