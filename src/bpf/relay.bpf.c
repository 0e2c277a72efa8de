// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Relays: processes that put into one stream what they took from another, moments before. Neither
 * names nor content are looked at, only who takes and puts how much, where and when. Called before
 * the channels' program, for all the calls of which that one is told. */
#include "bpf/channel_row.h"
#include "bpf/parts.h"
#include "bpf/stream.h"

#define RELAY_PAIRS_MAX 16384
#define RELAY_WINDOW_NS \
	50000000ull	    /* a relay waits for nothing; a program that thinks takes longer */
#define RELAY_TOLD_INSIDE 4 /* from this move on, between pipes, terminals and unix sockets */
#define RELAY_OWN_MAX 65536 /* a pipe holds no more, by default (pipe(7)) */

#define RELAY_TAKES 16 /* streams a process is known to take from; the longest unused gives way */

/* One of them. */
struct relay_take {
	__u64 id, end;	/* struct stream_key */
	__u64 ns;	/* when something was taken last */
	__u64 fresh;	/* bytes since the last put that is counted with them */
	__u64 owed;	/* of those counted, bytes that have not been put yet */
	__u64 own;	/* bytes in it that the process has put there itself */
	__u64 to;	/* id of the stream that it was put into last */
	__u32 out;	/* it leads out of the sandbox */
	__u32 answered; /* since it was taken from, something was put into the same stream */
	struct event_stream stream;
};

/* Of a process, by its first thread. */
struct relay_process {
	__u64 takes;	  /* there may be some whose bytes have not been put yet */
	__u64 crowded_ns; /* when it last took from more streams at once than fit */
	struct relay_take of[RELAY_TAKES];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct relay_process);
} relay_processes SEC(".maps");

static __always_inline struct relay_process *relay_process(__u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return bpf_task_storage_get(&relay_processes, task->group_leader, NULL, flags);
}

