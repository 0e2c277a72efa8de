/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: whose a flow is that leaves the sandbox. A hook notes who asks for a connection
 * by the socket, for another process may send the first packet (TCP Fast Open); once both ends are
 * known, the gate finds the owner by them. */
#ifndef WEIR_BPF_FLOW_H
#define WEIR_BPF_FLOW_H

#include "bpf/egress.h"
#include "bpf/identity.h"
#include "bpf/socket.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow_owner);
} flow_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, __u64);
	__type(value, struct flow_socket);
} flow_sockets SEC(".maps");

static const struct flow_socket flow_nobody = { 0 };

/* The call in which the socket was made: it may have been inherited or passed on. at: the socket's
 * address. */
static __always_inline __u32 socket_maker(__u64 at, __u64 run)
{
	struct sock *sk = CAST(sock, (void *)at);
	struct cgroup *cgroup = GET(sk, sk_cgrp_data.cgroup);
	struct call_entry *maker;
	__u64 id;

	if (!cgroup)
		return EVENT_NO_CALL;
	cgroup = CAST(cgroup, cgroup);
	id = GET(cgroup, kn, id);
	maker = bpf_map_lookup_elem(&calls, &id);
	return maker && maker->run == run ? maker->call : EVENT_NO_CALL;
}

/* The current process, of this call, reaches for something by this socket. */
static __always_inline void flow_owner_fill(struct flow_owner *owner, const struct call_entry *call,
					    void *sk, __u64 cookie)
{
	fill_header(&owner->h, EVENT_FLOW, call, current_task());
	owner->label = owner->h.label;
	/* What comes back from a map is a number, which may be read from, and no socket. */
	owner->cookie = (__u64)sk;
	owner->made_by = socket_maker(*(volatile __u64 *)&owner->cookie, call->run);
	owner->cookie = cookie;
}

static __always_inline void address_from4(__u8 to[16], __u32 address)
{
	__u32 words[4] = { 0, 0, bpf_htonl(0xffff), address };

	__builtin_memcpy(to, words, sizeof(words));
}

static __always_inline bool address_is4(const __u8 address[16])
{
	__u32 words[4];

	__builtin_memcpy(words, address, sizeof(words));
	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* Its own end is known now. */
static __always_inline void flow_known(struct flow_socket *s)
{
	struct flow_owner owner = s->owner;
	struct flow_key key = s->key;

	bpf_map_update_elem(&flow_owners, &key, &owner, BPF_ANY);
}

/* A UDP socket has been connected, and by that bound. */
static __always_inline void flow_joined(struct sock *sk, __u64 cookie)
{
	struct flow_socket *s = bpf_map_lookup_elem(&flow_sockets, &cookie);

	if (!s || s->key.protocol != IPPROTO_UDP)
		return;
	s->key.from_port = GET(sk, __sk_common.skc_num);
	if (address_is4(s->key.to))
		address_from4(s->key.from, GET(sk, __sk_common.skc_rcv_saddr));
	else
		bpf_probe_read_kernel(s->key.from, sizeof(s->key.from),
				      &sk->__sk_common.skc_v6_rcv_saddr);
	flow_known(s);
}

/* A socket listens: whose a connection is that comes from outside to this port (network.publish).
 * The gate asks for it as for a connection from 127.0.0.1 and that port to nowhere. */
static __always_inline void flow_listens(const struct event_header *h, struct sock *sk,
					 __u64 cookie)
{
	struct flow_key key = { .run = h->run, .protocol = IPPROTO_TCP };
	struct flow_owner *owner;

	key.from_port = GET(sk, __sk_common.skc_num);
	address_from4(key.to, 0);
	address_from4(key.from, bpf_htonl(0x7f000001));
	bpf_map_update_elem(&flow_owners, &key, &flow_nobody.owner, BPF_ANY);
	owner = bpf_map_lookup_elem(&flow_owners, &key);
	if (!owner)
		return;
	__builtin_memcpy(&owner->h, h, sizeof(owner->h));
	owner->label = h->label;
	owner->cookie = cookie;
	owner->made_by = EVENT_NO_CALL;
}

#endif
