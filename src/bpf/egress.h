/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's tables for the way out: what both the BPF programs and user space know. The keeper
 * writes rules, the hooks of connect and sendmsg read them; packets tell who opened a flow, and the
 * gate reads that. */
#ifndef WEIR_BPF_EGRESS_H
#define WEIR_BPF_EGRESS_H

#include "bpf/event.h"

#define EGRESS_RULE_PORTS 32 /* EGRESS_PORTS_MAX of policy/egress.h */

#define EGRESS_CARRIED 16	 /* CARRY_MAX of policy/carry.h */
#define EGRESS_RULES_MAX 1048576 /* entries of all runs together */
#define FLOWS_MAX 32768		 /* of all runs, whose owner is known: the last ones */

/* Map egress_runs: run key -> this. No entry: nothing but loopback. */
struct egress_run {
	__u32 generation; /* of the rules in force; a change of policy is one write here */
	__u32 carried_count;
	__u16 carried[EGRESS_CARRIED]; /* ports on loopback that lead out */
	__u32 cut_count;	       /* entries of egress_cuts: findings have refused something */
};

/* Map egress_cuts: what findings refuse to a call whatever the rules say (the policy's on:). */
struct egress_cut {
	__u64 run;
	__u32 call; /* or EVENT_NO_CALL: to every one */
	__u16 port; /* 0: every one; else of a socket that is carried */
	__u16 reserved;
	__u8 address[16]; /* as asked for */
};
#define EGRESS_CUTS_MAX 65536 /* entries of all runs together */

/* Map egress_rules, a longest-prefix trie: run, generation and address -> ports. prefix counts
 * from the beginning of run_high: 96 + the address's. IPv4 is ::ffff:a.b.c.d. */
struct egress_rule_key {
	__u32 prefix;
	__u32 run_high, run_low;
	__u32 generation;
	__u8 address[16];
};
#define EGRESS_KEY_BITS 96 /* before the address */

/* No ports: nothing there may be reached. */
struct egress_rule_ports {
	__u64 run;
	__u32 count;
	__u32 reserved;
	struct {
		__u16 low, high, rule;
		__u8 transport; /* IPPROTO_TCP or IPPROTO_UDP */
		__u8 reserved;
	} of[EGRESS_RULE_PORTS];
};

/* Map flow_owners: who opened the flow with these ends, as the connect or sendmsg hook saw it. It
 * is there before the first packet, but for a UDP socket that is connected and not bound: then when
 * connect(2) returns. */
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
	__u32 made_by;	       /* the call that created the socket, or EVENT_NO_CALL */
};

/* Map flow_sockets: by cookie, a socket that was let to reach something, and with what ends. */
struct flow_socket {
	struct flow_key key; /* from: once it is known */
	struct flow_owner owner;
};

#endif
