/* SPDX-License-Identifier: Apache-2.0 */
/* One call that stands behind what another call's process does: the member `via` of events,
 * findings and calls. */
#ifndef WEIR_BPF_EDGE_H
#define WEIR_BPF_EDGE_H

#include <stdbool.h>

#include "base/json.h"
#include "bpf/event_decode.h"

/* Why an edge of kind EDGE_UNKNOWN names no call. */
enum edge_reason {
	EDGE_REASON_NONE,     /* it names one */
	EDGE_REASON_NOT_SEEN, /* nobody of the run is known to have made what was taken over */
	EDGE_REASON_LOST,     /* the hand-over itself is not in the record */
	EDGE_REASON_LIMIT,    /* there are more than are kept */
	EDGE_REASON_COUNT
};

struct edge {
	uint32_t call; /* EVENT_NO_CALL: not known; then kind is EDGE_UNKNOWN and reason says why */
	uint8_t kind;  /* enum edge_kind */
	uint8_t reason; /* enum edge_reason */
	uint64_t seq;	/* the handover event that shows it; 0: none does */
};

/* The label that such a handover makes is not the process's: it is that of a file (kept), or of a
 * flow (name, used). */
bool edge_is_of_object(enum edge_kind kind);
const char *edge_reason_about(enum edge_reason reason);
/* "call 3 (executed, read), unknown (the hand-over is not in the record), and 2 more": each call
 * once, the first `most` of them. */
void edges_words(struct buf *out, const struct edge *edges, size_t count, size_t most);
/* {"call", "kind", "evidence"}: evidence is RUN:SEQ or null; an unknown edge has call null and a
 * reason too. */
void edge_json(struct json *j, const struct edge *e, const char *run_id);
/* The array of them. */
void edges_json(struct json *j, const struct edge *edges, size_t count, const char *run_id);

#endif
