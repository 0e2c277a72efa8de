/* SPDX-License-Identifier: Apache-2.0 */
/* Who passes on from one flow to another. Of processes a capture knows nothing, so it is a host
 * that is looked at: a peer breaks a silence on one flow, within moments the host breaks the
 * silence on another one with about as many bytes, and what is answered there goes back, again
 * within moments and as many. That is one exchange. What comes again and again, and is most of what
 * is said on the second flow and a fair part of what comes by the first, is told as EVENT_RELAY
 * both ways, as the kernel would tell it of a process.
 *
 * Two streams that never pause break no silence, and so pass for nothing by chance. Bounded: hosts
 * and pairs have a place each by a keyed hash, and whoever comes later takes it. */
#ifndef WEIR_CAPTURE_RELAY_H
#define WEIR_CAPTURE_RELAY_H

#include "base/clock.h"
#include "flow/hash.h"
#include "flow/meter.h"

#include <stdbool.h>

#define RELAY_HOSTS 4096
#define RELAY_PAIRS 4096
#define RELAY_SOURCES 1024

/* What is kept with a flow. */
struct relay_flow {
	uint64_t spoke_ns; /* when something was said last; 0: never */
	uint64_t begun_ns; /* when it was after a silence */
	uint64_t took_ns;  /* when the side that broke it spoke last */
	uint64_t fresh;	   /* what it has said since, until it was answered or passed on */
	uint64_t pair;	   /* the number of the pair of which it is a part; 0: none */
	uint32_t alone[2]; /* silences that this side broke since one was passed on */
	uint8_t leader;	   /* enum meter_side: who broke it */
	uint8_t relayer;   /* of a part of a pair: the side that passes on */
	bool is_first;	   /* of a pair: by which the host's peer leads */
	bool answered;
	uint16_t listed_at[2]; /* with which hosts, by side: place + 1 */
};

struct capture;
struct flow;
struct relays_seen;

int relays_seen_new(const struct hash_key *key, struct relays_seen **ret); /* 0 or -ENOMEM */
void relays_seen_free(struct relays_seen *r);				   /* accepts NULL */
/* A flow's first packet came from there. What a machine sends of its own accord names its
 * addresses: where the link tells what it sends, all of them and its loopback are one host. */
void relay_opened(struct capture *c, const uint8_t from[16]);
/* So many bytes were said on the flow by that side, now. */
void relay_said(struct capture *c, struct flow *f, enum meter_side side, size_t size);
/* The flow is over: what it was a part of is told, and it is forgotten. */
void relay_over(struct capture *c, struct flow *f);

#endif
