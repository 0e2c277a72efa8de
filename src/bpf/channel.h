/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: channels, which are all that can carry something from one process to another
 * and is no file's content: sockets, pipes, terminals, queues, memory, watches. A channel remembers
 * who put something into it last, as a call and a label; whoever takes from it takes that over.
 * What is put in while something is still in it adds to it, as a file that is changed and not
 * replaced keeps what it had.
 *
 * The last who took is remembered too: what is news to the channel is given to that process at
 * once, for it may read on another processor before the system call that writes returns. */
#ifndef WEIR_BPF_CHANNEL_H
#define WEIR_BPF_CHANNEL_H

#include "bpf/descriptor.h"
#include "bpf/label.h"

enum channel_space {
	CHANNEL_NODE = 1,  /* a pipe, FIFO or POSIX queue: by its inode */
	CHANNEL_UNIX,	   /* what a unix socket receives: by its address in the kernel */
	CHANNEL_NAME,	   /* datagrams to a unix name */
	CHANNEL_TCP,	   /* what a connection's end receives: by its ports */
	CHANNEL_UDP,	   /* what a port receives */
	CHANNEL_EARLY_TCP, /* the last to connect to a port, before anybody could accept */
	CHANNEL_EARLY_UDP, /* the last to send to a port, before anybody could receive */
	CHANNEL_LISTEN,	   /* who listens on a port */
	CHANNEL_TERMINAL,  /* what is read from a terminal or from its other end */
	CHANNEL_MESSAGES,  /* System V: by id */
	CHANNEL_SEMAPHORES,
	CHANNEL_SEGMENT,
	CHANNEL_MEMORY, /* a file that is mapped and shared: by its inode */
	CHANNEL_WATCH	/* an inotify descriptor */
};

struct channel_key {
	__u64 object, owner; /* owner: device, network or ipc namespace */
	__u32 space, reserved;
};

#define CHANNEL_SENDER(call, label) (((__u64)(call) + 1) << 32 | (label))
#define SENDER_CALL(sender) ((__u32)(((sender) >> 32) - 1))
#define SENDER_LABEL(sender) ((__u32)(sender))

struct channel {
	__u64 run;
	__u64 sender; /* CHANNEL_SENDER(), 0 nobody */
	__u64 inode;  /* of the socket that receives; addresses in the kernel come again */
	__u64 taken;  /* the sender as the taker knows it */
	__u64 taker, taker_start_ns; /* task; both must fit, for tasks come again too */
	__u32 taker_pid, taker_call;
	__u32 sender_parent; /* the call that started the sender's call */
	__u64 taken_ns;	     /* when it took, on the clock of task_struct.start_boottime */
	__u32 puts, takes;   /* of datagrams */
	__u32 reserved;
};

/* Where there is no room for all, those that were not used for long make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CHANNELS_MAX);
	__type(key, struct channel_key);
	__type(value, struct channel);
} channels SEC(".maps");

enum channel_flag {
	CHANNEL_FRESH =
		1 << 0, /* the channel was made just now: what is known of it is another's */
	CHANNEL_PRIVATE = 1 << 1, /* it has no name: both ends were inherited or passed on */
	CHANNEL_ALONE = 1 << 2,	  /* nothing is in it but what is put in now */
	CHANNEL_ANEW = 1 << 3,	  /* what was taken before is taken in another way now */
	CHANNEL_OPENED = 1 << 4	  /* nothing has come out of it yet */
};

/* What a thread did with a channel to no effect, and when: as long as nothing has changed since,
 * doing it again has none. */
struct channel_memo {
	__u64 object, changes;
};

#define CHANNEL_MEMOS 4

struct channel_memos {
	struct channel_memo of[CHANNEL_MEMOS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct channel_memos);
} channel_memos SEC(".maps");

/* Of a pipe or a socket: terminals share an inode. */
static __always_inline __u64 memo_object(struct inode *inode)
{
	return GET(inode, i_ino) ^ (__u64)GET(inode, i_sb, s_dev) << 40;
}

static __always_inline __u32 memo_slot(__u64 object, bool put)
{
	return (object & 1) << 1 | put;
}

static __always_inline bool memo_holds(__u64 object, bool put)
{
	struct channel_memos *memos =
		bpf_task_storage_get(&channel_memos, bpf_get_current_task_btf(), NULL, 0);
	__u32 slot = memo_slot(object, put);

	return memos && memos->of[slot & (CHANNEL_MEMOS - 1)].object == object &&
	       memos->of[slot & (CHANNEL_MEMOS - 1)].changes == label_changes;
}

