/* SPDX-License-Identifier: Apache-2.0 */
/* With network.veth nothing passes the gate: it is given a copy of the packets that pass the
 * sandbox's interface and makes flows of them, which are metered, read and told as its own are.
 * Nothing is held back. packets.c reads packets and keeps the table, packet_tcp.c follows TCP,
 * packet_flow.c is a flow's life, packet_owner.c finds whose it is.
 *
 * An agent and whoever answers it write the packets: what is kept of them is counted and has a
 * limit, at which the flow that was silent for longest is told as what it is and forgotten. Where
 * more comes than can be read, only the beginnings of packets are, and where even these are lost
 * the numbers of TCP still say how much passed: such flows are marked (FLOW_TRAIT_UNREAD). */
#ifndef WEIR_GATE_PACKET_H
#define WEIR_GATE_PACKET_H

#include <sys/queue.h>

#include "flow/account.h"
#include "flow/fragments.h"
#include "flow/hash.h"
#include "flow/hello.h"
#include "flow/meter.h"
#include "flow/reader.h"
#include "flow/segment.h"
#include "flow/stream.h"
#include "gate/dial.h"
#include "gate/gate.h"

#define PACKET_FLOWS_MAX 16384	  /* as many as the gate would carry */
#define PACKET_MEMORY (64u << 20) /* of all flows, and what waits for its order */
#define PACKET_BUCKETS 16384
#define PACKET_SIZE_MAX 65536

/* Flows by what ends them, each list in the order of their last packets. */
enum packet_list {
	PACKET_OVER,	 /* told as ended; kept for what still comes of it */
	PACKET_BEGUN,	 /* TCP, of which no answer has come */
	PACKET_CLOSING,	 /* TCP: both sides have ended, the last acknowledgement is to come */
	PACKET_DATAGRAM, /* whose end nothing says */
	PACKET_STREAM,
	PACKET_LIST_COUNT
};

struct packet_flow {
	LIST_ENTRY(packet_flow) bucket;
	TAILQ_ENTRY(packet_flow) order;
	struct packets *all;
	struct flow_key wire; /* as its packets have it; from: the inside */
	struct flow_key key;  /* as it was asked for, where the owner is known */
	struct flow_owner owner;
	bool known; /* the owner is */
	bool midstream, fin[2], unread;
	uint8_t list;	/* enum packet_list */
	uint32_t index; /* of the name it was asked for by; 0: an address */
	uint32_t fin_at[2];
	uint16_t rule; /* or EGRESS_NO_RULE */
	uint16_t protocol;
	uint64_t number, started_ns, last_ns;
	uint64_t packets[2]; /* by enum meter_side, as all that has two */
	struct dial_ends ends;
	struct meter meter;
	struct stream streams[2];
	struct flow_reader *reader; /* NULL: no memory for it, or over */
	size_t reader_memory;	    /* of it that is in the account */
	struct hello *hello;	    /* the opening, while it is read */
	char *detail;
	struct timer minute; /* or sooner, where its reader has news */
	unsigned news;
};

struct packets {
	struct gate *g;
	struct watch watch;		 /* fd -1: none */
	struct timer again;		 /* when to read on */
	struct timer idle;		 /* while there are flows: whose end nothing tells */
	uint64_t now_ns;		 /* when what is read passed */
	uint64_t turn_ns, wall_ahead_ns; /* when it is read; the wall clock, ahead of ours */
	struct account account;
	struct fragments *fragments;
	struct hash_key hash;
	LIST_HEAD(, packet_flow) buckets[PACKET_BUCKETS];
	TAILQ_HEAD(packet_order, packet_flow) lists[PACKET_LIST_COUNT];
	size_t count;
	uint64_t lost, lost_told; /* packets that the kernel had no room for */
	uint8_t data[PACKET_SIZE_MAX];
};

/* packets.c */
/* From its network header on, at p->now_ns. */
void packet_arrived(struct packets *p, struct octets o, enum meter_side side);
void packet_flow_move(struct packet_flow *f, enum packet_list list); /* newest there */
struct packet_flow *packet_flow_find(struct packets *p, const struct flow_key *wire);

/* packet_flow.c */
/* NULL: no memory. It is told once it is opened. */
struct packet_flow *packet_flow_begin(struct packets *p, const struct flow_key *wire,
				      enum packet_list list, bool midstream);
/* The outside has answered, or may. */
void packet_flow_opened(struct packet_flow *f, enum packet_list list);
/* Payload in order, of which some may not have been read. */
void packet_flow_said(struct packet_flow *f, enum meter_side side, struct octets o);
/* Told as ended: its memory goes, but for what finds it. */
void packet_flow_over(struct packet_flow *f, enum flow_state state, int error, const char *reason);
void packet_flow_forget(struct packet_flow *f);

/* packet_owner.c: fills in key, owner, known, index and rule. */
void packet_owner_find(struct packet_flow *f);

/* packet_tcp.c */
void packet_segment(struct packets *p, const struct flow_key *wire, enum meter_side side,
		    struct segment *s);

#endif
