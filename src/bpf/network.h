/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the room in which a network event is put together. The program that the
 * network's hands on to finds the event of the same system call there. */
#ifndef WEIR_BPF_NETWORK_H
#define WEIR_BPF_NETWORK_H

#include "bpf/identity.h"

#define UNIX_NAME_MAX 108

#define STASHES_MAX 16384

/* An address as a hook saw it, until the same thread's system call returns. */
struct stash {
	__u64 cookie;
	__u8 address[16];
	__u16 family, port, type, protocol;
	__u16 rule; /* as in struct event_net */
	__u16 reserved[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STASHES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* process and thread */
	__type(value, struct stash);
} stashes SEC(".maps");

struct net_room {
	struct event_net e;
	char name[2 * UNIX_NAME_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct net_room);
} net_rooms SEC(".maps");

static __always_inline struct net_room *net_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&net_rooms, &zero);
}

#endif
