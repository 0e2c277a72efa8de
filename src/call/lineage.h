/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, resolved: which calls stand behind what a process does, in which way, and which event
 * shows it. Feed it a run's HANDOVER events in the order of the record; every other event's
 * h->label can then be asked for. Bounded: what does not fit, and labels whose handover was lost,
 * resolve to an edge of kind unknown. One run, one thread. */
#ifndef WEIR_CALL_LINEAGE_H
#define WEIR_CALL_LINEAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event_decode.h"

#define LINEAGE_EDGES_MAX 64	  /* of one label */
#define LINEAGE_LABELS_MAX 262144 /* of one run */

struct edge {
	uint32_t call; /* EVENT_NO_CALL: not known, with kind EDGE_UNKNOWN */
	enum edge_kind kind;
	uint64_t seq; /* the handover event that shows it, 0 where it was lost */
};

struct lineage;

int lineage_new(struct lineage **ret); /* 0 or -ENOMEM */
void lineage_free(struct lineage *l);  /* accepts NULL */
/* Takes HANDOVER, ignores all else. 0, or -ENOMEM. */
int lineage_event(struct lineage *l, const struct event_view *e);
/* The edges of an event in `call` with this label, to other calls only, nearest first. Returns how
 * many; 0 for LABEL_NONE. */
size_t lineage_edges(const struct lineage *l, uint32_t label, uint32_t call,
		     struct edge ret_edges[LINEAGE_EDGES_MAX]);

#endif
