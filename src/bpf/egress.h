/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's tables for the way out: what both the BPF programs and user space know. The keeper
 * writes rules, the hooks of connect and sendmsg read them; packets tell who opened a flow, and the
 * gate reads that. */
#ifndef WEIR_BPF_EGRESS_H
#define WEIR_BPF_EGRESS_H

#include "bpf/event.h"

#define EGRESS_RULE_PORTS 32 /* EGRESS_PORTS_MAX of policy/egress.h */

/* Map egress_runs: run key -> this. No entry: nothing but loopback. */
struct egress_run {
	__u32 generation; /* of the rules in force; a change of policy is one write here */
	__u8 mode;	  /* enum policy_network */
	__u8 reserved[3];
};

/* Map egress_rules, a longest-prefix trie: run, generation and address -> ports. prefix counts
 * from the beginning of run_high: 96 + the address's. IPv4 is ::ffff:a.b.c.d. */
struct egress_rule_key {
	__u32 prefix;
	__u32 run_high, run_low; /* in network byte order, as all of it */
	__u32 generation;
	__u8 address[16];
};
#define EGRESS_KEY_BITS 96 /* before the address */

struct egress_rule_ports {
	__u32 count;
	struct {
		__u16 low, high, rule;
		__u8 transport; /* IPPROTO_TCP or IPPROTO_UDP */
		__u8 reserved;
	} of[EGRESS_RULE_PORTS];
};

/* Map flow_owners: who opened the flow with these ends, as the connect or sendmsg hook saw it; by
 * the first packet, so it is there before the gate can accept. */
struct flow_key {
	__u64 run;
	__u8 to[16];   /* as asked for */
	__u8 from[16]; /* of the socket inside */
	__u16 to_port, from_port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 reserved[3];
};

struct flow_owner {
	struct event_header h; /* the process: run, call, pid, label at that moment */
	__u64 cookie;	       /* of its socket */
	__u32 label;	       /* of the flow: grows when other calls use the socket (EDGE_USED) */
	__u32 made_by;	       /* the call that created the socket */
};

#endif
