/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of a TCP connection, put in order: what came twice is dropped, what came too early
 * waits (bounded), what overlaps is as it came first, and what the capture lacks is passed by as a
 * gap. Begins wherever the capture does. RFC 9293.
 *
 * A gap is one where the receiver acknowledged what is behind it; so nobody makes us pass by bytes
 * by sending some that the receiver throws away. Only where the capture has no acknowledgements at
 * all a gap is guessed, by time and by how much waits. */
#ifndef WEIR_FLOW_STREAM_H
#define WEIR_FLOW_STREAM_H

#include "base/clock.h"
#include "flow/account.h"
#include "flow/octets.h"

#include <stdbool.h>

#define STREAM_WAITING_MAX (1024u * 1024) /* bytes that wait for earlier ones */
#define STREAM_PIECES_MAX 256
#define STREAM_ACKED_WAIT \
	(NSEC_PER_SEC / 10)	       /* a capture may have packets of two CPUs in disorder */
#define STREAM_WAIT (5 * NSEC_PER_SEC) /* where there are no acknowledgements */
#define STREAM_AHEAD_MAX                                                        \
	(1u << 30) /* RFC 7323: no window is larger; what is further ahead lies \
		    */

struct piece;

struct stream {
	uint32_t next;	/* sequence number of what comes next, where known */
	uint32_t acked; /* by the other side, up to there, where is_acked */
	bool known, is_acked;
	uint16_t pieces;
	uint32_t waiting;  /* bytes */
	uint64_t since_ns; /* the eldest that waits has waited */
	struct piece *first, *last;
	uint64_t repeated, missing; /* bytes that came again; that never came */
};

/* In order; a gap has data NULL and there 0. */
typedef void stream_take(void *context, struct octets o);

void stream_begin(struct stream *s, uint32_t next); /* forgets what was */
/* Whether a segment of this sequence number can belong to the stream. */
bool stream_plausible(const struct stream *s, uint32_t sequence);
void stream_add(struct stream *s, struct account *a, uint64_t now_ns, uint32_t sequence,
		struct octets o, stream_take *take, void *context);
/* The other side has all before `acknowledged`. */
void stream_acknowledged(struct stream *s, struct account *a, uint64_t now_ns,
			 uint32_t acknowledged, stream_take *take, void *context);
/* What waits comes out, with its gaps, as far as it was acknowledged; the rest is forgotten. */
void stream_end(struct stream *s, struct account *a, stream_take *take, void *context);

#endif
