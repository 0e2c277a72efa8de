/* SPDX-License-Identifier: Apache-2.0 */
/* What the frames of a record say that are not kernel events: the run, its calls, findings, gaps.
 * Their payload is one byte that says what follows, then an encoding of call/call.h,
 * detect/finding.h, or of struct gap. */
#ifndef WEIR_STORE_FRAME_H
#define WEIR_STORE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/wire.h"
#include "bpf/event_decode.h"
#include "call/call.h"
#include "detect/finding.h"

/* The numbers are stored in records. */
enum frame_what {
	FRAME_EVENT =
		0, /* a kernel event: there is no such byte, the payload is a struct event_* */
	FRAME_RUN_OPEN = 1,
	FRAME_RUN_CLOSE = 2,
	FRAME_CALL_ANNOUNCE = 3,
	FRAME_CALL_EXIT = 4,
	FRAME_CALL_OBSERVATION = 5,
	FRAME_CALL_GONE = 6,
	FRAME_FINDING = 7,
	FRAME_GAP = 8,
};

enum gap_reason {
	GAP_NOT_WRITTEN, /* the record could not be written: a full disk, an error */
	GAP_BACKLOG,	 /* the keeper could not hold them while no recorder was there */
	GAP_MALFORMED,	 /* a sensor sent bytes that are no event */
	GAP_CRASH,	 /* nobody of weir was left to record */
	GAP_REASON_COUNT
};

#define GAP_CALLS_MAX 64

/* Events that are known to be missing. Counts are exact where the reason allows it. */
struct gap {
	enum gap_reason reason;
	char text[200];
	uint64_t from_ns, to_ns; /* wall */
	uint64_t unknown;	 /* lost, of a call or class that cannot be told any more */
	size_t call_count;
	struct gap_call {
		uint32_t call;
		uint64_t lost[EVENT_CLASS_COUNT];
	} calls[GAP_CALLS_MAX];
};

void gap_encode(const struct gap *g, struct buf *out);
int gap_decode(struct wire *w, struct gap *ret);
const char *gap_reason_name(enum gap_reason reason);
/* One event of this call and class more; calls beyond GAP_CALLS_MAX go to unknown. */
void gap_count(struct gap *g, uint32_t call, enum event_class class);
uint64_t gap_total(const struct gap *g);

/* A frame's payload, decoded. Free with frame_body_free(). */
struct frame_body {
	enum frame_what what;
	union {
		struct event_view event; /* seq is 0: the caller knows it */
		struct run_open run_open;
		struct run_close run_close;
		struct call_announce announce;
		struct call_exit exit;
		struct call_observation observation;
		struct call_gone gone;
		struct finding finding;
		struct gap gap;
	};
};

/* kind: of the frame; data: its payload, 8-byte aligned. 0, -EBADMSG or -ENOMEM. */
int frame_body_decode(enum event_kind kind, const void *data, size_t size, struct frame_body *ret);
void frame_body_free(struct frame_body *b);
/* The call that a body speaks of; 0 for those of the run. */
uint32_t frame_body_call(const struct frame_body *b);
/* Kernel events, whose payload is a struct event_*: every kind but RUN, CALL, FINDING, GAP. */
bool frame_kind_is_event(enum event_kind kind);
/* The event kind of frames that say `what`. */
enum event_kind frame_what_kind(enum frame_what what);

#define cleanup_frame_body __attribute__((__cleanup__(frame_body_free)))

#endif
