/* SPDX-License-Identifier: Apache-2.0 */
/* A living run's record, followed: each call and finding becomes a line of cmd/live.h as it is
 * recorded. Reads the store only; nothing of the run depends on it. */
#ifndef WEIR_CMD_WATCH_H
#define WEIR_CMD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/live.h"
#include "store/record.h"

#define WATCH_MS 100		/* how often to look */
#define WATCH_FINDINGS_MAX 1024 /* told as they come; the report has them all */
#define WATCH_CALLS_MAX 4096	/* living calls of which beginning and name are remembered */

struct watch_call {
	struct watch_call *next;
	uint32_t n;
	uint64_t started_ns;
	char *function, *subject;
};

struct watch {
	struct live live;
	struct watch_call *calls; /* that have not ended */
	size_t call_count;
	uint64_t only;			      /* this call, UINT64_MAX: all */
	uint8_t findings[WATCH_FINDINGS_MAX]; /* by number, how bad each was when it was told */
	bool silent;			      /* of findings: somebody else tells them all */
	bool over;			      /* the run's end was seen */
	uint64_t told;			      /* lines */
};

/* Looks at one frame. 0, -EBADMSG or -ENOMEM. */
int watch_frame(struct watch *w, const char *run_id, const struct frame *frame);
void watch_free(struct watch *w); /* accepts a zeroed one */

/* The record of a run that lives in this process's hands. */
struct watch_record {
	struct watch watch;
	struct store *store;
	struct frame_reader *reader;
	bool broken; /* it cannot be read: nothing more is shown */
};
/* Shows what has been recorded since; at most `most` lines, of more only how many there were. A
 * record that is not there yet, or cannot be read, shows nothing. */
void watch_look(struct watch_record *r, const char *store, const char *run_id, uint64_t most);
void watch_record_free(struct watch_record *r); /* accepts a zeroed one */

#endif
