/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. Time is the capture's, made never to go back; it stands in the
 * place of the kernel's monotonic clock in all events. */
#ifndef WEIR_CAPTURE_PART_H
#define WEIR_CAPTURE_PART_H

#include "capture/capture.h"
#include "capture/hosts.h"
#include "capture/link.h"
#include "capture/queries.h"
#include "capture/relay.h"
#include "capture/rows.h"
#include "detect/detector.h"
#include "flow/account.h"
#include "flow/fragments.h"
#include "flow/hash.h"
#include "flow/hello.h"
#include "flow/meter.h"
#include "flow/reader.h"
#include "flow/stream.h"

/* The smaller end first, so that both directions find the flow. All bytes are set. */
struct ends {
	uint8_t address[2][16];
	uint16_t port[2];
	uint32_t transport; /* IPPROTO_*; 32 bits, so that there is no hole */
};

/* Flows by what ends them, each list in the order of their last packets. */
enum flow_list {
	LIST_OVER,     /* told as ended; kept for a while for what still comes of it */
	LIST_BEGUN,    /* TCP, of which no answer has come */
	LIST_CLOSING,  /* TCP: both sides have ended, the last acknowledgement is to come */
	LIST_DATAGRAM, /* whose end nothing says */
	LIST_STREAM,
	LIST_COUNT
};

struct flow {
	struct ends ends;
	struct flow *in_slot, *newer, *older;
	uint64_t number, started_ns, last_ns, told_ns;
	uint64_t packets[2]; /* by enum meter_side, as all that follows */
	struct meter meter;
	struct stream streams[2];
	struct flow_reader *reader;
	size_t reader_memory;	/* of it that is in the account */
	struct hello *hello;	/* the opening, while it is read */
	struct dns_stream *dns; /* of TCP to a name server */
	char *name, *detail;
	uint32_t host, traits; /* traits: those that the packets show, beside the reader's */
	int32_t error;
	uint16_t protocol;
	uint8_t inside; /* index in ends of who opened it */
	uint8_t list;	/* enum flow_list */
	bool midstream, answered, fin[2];
	uint32_t fin_at[2]; /* sequence number of the end */
	struct relay_flow relay;
	uint64_t echoes; /* ICMP: requests */
	uint64_t echoed; /* of the newest one's payload, a hash */
};

struct flow_list_ends {
	struct flow *newest, *eldest;
	size_t count;
};

struct capture {
	struct capture_options options;
	struct account account;
	struct hash_key hash;
	uint64_t now_ns, ticked_ns, next_flow, seq, file_bytes;
	size_t slot_count, flow_count;
	struct flow **slots;
	struct flow_list_ends lists[LIST_COUNT];
	struct fragments *fragments;
	struct hosts *hosts;
	struct queries *queries;
	struct relays_seen *relays;
	enum link_way way; /* of the packet that is read */
	struct rows *rows;
	struct policy policy;
	struct detection *detection;
	bool finishing;
	size_t finding_count;
	struct finding *findings[DETECTION_FINDINGS_MAX + 1]; /* by number - 1 */
	struct capture_counts counts;
};

/* A packet's transport, from and to as the packet has them. */
struct arrival {
	const uint8_t *from, *to;
	uint16_t from_port, to_port;
	uint8_t transport;
	struct octets payload;
};

/* flows.c */
int flows_new(struct capture *c);
void flows_free(struct capture *c);
/* The flow and who speaks in it, or NULL. */
struct flow *flows_find(struct capture *c, const struct arrival *a, enum meter_side *ret_side);
/* opened_by_from: else by the other end. NULL: no memory. */
struct flow *flows_add(struct capture *c, const struct arrival *a, bool opened_by_from,
		       enum flow_list list);
void flows_move(struct capture *c, struct flow *f, enum flow_list list); /* newest there */
void flows_forget(struct capture *c, struct flow *f);
/* Ends what has been idle for too long; gives up what there is no memory for. */
void flows_tidy(struct capture *c);
void flows_end_all(struct capture *c);
/* The port that the outside serves. */
uint16_t flow_port(const struct flow *f);

/* flow.c */
/* Payload in order, of which some may not have been captured. */
void flow_said(struct capture *c, struct flow *f, enum meter_side side, struct octets o);
/* Told as ended: its memory goes, but for what finds it. */
void flow_over(struct capture *c, struct flow *f, int error, const char *reason);
void flow_release(struct capture *c, struct flow *f);

/* tcp.c, datagram.c: payload holds the transport's header. */
void tcp_arrived(struct capture *c, struct arrival *a);
void udp_arrived(struct capture *c, struct arrival *a);
void icmp_arrived(struct capture *c, struct arrival *a);
void other_arrived(struct capture *c, struct arrival *a);

/* dns.c */
void dns_datagram(struct capture *c, struct flow *f, enum meter_side side, struct octets o);
void dns_said(struct capture *c, struct flow *f, enum meter_side side, struct octets o); /* TCP */
void dns_forget(struct capture *c, struct flow *f);

/* tell.c */
void tell_flow(struct capture *c, struct flow *f, enum flow_state state, const char *reason);
void tell_connect(struct capture *c, const struct flow *f, int error);
/* way: but for its header. */
void tell_relay(struct capture *c, uint32_t host, struct event_relay way);
void tell_dns(struct capture *c, const struct query *q, enum dns_verdict verdict,
	      const char *reason);

#endif