static __always_inline bool takes_from_socket(const struct pt_regs *regs,
					      const struct channel_row *row)
{
	__s32 fd = (__s32)syscall_argument(regs, row->from);
	struct file *file = row->from == NO_ARGUMENT ? NULL : file_of(current_task(), fd);

	return file && (GET(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK;
}

/* Nothing is kept of a process before it puts something into a stream, or takes from a socket: one
 * that only reads pays for a look. Who has taken nothing has nothing to pass on: NULL. */
static __always_inline struct relay_process *
relay_concerned(const struct pt_regs *regs, const struct channel_row *row, __s64 result)
{
	struct relay_process *p;

	if (row->flow < FLOW_MOVE || row->flow > FLOW_DATAGRAM || result <= 0)
		return NULL;
	p = relay_process(0);
	if (!p && (row->to != NO_ARGUMENT || takes_from_socket(regs, row)))
		p = relay_process(BPF_LOCAL_STORAGE_GET_F_CREATE);
	return p && (p->takes || row->from != NO_ARGUMENT) ? p : NULL;
}

static __always_inline bool leads_out(__u64 at)
{
	struct file *file = CAST(file, (void *)at);
	struct sock *sk;
	__u16 family;

	if ((GET(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return false;
	sk = socket_sock(file);
	family = sk ? GET(sk, __sk_common.skc_family) : 0;
	return (family == AF_INET || family == AF_INET6) && !socket_local(sk);
}

struct relay_key {
	__u64 start_ns;
	__u64 from, to; /* struct stream_key */
	__u32 pid, reserved;
};

struct relay_pair {
	__u64 first_ns, bytes_in, bytes_out, count;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RELAY_PAIRS_MAX);
	__type(key, struct relay_key);
	__type(value, struct relay_pair);
} relay_pairs SEC(".maps");

/* What is put somewhere. */
struct relay_put {
	struct stream_key key;
	__u64 bytes, now, file;
	bool crowded; /* what it goes with may be known no more */
	bool out;     /* to where leads out of the sandbox */
};

static __always_inline bool is_own(const struct relay_take *t, const struct stream_key *key)
{
	return t->id == key->id && (key->end != t->end || key->id >> 60 == STREAM_PIPE);
}

/* How well a put fits to what was taken: the least is chosen. Sizes in between are distances. */
enum relay_fit {
	FIT_OWN = -1, /* it is the other end of what it was put into */
	FIT_SAME =
		0, /* the answer to it, or passed on to the outside or from there: by the sizes */
	FIT_MOVED = 1 << 24,	/* passed on, as far as sizes say; the rest of what was, too */
	FIT_PART = 1 << 25,	/* a part of it, passed on to the outside or from there */
	FIT_ANSWER = 1 << 26,	/* the answer to it, of any size */
	FIT_ANSWERED = 1 << 27, /* passed on, though it has been answered already */
	FIT_OTHER = 1 << 28,	/* passed on in another form */
	FIT_NONE = 0x7fffffff
};

/* As many bytes, or some more or less: an encryption's header, padding and checksum. */
static __always_inline bool same_size(__u64 taken, __u64 put)
{
	return put <= taken + taken / 4 + 128 && taken <= put + put / 4 + 128;
}

static __always_inline __u32 size_distance(__u64 taken, __u64 put)
{
	__u64 d = taken < put ? put - taken : taken - put;

	return d < FIT_MOVED / 2 - 1 ? d : FIT_MOVED / 2 - 1;
}

/* Back to where it came from. */
static __always_inline int fit_answer(const struct relay_take *t, bool same, __u32 distance)
{
	if (!t->fresh)
		return FIT_NONE;
	return same && !t->answered ? FIT_SAME + 2 * distance + 1 : FIT_ANSWER;
}

/* To the outside, or from there: there a program rarely answers one end with what is for the other,
 * as a server with many connections may seem to. */
static __always_inline int fit_crossing(const struct relay_take *t, const struct relay_put *put,
					bool same, __u32 distance)
{
	if (same)
		return FIT_SAME + 2 * distance;
	return (put->bytes < t->fresh ? FIT_PART : FIT_OTHER) + distance;
}

/* What is left of something of which a part has gone that way. */
static __always_inline int fit_rest(const struct relay_take *t, const struct relay_put *put)
{
	bool rest = t->to == put->key.id && t->owed && put->bytes <= t->owed + t->owed / 4 + 128;

	return rest ? FIT_MOVED : FIT_NONE;
}

/* Enum relay_fit. A global function: the verifier reads it once, not once a take. */
__noinline int relay_fit(const struct relay_take *t, const struct relay_put *put)
{
	__u32 distance;
	bool same;

	if (!t || !put)
		return FIT_NONE;
	if (is_own(t, &put->key))
		return FIT_OWN;
	if (put->now - t->ns > RELAY_WINDOW_NS)
		return FIT_NONE;
	same = same_size(t->fresh, put->bytes);
	distance = size_distance(t->fresh, put->bytes);
	if (t->id == put->key.id)
		return fit_answer(t, same, distance);
	if (!t->fresh)
		return fit_rest(t, put);
	if (put->crowded && t->fresh != put->bytes && !(same && t->to == put->key.id))
		return FIT_NONE;
	if (t->answered)
		return same ? FIT_ANSWERED + distance : FIT_NONE;
	if (t->out != put->out)
		return fit_crossing(t, put, same, distance);
	return (same ? FIT_MOVED : FIT_OTHER) + distance;
}

static __always_inline bool is_inet(__u64 id)
{
	return (id & ~STREAM_BY_INODE) >> 60 == STREAM_INET;
}

/* Of a connection, one move may be all that it is made for. */
static __always_inline bool relay_is_told(const struct relay_take *t, const struct relay_put *put,
					  const struct relay_pair *pair)
{
	return pair->count >= RELAY_TOLD_INSIDE || is_inet(t->id) || is_inet(put->key.id);
}

static __always_inline void relay_tell(const struct relay_take *t, const struct relay_put *put,
				       const struct relay_pair *pair)
{
	struct call_entry *call = acting_call();
	struct event_relay e = {};

	if (!call || !relay_is_told(t, put, pair))
		return;
	stream_of(put->file, &e.to);
	e.from = t->stream;
	fill_header(&e.h, EVENT_RELAY, call, current_task());
	e.first_mono_ns = pair->first_ns;
	e.bytes_in = pair->bytes_in;
	e.bytes_out = pair->bytes_out;
	e.count = pair->count;
	send_event(&ring_network, EVENT_CLASS_NETWORK, call, &e.h, sizeof(e));
}

/* Several connections to one server are no way from one to the other. */
static __always_inline bool same_end(const struct relay_take *t, const struct relay_put *put)
{
	struct event_stream to;
	__u64 a[2], b[2];

	if (!t->out || !put->out)
		return false;
	stream_of(put->file, &to);
	__builtin_memcpy(a, t->stream.address, sizeof(a));
	__builtin_memcpy(b, to.address, sizeof(b));
	return a[0] == b[0] && a[1] == b[1] && t->stream.port == to.port;
}

/* What was taken went where the put is. */
static __always_inline void relay_count(struct relay_take *t, const struct relay_put *put)
{
	struct task_struct *task = current_task();
	struct relay_pair *pair, first = {};
	struct relay_key key = {};
	bool moved = t->fresh;

	key.start_ns = GET(task, group_leader, start_boottime);
	key.pid = GET(task, tgid);
	key.from = t->id;
	key.to = put->key.id;
	pair = bpf_map_lookup_elem(&relay_pairs, &key);
	if (!pair) {
		first.first_ns = put->now;
		bpf_map_update_elem(&relay_pairs, &key, &first, BPF_NOEXIST);
		pair = bpf_map_lookup_elem(&relay_pairs, &key);
	}
	if (!pair)
		return;
	__sync_fetch_and_add(&pair->bytes_in, t->fresh);
	__sync_fetch_and_add(&pair->bytes_out, put->bytes);
	if (moved)
		t->owed = t->fresh;
	t->owed -= put->bytes < t->owed ? put->bytes : t->owed;
	t->fresh = 0;
	t->to = put->key.id;
	if (!moved)
		return;
	__sync_fetch_and_add(&pair->count, 1);
	if (!(pair->count & (pair->count - 1)))
		relay_tell(t, put, pair);
}

/* It will come out again at the other end. */
static __always_inline void relay_own(struct relay_take *t, __u64 bytes)
{
	t->own += bytes;
	if (t->own > RELAY_OWN_MAX)
		t->own = RELAY_OWN_MAX;
}

static __always_inline void relay_put(struct relay_process *p, const struct relay_put *put)
{
	__s32 least = FIT_NONE, fit;
	struct relay_take *t;
	__u32 at = 0;

#pragma unroll
	for (__u32 i = 0; i < RELAY_TAKES; i++) {
		if (!p->of[i].id)
			break;
		fit = relay_fit(&p->of[i], put);
		if (fit < least) {
			least = fit;
			at = i;
		}
	}
	if (least == FIT_NONE) {
		p->takes = 0;
		return;
	}
	t = &p->of[at & (RELAY_TAKES - 1)];
	if (least == FIT_OWN)
		relay_own(t, put->bytes);
	else if (t->id != put->key.id && !same_end(t, put))
		relay_count(t, put);
	else if (put->bytes >=
		 t->fresh / 4) /* less is a word in between, and the rest may follow */
		t->answered = 1;
}

/* The stream's place among the takes, made where there is none. */
static __always_inline struct relay_take *
relay_place(struct relay_process *p, const struct stream_key *key, __u64 file, __u64 now)
{
	__u64 oldest = ~0ull;
	struct relay_take *t;
	__u32 at = 0;

#pragma unroll
	for (__u32 i = 0; i < RELAY_TAKES; i++) {
		t = &p->of[i];
		if (t->id == key->id)
			return t;
		if (t->ns < oldest || !t->id) {
			oldest = t->ns;
			at = i;
		}
		if (!t->id)
			break;
	}
	t = &p->of[at & (RELAY_TAKES - 1)];
	if (t->id && now - t->ns <= RELAY_WINDOW_NS)
		p->crowded_ns = now;
	__builtin_memset(t, 0, sizeof(*t));
	t->id = key->id;
	stream_of(file, &t->stream);
	t->out = leads_out(file);
	return t;
}

static __always_inline void relay_take(struct relay_process *p, const struct stream_key *key,
				       __u64 file, __u64 bytes)
{
	__u64 now = bpf_ktime_get_ns(), own;
	struct relay_take *t = relay_place(p, key, file, now);

	own = t->own < bytes ? t->own : bytes;
	t->end = key->end;
	t->own -= own;
	bytes -= own;
	if (!bytes)
		return;
	if (t->answered || now - t->ns > RELAY_WINDOW_NS) {
		t->answered = 0;
		t->fresh = 0;
	}
	t->fresh += bytes;
	t->ns = now;
	p->takes = 1;
}

#define MSG_PEEK 2
#define MESSAGES_SUMMED 8
#define MESSAGE_STRIDE 64 /* struct mmsghdr, and where msg_len lies in it */
#define MESSAGE_LENGTH 56

/* Bytes that the call moved: with several messages it returns their number, and writes their sizes
 * where the process can change them. */
static __always_inline __u64 bytes_moved(const struct pt_regs *regs, __s64 result)
{
	__u64 nr = syscall_number(regs), at = syscall_argument(regs, 1), sum = 0;
	__u32 size;

	if (nr != __NR_recvmmsg && nr != __NR_sendmmsg)
		return result;
#pragma unroll
	for (__s64 i = 0; i < MESSAGES_SUMMED; i++) {
		size = 0;
		if (i < result)
			bpf_probe_read_user(&size, sizeof(size),
					    (void *)(at + i * MESSAGE_STRIDE + MESSAGE_LENGTH));
		sum += size;
	}
	return sum;
}

/* What was only looked at will come again. */
static __always_inline bool peeked(const struct pt_regs *regs)
{
	__u64 nr = syscall_number(regs);

	if (nr == __NR_recvfrom || nr == __NR_recvmmsg)
		return syscall_argument(regs, 3) & MSG_PEEK;
	return nr == __NR_recvmsg && (syscall_argument(regs, 2) & MSG_PEEK);
}

/* The stream that an argument names, if it is open for this. Returns the file's address, or 0. */
static __always_inline __u64 relay_side(const struct pt_regs *regs, __u8 argument, __u32 mode,
					struct stream_key *key)
{
	struct file *file;
	__u64 at;

	if (argument == NO_ARGUMENT)
		return 0;
	at = file_address(current_task(), (__s32)syscall_argument(regs, argument));
	if (!at)
		return 0;
	file = CAST(file, (void *)at);
	if (!(GET(file, f_mode) & mode))
		return 0;
	stream_key(file, key);
	return key->id ? at : 0;
}

static __always_inline void relay_step(const struct pt_regs *regs, const struct channel_row *row,
				       __s64 result)
{
	struct relay_process *p = relay_concerned(regs, row, result);
	struct relay_put put = {};
	struct stream_key from = {};
	__u64 file;

	if (!p)
		return;
	put.bytes = bytes_moved(regs, result);
	file = relay_side(regs, row->from, FMODE_READ, &from);
	if (file && !peeked(regs))
		relay_take(p, &from, file, put.bytes);
	put.file = relay_side(regs, row->to, FMODE_WRITE, &put.key);
	if (!put.file)
		return;
	put.now = bpf_ktime_get_ns();
	put.out = leads_out(put.file);
	put.crowded = put.now - p->crowded_ns <= RELAY_WINDOW_NS;
	relay_put(p, &put);
}

SEC("tp_btf/sys_exit")
int weir_relay(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	const struct channel_row *row = channel_row(regs);

	if (row)
		relay_step(regs, row, ctx[1]);
	bpf_tail_call(ctx, &parts, PART_CHANNEL);
	return 0;
}
