/* SPDX-License-Identifier: Apache-2.0 */
/* The flows of one run as the events tell them, bounded: the latest numbers of each, and whose it
 * is. Kept by the engine for all detectors, which may hang a state of their own on a flow. */
#ifndef WEIR_DETECT_FLOW_TABLE_H
#define WEIR_DETECT_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bpf/event_decode.h"

/* Of one run. Where all are taken, of those that are over the one that has been so for longest
 * gives way, else the eldest. */
#define FLOWS_KEPT 16384
#define FLOW_NAME_MAX 128

/* Numbers that detectors keep with a flow. */
enum flow_note {
	FLOW_NOTE_TUNNEL,
	FLOW_NOTE_SHELL,
	FLOW_NOTE_MINING,
	FLOW_NOTE_PROBING,
	FLOW_NOTE_EXFILTRATION,
	FLOW_NOTES
};

struct flow_seen {
	struct event_flow last;	  /* its newest event, without the texts */
	char name[FLOW_NAME_MAX]; /* by which it was asked for, else what its opening named; "" */
	char detail[FLOW_NAME_MAX];
	uint64_t first_seq, last_seq; /* of its events in the record */
	bool over;
	uint64_t note[FLOW_NOTES]; /* 0 at first; a detector's own, by enum flow_note */
};

struct flow_table;

int flow_table_new(struct flow_table **ret); /* 0 or -ENOMEM */
void flow_table_free(struct flow_table *t);  /* accepts NULL */
/* Takes EVENT_FLOW, and of EVENT_CONNECT those to loopback as flows of direction FLOW_INSIDE that
 * have no bytes and count as over; what is neither is left alone. */
void flow_table_event(struct flow_table *t, const struct event_view *e);
/* By its number in the run, or NULL. Valid until the next flow_table_event(). */
struct flow_seen *flow_table_find(struct flow_table *t, uint64_t flow);
/* By the cookie of its socket inside, or NULL: how a stream (struct event_stream) is a flow. */
struct flow_seen *flow_table_by_cookie(struct flow_table *t, uint64_t cookie);
/* The youngest that was opened from that address and port to this port, or NULL: how the accepted
 * end of a connection inside, which has a cookie of its own, is a flow. */
struct flow_seen *flow_table_by_ends(struct flow_table *t, const uint8_t from[16],
				     uint16_t from_port, uint16_t port);
/* Calls on_flow for each that is not over, the eldest first. */
void flow_table_living(struct flow_table *t, void (*on_flow)(void *context, struct flow_seen *f),
		       void *context);

/* "pool.test port 3333 (stratum)", "10.0.0.5 port 22 (udp)", escaped. */
void flow_seen_words(const struct flow_seen *f, struct buf *out);
/* The same for all flows to one destination (name or address, port). */
uint64_t flow_seen_key(const struct flow_seen *f);

#endif