static __always_inline void memo_keep(struct file *file, bool put, __u64 changes)
{
	struct inode *inode = GET(file, f_inode);
	__u64 object = memo_object(inode);
	struct channel_memos *memos = bpf_task_storage_get(
		&channel_memos, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 slot = memo_slot(object, put);

	if (!memos)
		return;
	memos->of[slot & (CHANNEL_MEMOS - 1)].object = object;
	memos->of[slot & (CHANNEL_MEMOS - 1)].changes = changes;
}

/* A channel as one system call uses it. */
struct channel_use {
	struct channel_key key;
	__u64 inode, file; /* see struct channel; struct file, 0 none */
	__u64 bytes;	   /* that were put in */
	__u32 edge, flags; /* enum edge_kind, enum channel_flag */
};

/* The current process, by its first thread. */
static __always_inline struct task_struct *group_leader(void)
{
	struct task_struct *task = current_task();

	task = GET(task, group_leader);
	return CAST(task_struct, task);
}

static __always_inline bool channel_is(const struct channel *c, const struct channel_use *u,
				       __u64 run)
{
	return c && c->run == run && (!u->inode || !c->inode || c->inode == u->inode);
}

/* What an agent and the calls that it started tell each other through what they inherit is told by
 * that relation. */
static __always_inline bool channel_kin(const struct channel_use *u, const struct call_entry *a,
					__u32 b, __u32 parent_of_b)
{
	return (u->flags & CHANNEL_PRIVATE) && a->call != b &&
	       (a->parent == b || parent_of_b == a->call);
}

static __always_inline void channel_text(const struct channel_use *u, struct taking *t)
{
	struct handover_room *room = handover_room();
	struct file *file = CAST(file, (void *)u->file);

	if (room && u->file)
		t->text_size = path_of(&room->e.h, room->text, GET(file, f_path.mnt),
				       GET(file, f_path.dentry));
}

/* A task of this call takes over what the sender put into the channel. A global function: the
 * verifier reads it once a program, not once a use. */
__noinline int channel_give(struct call_entry *call, __u64 task, const struct channel_use *u,
			    __u64 sender, __u32 parent)
{
	struct task_struct *of = CAST(task_struct, (void *)task);
	struct taking t = {};

	if (!call || !u)
		return 0;
	t.from = SENDER_CALL(sender);
	t.with = SENDER_LABEL(sender);
	t.edge = u->edge;
	if (channel_kin(u, call, t.from, parent))
		return 0;
	if (!label_news(call, label_of(call, GET(of, group_leader, start_boottime), GET(of, tgid)),
			&t))
		return 0;
	channel_text(u, &t);
	label_take(call, task, &t);
	return 0;
}

#define CHILDREN_MAX 8		 /* of one taker */
#define CHILDREN_NS 100000000ull /* no call that writes takes longer to return */

/* What a process has started since it took: it may do what it should have been told of before. */
static __always_inline void channel_push_children(const struct channel *c,
						  const struct channel_use *u)
{
	__u64 offset = bpf_core_field_offset(struct task_struct, sibling), node = 0;
	__u64 prev = bpf_core_field_offset(struct list_head, prev);
	__u64 head = c->taker + bpf_core_field_offset(struct task_struct, children);
	__u64 since = bpf_ktime_get_boot_ns() - CHILDREN_NS;

	if (since < c->taken_ns)
		since = c->taken_ns;
	bpf_probe_read_kernel(&node, sizeof(node), (void *)head + prev); /* the newest */
	for (int i = 0; i < CHILDREN_MAX && node && node != head; i++) {
		struct task_struct *child = CAST(task_struct, (void *)(node - offset));
		struct call_entry *call;

		if (GET(child, start_boottime) < since)
			return;
		call = call_of_task(child);
		if (call && call->run == c->run)
			channel_give(call, node - offset, u, c->sender, c->sender_parent);
		bpf_probe_read_kernel(&node, sizeof(node), (void *)node + prev);
	}
}

/* Tells the last who took from the channel of what is new in it. */
static __always_inline void channel_push(struct call_entry *call, struct channel *c,
					 const struct channel_use *u)
{
	struct task_struct *taker = CAST(task_struct, (void *)c->taker);
	struct call_entry *other;

	if (!c->taker || c->taker_pid == bpf_get_current_pid_tgid() >> 32 ||
	    GET(taker, tgid) != c->taker_pid || GET(taker, start_boottime) != c->taker_start_ns)
		return;
	other = call_of_task(taker);
	if (!other || other->run != call->run)
		return;
	channel_give(other, c->taker, u, c->sender, c->sender_parent);
	channel_push_children(c, u);
	c->taken = c->sender;
	c->taker_call = other->call;
}

/* What the channel holds after this call, with the label `mine`, put something in. */
static __always_inline __u64 channel_merge(struct call_entry *call, const struct channel *c,
					   __u32 mine)
{
	struct taking t = { .from = SENDER_CALL(c->sender),
			    .with = SENDER_LABEL(c->sender),
			    .edge = EDGE_KEPT };

	if (!label_news(call, mine, &t))
		return CHANNEL_SENDER(call->call, mine);
	return CHANNEL_SENDER(call->call, label_make(call, bpf_get_current_task(), mine, &t));
}

/* A process of this call as a sender. */
static __always_inline __u64 process_sender(const struct call_entry *call, struct task_struct *task)
{
	return CHANNEL_SENDER(call->call, label_of(call, GET(task, group_leader, start_boottime),
						   GET(task, tgid)));
}

/* The current process puts something into the channel. */
__noinline int channel_put(struct call_entry *call, const struct channel_use *u)
{
	struct task_struct *task = current_task();
	struct channel_key key;
	struct channel *c, made = {};
	__u64 sender;
	__u32 mine;

	if (!call || !u)
		return 0;
	key = u->key; /* before Linux 6.2 a map's key may not lie in an argument */
	mine = label_of(call, GET(task, group_leader, start_boottime), GET(task, tgid));
	sender = CHANNEL_SENDER(call->call, mine);
	c = bpf_map_lookup_elem(&channels, &key);
	if ((u->flags & CHANNEL_FRESH) || !channel_is(c, u, call->run)) {
		made.run = call->run;
		made.sender = sender;
		made.puts = 1;
		made.sender_parent = call->parent;
		made.inode = u->inode;
		bpf_map_update_elem(&channels, &key, &made, BPF_ANY);
		label_changed();
		return 0;
	}
	__sync_fetch_and_add(&c->puts, 1);
	if (c->sender == sender)
		return 0;
	if (c->sender && !(u->flags & CHANNEL_ALONE))
		sender = channel_merge(call, c, mine);
	if (sender != c->sender) {
		c->sender = sender;
		c->sender_parent = call->parent;
		channel_push(call, c, u);
		label_changed();
	}
	return 0;
}

static __always_inline void channel_taker(struct channel *c, const struct call_entry *call,
					  struct task_struct *leader)
{
	c->taker_start_ns = GET(leader, start_boottime);
	c->taker_pid = GET(leader, tgid);
	c->taker_call = call->call;
	c->taker = (__u64)leader;
	c->taken_ns = bpf_ktime_get_boot_ns();
}

/* Something came, and who sent it is not known: that system call has not returned yet, or was made
 * outside of the run. Only of channels into which nothing else comes. */
static __always_inline void channel_unknown(struct call_entry *call, const struct channel_use *u)
{
	struct taking t = { .from = EVENT_NO_CALL, .edge = EDGE_UNKNOWN };

	if (u->flags & CHANNEL_OPENED)
		return;
	if (u->key.space == CHANNEL_WATCH || u->key.space == CHANNEL_MESSAGES ||
	    (u->key.space == CHANNEL_NODE && !(u->flags & CHANNEL_PRIVATE)))
		label_take(call, bpf_get_current_task(), &t);
}

/* The current process takes from the channel. Returns whether anything is known of it. */
__noinline int channel_take(struct call_entry *call, const struct channel_use *u)
{
	struct task_struct *leader;
	struct channel_key key;
	struct channel *c;
	__u64 sender;

	if (!call || !u)
		return 0;
	key = u->key;
	c = bpf_map_lookup_elem(&channels, &key);
	if (!channel_is(c, u, call->run)) {
		channel_unknown(call, u);
		return 0;
	}
	sender = c->sender;
	leader = group_leader();
	if (!(u->flags & CHANNEL_ANEW) && c->taken == sender && c->taker_call == call->call &&
	    c->taker == (__u64)leader && c->taker_start_ns == GET(leader, start_boottime)) {
		c->taken_ns = bpf_ktime_get_boot_ns();
	} else {
		channel_taker(c, call, leader);
		c->taken = sender;
		if (sender)
			channel_give(call, bpf_get_current_task(), u, sender, c->sender_parent);
	}
	if (!sender)
		channel_unknown(call, u);
	return sender != 0;
}

/* The current process waits for what others will put in: they give it to that process at once. */
static __always_inline void channel_await(struct call_entry *call, const struct channel_use *u)
{
	struct channel made = { .run = call->run, .inode = u->inode };
	struct channel_key key = u->key;

	if (channel_is(bpf_map_lookup_elem(&channels, &key), u, call->run))
		return;
	channel_taker(&made, call, group_leader());
	bpf_map_update_elem(&channels, &key, &made, BPF_ANY);
}

#endif
