// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes: fork, exec and exit of the tasks of a call. What an exec says comes from the new
 * program's file, task and memory after the kernel has built them and before the program runs. */
#include "bpf/file.h"
#include "bpf/identity.h"
#include "bpf/label.h"
#include "bpf/link.h"
#include "bpf/path.h"
#include "bpf/stream.h"
#include "bpf/writer.h"
#include "bpf/watch.h"

#define EXEC_NAME_MAX 512
#define EXEC_TEXT_MAX (2 * EVENT_PATH_MAX + EXEC_NAME_MAX + EVENT_ARGV_MAX)

struct exec_room {
	struct event_exec e;
	char text[EXEC_TEXT_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_room);
} exec_rooms SEC(".maps");

/* Processes whose end has been told while they still had several threads. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct process_key);
	__type(value, __u8);
} exits SEC(".maps");

SEC("raw_tp/sched_process_fork")
int weir_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx->args[0];
	struct task_struct *child = (struct task_struct *)ctx->args[1];
	struct call_entry *call, *from;
	struct event_fork e = {};

	if (!call_level && !watch.runs)
		return 0;
	e.child_pid = BPF_CORE_READ(child, tgid);
	if (e.child_pid != BPF_CORE_READ(child, pid)) /* a thread */
		return 0;
	watch_forked(parent, child, e.child_pid);
	call = call_of_task(child);
	if (!call)
		return 0;
	from = call_of_task(parent);
	if (!call->begun && from == call && !(BPF_CORE_READ(parent, flags) & PF_FORKNOEXEC))
		call_begin(call);
	if (from == call)
		label_inherit(call, child, parent);
	else if (!call->first)
		call->first = e.child_pid;
	fill_header(&e.h, EVENT_FORK, call, parent);
	e.child_start_ns = BPF_CORE_READ(child, start_boottime);
	e.child_pid_inside = pid_inside(CAST(task_struct, child));
	send_event(&ring_process, EVENT_CLASS_PROCESS, call, &e.h, sizeof(e));
	return 0;
}

/* "memfd:", as mm/memfd.c names the dentry of an anonymous file */
static __always_inline bool named_memfd(struct dentry *dentry)
{
	char name[6] = {};

	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' &&
	       name[4] == 'd' && name[5] == ':';
}

#define FMODE_EXEC 0x20 /* include/linux/fs.h; among the flags of a file opened to be executed */
#define LATE_CLOSES 8

static __always_inline __u32 exec_take(struct call_entry *call, struct file *file)
{
	struct found_file found = {};

	file_find(&found, file);
	return file_taken(call, &found, EDGE_EXECUTED);
}

/* The process takes over what it executes. By now bprm->file is the interpreter of a script; the
 * script has been let go of, as the dynamic loader has, and waits among the works that the task
 * does on its way back to user space (fs/file_table.c, fput), the first script behind those it
 * named as interpreters. Returns the call that wrote the script, or else the program, last. */
static __always_inline __u32 exec_taken(struct call_entry *call, struct linux_binprm *bprm,
					struct task_struct *task)
{
	__u32 writer = exec_take(call, CAST(file, BPF_CORE_READ(bprm, file)));
	bool script = BPF_CORE_READ(bprm, filename) != BPF_CORE_READ(bprm, interp);
	struct callback_head *work = BPF_CORE_READ(task, task_works);
	__u32 offset;

	if (bpf_core_field_exists(struct file, f_task_work))
		offset = bpf_core_field_offset(struct file, f_task_work);
	else if (bpf_core_field_exists(struct file___before, f_rcuhead))
		offset = bpf_core_field_offset(struct file___before, f_rcuhead);
	else
		return script ? EVENT_NO_CALL : writer;
	for (int i = 0; i < LATE_CLOSES && work; i++) {
		struct file *file = CAST(file, (void *)work - offset);

		if ((GET(file, f_flags) & FMODE_EXEC) &&
		    FILE_IS_REGULAR(GET(file, f_inode, i_mode))) {
			__u32 late = exec_take(call, file);

			writer = script ? late : writer;
		}
		work = BPF_CORE_READ(work, next);
	}
	return writer;
}

