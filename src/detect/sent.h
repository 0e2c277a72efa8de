/* SPDX-License-Identifier: Apache-2.0 */
/* What was sent to each destination, by call and by the run, and whether the policy explains it. */
#ifndef WEIR_DETECT_SENT_H
#define WEIR_DETECT_SENT_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/detector.h"
#include "detect/keyed.h"

#define SENT_MAX 4096 /* (call or run, destination) */
#define SENT_WHERE 160

struct sent {
	uint64_t up, down;	/* payload of all flows there */
	uint32_t flows, pieces; /* pieces: times that this end began to speak */
	uint32_t call;		/* EVENT_NO_CALL: the run */
	bool named;		/* a rule has this very host, or its socket was carried in */
	bool granted;		/* a rule with a budget of bytes: it may send that much */
	uint16_t protocol;
	char where[SENT_WHERE]; /* escaped */
	uint64_t key;
	uint64_t numbers[FINDING_FLOWS_MAX];
	uint64_t seq;		  /* of the newest event */
	struct event_header last; /* who sent last */
	bool told;
};

struct sending {
	struct keyed *destinations; /* struct sent by call */
	struct keyed *flows;	    /* what was counted of each, by its number */
};

int sending_new(struct sending *ret); /* 0 or -ENOMEM, with nothing left behind */
void sending_free(struct sending *s);
/* Counts what the flow has sent since it was last counted, for its call and for the run. False
 * where that is nothing, or it does not lead outside. The two are valid until the next call. */
bool sending_count(struct sending *all, const struct detection *d, const struct flow_seen *flow,
		   struct sent **ret_call, struct sent **ret_run);
/* More than what explains it. */
bool sent_is_much(const struct sent *s);
/* Much, to where nothing was fetched from, and no rule names it. */
bool sent_is_one_way(const struct detection *d, const struct sent *s);

#endif
