// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The barrier `egress` in the kernel: what a call may reach is decided when it asks, and what is
 * refused fails at once with EPERM, whether or not anybody serves the way out. Loopback always; all
 * else by the rules of the run, of which there are none where there is no way out. Also notes whose
 * a flow is that was let pass. */
#include "bpf/channel_object.h"
#include "bpf/flow.h"
#include "bpf/network.h"
#include "bpf/stream.h"

#define RULE_TRIES 3 /* while the rules are being replaced */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct egress_run);
} egress_runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, EGRESS_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct egress_rule_key);
	__type(value, struct egress_rule_ports);
} egress_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EGRESS_CUTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct egress_cut);
	__type(value, __u64); /* the run */
} egress_cuts SEC(".maps");

/* What a hook is asked about. */
struct asked {
	struct flow_key key;
	bool inside;   /* loopback: it stays in the sandbox */
	bool foreign;  /* it wants to come from an address that is not loopback */
	bool datagram; /* with an address of its own, on a socket that is not connected */
};

/* The rule that lets it pass, counted from 1, 0 where none had to; negative: refused. A global
 * function, as the next: the verifier reads it once a program, not once a use. */
__noinline int ports_allow(const struct egress_rule_ports *ports, __u32 port, __u32 transport)
{
	if (!ports)
		return -1;
	for (int i = 0; i < EGRESS_RULE_PORTS; i++) {
		if (i >= ports->count)
			break;
		if (ports->of[i].transport == transport && port >= ports->of[i].low &&
		    port <= ports->of[i].high)
			return (__u16)(ports->of[i].rule + 1);
	}
	return -1;
}

/* What was read while the rules were replaced may be half of the old ones: the answer counts only
 * if they are still those in force after it. */
static __always_inline int rule_find(const struct egress_run *run, const struct flow_key *key)
{
	struct egress_rule_key at = { .prefix = EGRESS_KEY_BITS + 128,
				      .run_high = key->run >> 32,
				      .run_low = key->run };

	__builtin_memcpy(at.address, key->to, sizeof(at.address));
	for (int i = 0; i < RULE_TRIES; i++) {
		struct egress_rule_ports *ports;
		int rule;

		at.generation = *(volatile const __u32 *)&run->generation;
		ports = bpf_map_lookup_elem(&egress_rules, &at);
		rule = ports ? ports_allow(ports, key->to_port, key->protocol) : -1;
		if (*(volatile const __u32 *)&run->generation == at.generation)
			return rule;
	}
	return -1;
}

/* Ports on loopback that lead out have owners too. */
__noinline int is_carried(const struct egress_run *run, __u32 port)
{
	for (int i = 0; run && i < EGRESS_CARRIED; i++) {
		if (i >= run->carried_count)
			break;
		if (run->carried[i] == port)
			return true;
	}
	return false;
}

/* A connection's own end is not known yet. Entries are filled where they lie: the stack is short.
 */
static __always_inline void connection_note(const struct call_entry *call, const struct asked *a,
					    void *sk, __u64 cookie)
{
	struct flow_socket *s;

	bpf_map_update_elem(&flow_sockets, &cookie, &flow_nobody, BPF_ANY);
	s = bpf_map_lookup_elem(&flow_sockets, &cookie);
	if (!s)
		return;
	s->key = a->key;
	flow_owner_fill(&s->owner, call, sk, cookie);
}

/* Both ends of a datagram are. The first one's sender has opened the flow. */
static __always_inline void datagram_note(const struct call_entry *call, const struct asked *a,
					  void *sk, __u64 cookie)
{
	struct flow_owner *owner = bpf_map_lookup_elem(&flow_owners, &a->key);

	if (owner && owner->cookie == cookie)
		return;
	bpf_map_update_elem(&flow_owners, &a->key, &flow_nobody.owner, BPF_ANY);
	owner = bpf_map_lookup_elem(&flow_owners, &a->key);
	if (owner)
		flow_owner_fill(owner, call, sk, cookie);
}

static __noinline int flow_note(const struct call_entry *call, const struct asked *a, void *sk,
				__u64 cookie)
{
	if (a->datagram)
		datagram_note(call, a, sk, cookie);
	else
		connection_note(call, a, sk, cookie);
	return 0;
}

/* Has a finding refused this to the call, or to every one? */
static __noinline bool is_cut(const struct flow_key *to, __u32 call, bool inside)
{
	struct egress_cut key = { .run = to->run, .call = call };

	__builtin_memcpy(key.address, to->to, sizeof(key.address));
	if (inside)
		key.port = to->to_port;
	if (bpf_map_lookup_elem(&egress_cuts, &key))
		return true;
	key.call = EVENT_NO_CALL;
	return bpf_map_lookup_elem(&egress_cuts, &key);
}

/* As rule_find(), for everything that a hook is asked about. */
static __always_inline int egress_judge(struct bpf_sock_addr *ctx, const struct call_entry *call,
					struct asked *a, __u64 cookie)
{
	struct egress_run *run = bpf_map_lookup_elem(&egress_runs, &call->run);
	int rule = 0;

	if (a->foreign)
		return -1;
	if (a->inside &&
	    !(run && a->key.protocol == IPPROTO_TCP && is_carried(run, a->key.to_port)))
		return 0;
	if (!run || (run->cut_count && is_cut(&a->key, call->call, a->inside)))
		return -1;
	if (!a->inside)
		rule = rule_find(run, &a->key);
	if (rule >= 0)
		flow_note(call, a, ctx->sk, cookie);
	return rule;
}