/* Through which links did the path lead? */
static __always_inline void exec_link_taken(struct call_entry *call, struct linux_binprm *bprm)
{
	struct file_room *room = file_room();

	if (room && bpf_probe_read_kernel_str(room->name, EVENT_PATH_MAX,
					      BPF_CORE_READ(bprm, filename)) > 1)
		link_taken(call, AT_FDCWD, EDGE_EXECUTED);
}

static __always_inline void exec_file(struct event_exec *e, struct linux_binprm *bprm,
				      struct task_struct *task, int old_pid)
{
	struct inode *inode = CAST(inode, BPF_CORE_READ(bprm, file, f_inode));
	struct file_id id = {};

	file_identify(inode, &id);
	e->inode = id.inode;
	e->device = id.device;
	e->mode = BPF_CORE_READ(inode, i_mode);
	for (int i = 0; i < 3; i++)
		stream_of(file_address(current_task(), i), &e->streams[i]);
	e->exec_flags = 0;
	if (BPF_CORE_READ(inode, i_nlink) == 0)
		e->exec_flags |= named_memfd(BPF_CORE_READ(bprm, file, f_path.dentry))
					 ? EXEC_MEMFD
					 : EXEC_DELETED;
	if (BPF_CORE_READ(bprm, filename) != BPF_CORE_READ(bprm, interp))
		e->exec_flags |= EXEC_SCRIPT;
	if (old_pid != BPF_CORE_READ(task, tgid))
		e->exec_flags |= EXEC_FROM_THREAD;
	BPF_CORE_READ_INTO(&e->comm, task, comm);
}

/* Adds up the strings' sizes; the barrier keeps one register for every check of the sum. */
#define USED(n)                  \
	({                       \
		__u64 n_ = (n);  \
		barrier_var(n_); \
		n_;              \
	})

static __always_inline __u32 exec_path(struct exec_room *room, __u64 used, struct path *path)
{
	if (used > 2 * EVENT_PATH_MAX + EXEC_NAME_MAX)
		return 0;
	return path_of(&room->e.h, room->text + used, BPF_CORE_READ(path, mnt),
		       BPF_CORE_READ(path, dentry));
}

static __always_inline __u32 exec_filename(struct exec_room *room, __u64 used,
					   struct linux_binprm *bprm)
{
	long n;

	if (used > EVENT_PATH_MAX)
		return 0;
	n = bpf_probe_read_kernel_str(room->text + used, EXEC_NAME_MAX,
				      BPF_CORE_READ(bprm, filename));
	if (n == EXEC_NAME_MAX)
		room->e.h.flags |= EVENT_TRUNCATED;
	return n > 0 ? n - 1 : 0;
}

static __always_inline __u32 exec_argv(struct exec_room *room, __u64 used, struct task_struct *task)
{
	unsigned long from = BPF_CORE_READ(task, mm, arg_start);
	unsigned long to = BPF_CORE_READ(task, mm, arg_end);
	unsigned long size = to - from;

	if (used > 2 * EVENT_PATH_MAX + EXEC_NAME_MAX || to <= from)
		return 0;
	if (size > EVENT_ARGV_MAX) {
		size = EVENT_ARGV_MAX;
		room->e.h.flags |= EVENT_TRUNCATED;
	}
	if (bpf_probe_read_user(room->text + used, size, (void *)from))
		return 0;
	return size;
}

