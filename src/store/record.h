/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records. The store is a directory: runs/RUN/NNNNNN.seg (append-only segments, the truth),
 * index.db (SQLite: runs, calls, findings, counters, offsets; rebuilt from the segments by
 * store_rebuild()), and run/ (sockets and locks of living processes). Only the recorder writes;
 * what is declared here only reads, and works while the recorder writes. */
#ifndef WEIR_STORE_RECORD_H
#define WEIR_STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "bpf/event_decode.h"
#include "call/call.h"
#include "detect/finding.h"

struct store;

/* $WEIR_STORE, else /var/lib/weir as root, else $XDG_STATE_HOME/weir (~/.local/state/weir).
 * malloc'ed. */
char *store_path_default(void);
int store_open(const char *path, struct store **ret,
	       struct fail *f); /* read-only; -ENOENT: no store there */
void store_close(struct store *s);

/* One line of `weir ls`, and the head of a report. Strings owned by the struct. */
struct run_info {
	struct run_open open; /* everything known at the start */
	bool over;
	struct run_close close; /* valid when over */
	bool damaged;		/* the record ends without a run end although nothing lives */
	uint64_t events, lost;	/* recorded; lost according to the kernel's counters */
	uint32_t calls;
	uint32_t findings[SEVERITY_COUNT];
	char root[65];	/* hex, "" while it grows */
	uint64_t bytes; /* size of the segments */
};
void run_info_free(struct run_info *r);

/* spec: id, unique prefix, name, or NULL/"" for the latest. -ENOENT, -ENOTUNIQ with a clear text.
 */
int store_run_find(struct store *s, const char *spec, struct run_info *ret, struct fail *f);
int store_runs(struct store *s, int (*on_run)(void *context, const struct run_info *run),
	       void *context, struct fail *f);

struct call_record {
	struct call_announce announce;
	bool ended;
	struct call_exit exit;
	struct call_observation observation; /* zero when none */
	bool gone;
	struct call_gone gone_at;
	uint64_t produced[EVENT_CLASS_COUNT], recorded[EVENT_CLASS_COUNT], lost[EVENT_CLASS_COUNT];
	uint64_t kind_count[EVENT_KIND_COUNT]; /* recorded events by kind */
};
/* In order of n, beginning with call 0. The pointer is valid during the call. */
int store_calls(struct store *s, const char *run_id,
		int (*on_call)(void *context, const struct call_record *call), void *context,
		struct fail *f);
int store_findings(struct store *s, const char *run_id,
		   int (*on_finding)(void *context, const struct finding *finding), void *context,
		   struct fail *f);

/* What a frame of a segment is, decoded. Every frame has a sequence number and is an event of the
 * run. */
struct frame {
	uint64_t seq;
	uint64_t wall_ns;
	enum event_kind kind;
	const void *data; /* the payload's bytes */
	size_t size;
	struct event_view event; /* kernel kinds (FORK … DENIED, COUNT) */
};
struct frame_reader;
int frame_reader_open(struct store *s, const char *run_id, uint64_t from_seq,
		      struct frame_reader **ret, struct fail *f);
/* 1: a frame; 0: the end (for now, while the run lives); -EBADMSG: damaged, with segment and offset
 * in f. */
int frame_reader_next(struct frame_reader *r, struct frame *ret, struct fail *f);
void frame_reader_close(struct frame_reader *r);

/* Recomputes the Merkle root from the segments: RFC 6962 section 2.1. */
struct verify_result {
	uint64_t frames;
	char root[65];
	bool matches; /* the root that the record ends with, and every checksum and sequence number
		       */
};
int store_verify(struct store *s, const char *run_id, struct verify_result *ret, struct fail *f);
int store_rebuild(const char *path, uint64_t *ret_runs,
		  struct fail *f); /* index.db from the segments */
int store_run_remove(const char *path, const char *run_id, struct fail *f);

#endif
