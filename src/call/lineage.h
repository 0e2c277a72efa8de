/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, resolved: which calls stand behind what a process does, in which way, and which event
 * shows it. Feed it a run's HANDOVER events in the order of the record; every other event's
 * h->label can then be asked for. Bounded: what does not fit, and labels whose handover was lost,
 * resolve to an edge of kind unknown with the reason. One run, one thread. */
#ifndef WEIR_CALL_LINEAGE_H
#define WEIR_CALL_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/edge.h"

/* At the limits: a label beyond LABELS, or one for which SETS leaves no room, is one unknown edge.
 * Of a label's edges beyond EDGES, first the further kinds of one call go, then the half that is
 * longest ago, and an unknown edge takes its place. */
#define LINEAGE_EDGES_MAX 512	     /* of one label */
#define LINEAGE_LABELS_MAX (1 << 20) /* of one run */
#define LINEAGE_SETS_MAX \
	(1 << 21) /* different ones; a set of n edges is n of them, shared ends once */

struct lineage;

int lineage_new(struct lineage **ret); /* 0 or -ENOMEM */
void lineage_free(struct lineage *l);  /* accepts NULL */
/* Takes HANDOVER, ignores all else. 0, or -ENOMEM. */
int lineage_event(struct lineage *l, const struct event_view *e);
/* Whether the label's handover was seen; LABEL_NONE always was. */
bool lineage_knows(const struct lineage *l, uint32_t label);
/* The edges of an event in `call` with this label, to other calls only, nearest first. Returns how
 * many; 0 for LABEL_NONE. */
size_t lineage_edges(const struct lineage *l, uint32_t label, uint32_t call,
		     struct edge ret_edges[LINEAGE_EDGES_MAX]);
/* Different sets of edges so far: what alternating writers may not let grow. */
size_t lineage_sets(const struct lineage *l);

#endif