SEC("raw_tp/sched_process_exec")
int weir_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	struct linux_binprm *bprm = (struct linux_binprm *)ctx->args[2];
	struct call_entry *call = call_of_current();
	__u32 zero = 0;
	__u64 used;
	struct exec_room *room;
	struct fs_struct *fs;

	if (!call)
		return 0;
	room = bpf_map_lookup_elem(&exec_rooms, &zero);
	if (!room)
		return 0;
	if (!call->begun)
		call_begin(call);
	room->e.writer = exec_taken(call, bprm, task);
	if (links_made)
		exec_link_taken(call, bprm);
	fill_header(&room->e.h, EVENT_EXEC, call, task);
	exec_file(&room->e, bprm, task, ctx->args[1]);
	fs = BPF_CORE_READ(task, fs);
	room->e.exe_size = exec_path(room, 0, &BPF_CORE_READ(bprm, file)->f_path);
	used = USED(room->e.exe_size);
	room->e.filename_size = exec_filename(room, used, bprm);
	used = USED(used + room->e.filename_size);
	room->e.cwd_size = exec_path(room, used, &fs->pwd);
	used = USED(used + room->e.cwd_size);
	room->e.argv_size = exec_argv(room, used, task);
	used = USED(used + room->e.argv_size);
	if (used > EXEC_TEXT_MAX)
		return 0;
	send_event(&ring_process, EVENT_CLASS_PROCESS, call, &room->e.h, sizeof(room->e) + used);
	return 0;
}

/* The largest resident size there ever was: the mark is only updated now and then, so the present
 * size counts too. In bytes, pages being 4 KiB on the machines we build for. */
static __always_inline __u64 peak_bytes(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 peak = BPF_CORE_READ(mm, hiwater_rss);
	__s64 now = 0;

	if (!mm) /* before Linux 6.16 it is gone by now; this knows the largest of a vfork's parent
		    too */
		return BPF_CORE_READ(task, signal, maxrss) << 10;
	if (bpf_core_field_exists(mm->rss_stat[0].count)) /* file, anonymous, shared */
		now = BPF_CORE_READ(mm, rss_stat[0].count) + BPF_CORE_READ(mm, rss_stat[1].count) +
		      BPF_CORE_READ(mm, rss_stat[3].count);
	if (now > 0 && (__u64)now > peak)
		peak = now;
	return peak << 12;
}

/* Has the process ended with this thread? The tracepoint says so itself only since Linux 6.16. Two
 * last threads that leave at once both see no other alive; the first to come here tells. */
static __always_inline bool last_thread(struct task_struct *task)
{
	struct process_key key = {};
	__u8 one = 1;

	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return false;
	if (BPF_CORE_READ(task, signal, nr_threads) == 1)
		return true;
	key.pid = BPF_CORE_READ(task, tgid);
	key.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	return bpf_map_update_elem(&exits, &key, &one, BPF_NOEXIST) == 0;
}

#define SIGNAL_GROUP_EXIT 0x4 /* include/linux/sched/signal.h */

SEC("raw_tp/sched_process_exit")
int weir_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	struct call_entry *call = call_of_current();
	struct event_exit e = {};
	struct writing *w;
	int code;

	if (!call) {
		watch_orphaned(task);
		return 0;
	}
	w = bpf_task_storage_get(&writings, bpf_get_current_task_btf(), NULL, 0);
	if (w)
		writing_flush(w, call, task);
	if (!last_thread(task))
		return 0;
	code = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT
		       ? BPF_CORE_READ(task, signal, group_exit_code)
		       : BPF_CORE_READ(task, exit_code);
	fill_header(&e.h, EVENT_EXIT, call, task);
	e.signal = code & 0x7f;
	e.status = e.signal ? -1 : (code >> 8) & 0xff;
	e.cpu_usec = (BPF_CORE_READ(task, signal, sum_sched_runtime) +
		      BPF_CORE_READ(task, se.sum_exec_runtime)) /
		     1000;
	e.max_rss = peak_bytes(task);
	send_event(&ring_process, EVENT_CLASS_PROCESS, call, &e.h, sizeof(e));
	if (e.h.pid == call->first)
		call->left = e.h.label;
	if (is_watched(call))
		watch_exited(call, task, &e);
	label_forget(call, e.h.start_ns, e.h.pid);
	return 0;
}
