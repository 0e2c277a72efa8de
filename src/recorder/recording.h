/* SPDX-License-Identifier: Apache-2.0 */
/* One run while it is recorded: its segments, its tally, its detectors and the way to its keeper.
 *
 * Frames are added, then flushed; what a flush wrote goes to the tally and to the detectors, in
 * order. What could not be written still goes to the detectors, so verdicts hold; its kernel events
 * are counted into a gap, everything else waits and is written when the disk takes it again. */
#ifndef WEIR_RECORDER_RECORDING_H
#define WEIR_RECORDER_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "call/channel.h"
#include "call/message.h"
#include "detect/detector.h"
#include "store/layout.h"
#include "store/tally.h"
#include "store/writer.h"

#define RETRY_BYTES_MAX (8u * 1024 * 1024) /* of frames that wait for space */
#define RETRY_NS (500 * 1000000ull)

enum recording_phase {
	RECORDING_WAITING, /* a keeper is connected and has not opened its run */
	RECORDING_LIVE,
	RECORDING_ORPHAN,  /* the keeper hung up without a word */
	RECORDING_CLOSING, /* the run is over, its record not complete */
	RECORDING_DONE,	   /* complete, but for the index */
};

struct notifier;
struct entered;

/* A finding acts when it is new, and again when it has become worse. */
struct acted {
	bool known;
	bool awaited;		      /* what was ordered has not come back yet */
	bool untold;		      /* a person is to be told of it as it is now */
	enum severity severity;	      /* that it was counted at, and a person told of or is to be */
	enum policy_action ordered;   /* the furthest */
	enum finding_verdict verdict; /* of what was done */
	char done[FINDING_DONE_MAX];
};

struct recording {
	char id[RUN_ID_SIZE];
	struct channel keeper; /* fd -1: none */
	enum recording_phase phase;
	uint64_t key;		     /* of the run in its events */
	uint64_t orphan_ns;	     /* RECORDING_ORPHAN: monotonic, since */
	const struct layout *layout; /* borrowed */
	struct notifier *notifier;   /* borrowed */

	bool made; /* writer and directory exist */
	struct run_writer writer;
	struct tally tally;
	struct policy policy;
	struct detection *detection;
	struct entered *entered; /* calls that the kernel alone tells of, or NULL: see entered.h */
	uint64_t received;	 /* the keeper's last numbered message */
	uint64_t acked;
	char root[MERKLE_HEX_SIZE];

	/* trouble: the last write failed */
	bool trouble, retrying;
	uint64_t retry_ns; /* monotonic: when to try again */
	struct buf retry;  /* whole frames, in order */
	struct gap gap;

	/* after another recorder's end */
	bool replaying; /* frames come from the segments: findings wait in `reborn` */
	bool silent;	/* findings are not reported */
	uint64_t *
		seen; /* sorted; the kernel's numbers of the last events in the segments, or NULL */
	size_t seen_count;

	/* what came of findings, by the record's number */
	struct acted *acted;
	size_t acted_room;

	/* the engine counts findings anew after a replay; index: its number, value: the record's */
	uint32_t *numbers;
	size_t number_room;
	uint32_t finding_last;
	uint32_t findings[SEVERITY_COUNT]; /* new ones, written or not */
	struct finding *reborn;		   /* what the engine found in a replay, by its number */
	size_t reborn_room;
};

/* keeper: taken over. */
int recording_new(const char *id, int keeper, const struct layout *layout,
		  struct notifier *notifier, struct recording **ret);
void recording_free(struct recording *r);

/* The keeper's opening: begins the run's record, or goes on with the one that is there. open is
 * the encoded struct run_open. -EBADMSG: unreadable, or a damaged record, with a text. */
/* Its end is written, or about to be: what comes now would lie behind the root. */
static inline bool recording_is_over(const struct recording *r)
{
	return r->phase == RECORDING_CLOSING || r->phase == RECORDING_DONE;
}
int recording_open(struct recording *r, const void *open, size_t size, struct fail *f);
/* Goes on with the segments that are there; judge: detectors see them again, and what comes. */
int recording_resume(struct recording *r, bool judge, struct fail *f);
/* A numbered message of the keeper as a frame. Those that are known already are left out. */
void recording_message(struct recording *r, enum frame_what what, uint64_t seq, const void *data,
		       size_t size);
/* A kernel event, from a ring (seq 0) or from the keeper. Malformed ones are counted. */
void recording_event(struct recording *r, uint64_t seq, const void *data, size_t size,
		     uint64_t wall_ns);
/* Was this event in the segments before we came? */
bool recording_has_seen(const struct recording *r, const struct event_header *h);
void recording_forget_seen(struct recording *r);
/* Writes what is pending, feeds tally and detectors, acknowledges. */
void recording_flush(struct recording *r);
/* Writes did not succeed: tells the keeper once, and tries again later. */
void recording_trouble(struct recording *r, const struct fail *f);
void recording_tick(struct recording *r, uint64_t mono_ns);
/* The run is over: last findings, the end, the root. seq: of the keeper's message, 0 without one.
 */
void recording_close(struct recording *r, const struct run_close *close, uint8_t flags,
		     uint64_t seq);
/* Tells the keeper that everything is recorded (or is not). */
void recording_answer(struct recording *r);
/* What a written (or not written) frame means for the run. */
void recording_on_frame(void *context, const struct frame_header *h, struct segment_position at);
int recording_make(struct recording *r, struct fail *f); /* the run's directory */
void recording_on_finding(void *context, const struct finding *finding);
/* The keeper's answer to what a finding ordered: from here on the finding says what was done. */
void recording_on_action(struct recording *r, const struct event_view *e);
/* The record ends: people are told of what they were not yet, because an answer was waited for. */
void recording_tell_people(struct recording *r);
/* After a replay: reports what the engine found and the segments do not say. */
void recording_settle_findings(struct recording *r);
/* Every finding in its last form, for the keeper. */
void recording_tell_findings(struct recording *r);
void recording_tell(struct recording *r, enum message_type type, uint64_t seq, const void *data,
		    size_t size);
void recording_tell_text(struct recording *r, enum message_type type, uint32_t n, int code,
			 const char *text);

#endif