/* The current task is in a run of this store's. */
static __always_inline bool run_is_ours(void)
{
	__u32 level = call_level;
	__u64 run = below_weir(level) ? bpf_get_current_ancestor_cgroup_id(level - 1) : 0;

	return run && bpf_map_lookup_elem(&runs, &run);
}

/* 1 lets the call go on, 0 refuses it with EPERM. Other stores' runs are judged by the programs of
 * their own supervisor, and what weir only watches is not judged, whosever socket it uses. A call
 * of ours that is not known, because there are too many, has no rules. */
static __always_inline int judge(struct bpf_sock_addr *ctx, struct stash *stash, struct asked *a)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call_entry *call = call_contained();
	int rule;

	if (!call)
		return a->inside || !run_is_ours();
	stash->cookie = bpf_get_socket_cookie(ctx);
	stash->port = bpf_ntohs(ctx->user_port);
	stash->type = ctx->type;
	stash->protocol = ctx->protocol;
	a->key.run = call->run;
	a->key.to_port = stash->port;
	a->key.protocol = stash->protocol;
	rule = egress_judge(ctx, call, a, stash->cookie);
	stash->rule = rule > 0 ? rule : 0;
	/* Where it does not fit the event says what the process claims, and that it does. */
	bpf_map_update_elem(&stashes, &thread, stash, BPF_ANY);
	if (a->inside && rule >= 0 && (stash->protocol == IPPROTO_TCP || a->datagram))
		channel_early(call, stash->protocol, bpf_get_netns_cookie(ctx), stash->port);
	return rule >= 0;
}

static __always_inline int judge4(struct bpf_sock_addr *ctx, struct asked *a)
{
	struct stash stash = { .family = AF_INET };
	__u32 address = ctx->user_ip4;

	__builtin_memcpy(stash.address, &address, sizeof(address));
	address_from4(a->key.to, address);
	a->inside = loopback4(address);
	return judge(ctx, &stash, a);
}

static __always_inline int judge6(struct bpf_sock_addr *ctx, struct asked *a)
{
	struct stash stash = { .family = AF_INET6 };
	__u32 address[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
			     ctx->user_ip6[3] };

	__builtin_memcpy(stash.address, address, sizeof(address));
	__builtin_memcpy(a->key.to, address, sizeof(address));
	a->inside = loopback6(address);
	return judge(ctx, &stash, a);
}

SEC("cgroup/connect4")
int weir_connect4(struct bpf_sock_addr *ctx)
{
	struct asked a = {};

	return judge4(ctx, &a);
}

SEC("cgroup/connect6")
int weir_connect6(struct bpf_sock_addr *ctx)
{
	struct asked a = {};

	return judge6(ctx, &a);
}

/* The port is that of the socket, which has been bound by now. */
static __always_inline void datagram_from(struct asked *a, struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	a->datagram = true;
	a->key.from_port = sk ? sk->src_port : 0;
}

SEC("cgroup/sendmsg4")
int weir_sendmsg4(struct bpf_sock_addr *ctx)
{
	__u32 from = ctx->msg_src_ip4;
	struct asked a = {};

	datagram_from(&a, ctx);
	a.foreign = !loopback4(from);
	address_from4(a.key.from, from ?: bpf_htonl(0x7f000001));
	return judge4(ctx, &a);
}

SEC("cgroup/sendmsg6")
int weir_sendmsg6(struct bpf_sock_addr *ctx)
{
	__u32 from[4] = { ctx->msg_src_ip6[0], ctx->msg_src_ip6[1], ctx->msg_src_ip6[2],
			  ctx->msg_src_ip6[3] };
	struct asked a = {};

	datagram_from(&a, ctx);
	a.foreign = !loopback6(from);
	if (!from[0] && !from[1] && !from[2] && !from[3])
		from[3] = bpf_htonl(1);
	__builtin_memcpy(a.key.from, from, sizeof(from));
	return judge6(ctx, &a);
}

/* Every address is local to a sandbox that has a way out, but only loopback is its own: from
 * another one a process could speak as somebody who is outside. */
SEC("cgroup/bind4")
int weir_bind4(struct bpf_sock_addr *ctx)
{
	return loopback4(ctx->user_ip4) || !call_contained();
}

SEC("cgroup/bind6")
int weir_bind6(struct bpf_sock_addr *ctx)
{
	__u32 address[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
			     ctx->user_ip6[3] };

	return loopback6(address) || !call_contained();
}

/* A connection is about to send its first packet: now both of its ends are known. One that comes in
 * has its cookie from here on: asking makes it. */
SEC("sockops")
int weir_flow(struct bpf_sock_ops *ctx)
{
	struct flow_socket *s;
	__u64 cookie = bpf_get_socket_cookie(ctx);
	__u8 one = 1;

	ctx->reply = -1; /* whatever the kernel asks: as it does without us */
	if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		bpf_map_update_elem(&accepted, &cookie, &one, BPF_ANY);
	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB)
		return 1;
	s = bpf_map_lookup_elem(&flow_sockets, &cookie);
	if (!s)
		return 1;
	s->key.from_port = ctx->local_port;
	if (address_is4(s->key.to)) {
		address_from4(s->key.from, ctx->local_ip4);
	} else {
		volatile __u32 *own = ctx->local_ip6; /* in words, not two of them at once */
		__u32 from[4] = { own[0], own[1], own[2], own[3] };

		__builtin_memcpy(s->key.from, from, sizeof(from));
	}
	flow_known(s);
	return 1;
}
