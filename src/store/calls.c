// SPDX-License-Identifier: Apache-2.0
/* The calls and findings of a run; see record.h. The index says where a call's frames lie and holds
 * its counters; what the call was is read from the frames themselves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/counts.h"
#include "store/cursor.h"
#include "store/store.h"

#define COUNTS (3 * EVENT_CLASS_COUNT + EVENT_KIND_COUNT)

static int read_body(int dir, const char *run_id, struct segment_position at,
		     enum frame_what expected, struct frame_body *ret, struct fail *f)
{
	cleanup_free struct frame_header *h = NULL;
	int r = frame_read_at(dir, run_id, at, &h, f);

	if (r < 0)
		return r;
	r = frame_body_decode(h->kind, h + 1, h->size - sizeof(*h), ret);
	if (r >= 0 && ret->what == expected)
		return 0;
	if (r >= 0)
		frame_body_free(ret);
	return fail_text(f, EBADMSG,
			 "run %s: the index does not fit the segments (frame at %06u.seg, offset "
			 "%u): `weir verify` checks the record, `weir store rebuild` the index",
			 run_id, at.number, at.offset);
}

/* One of the frames that describe a call, into its place in ret. */
static int read_part(int dir, const char *run_id, struct segment_position at, enum frame_what what,
		     struct call_record *ret, struct fail *f)
{
	struct frame_body body = { 0 };
	int r = at.number ? read_body(dir, run_id, at, what, &body, f) : 0;

	if (r < 0 || !at.number)
		return r;
	switch (what) {
	case FRAME_CALL_ANNOUNCE:
		ret->announce = body.announce;
		break;
	case FRAME_CALL_EXIT:
		ret->ended = true;
		ret->exit = body.exit;
		break;
	case FRAME_CALL_OBSERVATION:
		ret->observation = body.observation;
		break;
	default:
		ret->gone = true;
		ret->gone_at = body.gone;
	}
	return 0;
}

static void read_counts(sqlite3_stmt *q, struct call_record *ret)
{
	struct call_tally c = { .counted = sqlite3_column_int(q, 5) };
	uint64_t counts[COUNTS];

	counts_decode(sqlite3_column_blob(q, 6), (size_t)sqlite3_column_bytes(q, 6), counts,
		      COUNTS);
	memcpy(c.produced, counts, sizeof(c.produced));
	memcpy(c.kernel_lost, counts + EVENT_CLASS_COUNT, sizeof(c.kernel_lost));
	memcpy(c.gap_lost, counts + 2 * EVENT_CLASS_COUNT, sizeof(c.gap_lost));
	memcpy(c.kind_count, counts + 3 * EVENT_CLASS_COUNT, sizeof(c.kind_count));
	call_tally_classes(&c, ret->recorded, ret->lost);
	memcpy(ret->produced, c.produced, sizeof(ret->produced));
	memcpy(ret->kind_count, c.kind_count, sizeof(ret->kind_count));
	for (int i = 0; i < EVENT_CLASS_COUNT; i++)
		if (ret->produced[i] < ret->recorded[i] + ret->lost[i])
			ret->produced[i] = ret->recorded[i] + ret->lost[i];
}

static int read_call(int dir, const char *run_id, sqlite3_stmt *q, struct call_record *ret,
		     struct fail *f)
{
	static const enum frame_what parts[] = { FRAME_CALL_ANNOUNCE, FRAME_CALL_EXIT,
						 FRAME_CALL_OBSERVATION, FRAME_CALL_GONE };
	int r = 0;

	for (int i = 0; i < (int)ARRAY_LENGTH(parts) && r >= 0; i++)
		r = read_part(dir, run_id, position_from((uint64_t)sqlite3_column_int64(q, 1 + i)),
			      parts[i], ret, f);
	read_counts(q, ret);
	ret->announce.n = (uint32_t)sqlite3_column_int64(q, 0);
	return r;
}

static int calls_between(struct store *s, const char *run_id, uint32_t first, uint32_t last,
			 int (*on_call)(void *context, const struct call_record *call),
			 void *context, struct fail *f)
{
	cleanup_statement sqlite3_stmt *q = NULL;
	cleanup_fd int dir = store_run_dir(s, run_id, f);
	int64_t row = 0;
	int r = dir < 0 ? dir : store_row(s, run_id, &row, f);

	if (r >= 0)
		r = store_prepare(s,
				  "SELECT n, announce_at, exit_at, observation_at, gone_at,"
				  " counted, counts FROM calls WHERE run=?1 AND n BETWEEN ?2 AND ?3"
				  " ORDER BY n",
				  &q, f);
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, row);
	sqlite3_bind_int64(q, 2, first);
	sqlite3_bind_int64(q, 3, last);
	while (r >= 0 && (r = store_step(s, q, f)) > 0) {
		struct call_record call = { 0 };

		r = read_call(dir, run_id, q, &call, f);
		if (r >= 0)
			r = on_call(context, &call);
		call_announce_free(&call.announce);
		call_observation_free(&call.observation);
	}
	return r;
}

int store_calls(struct store *s, const char *run_id,
		int (*on_call)(void *context, const struct call_record *call), void *context,
		struct fail *f)
{
	return calls_between(s, run_id, 0, UINT32_MAX, on_call, context, f);
}

int store_call(struct store *s, const char *run_id, uint32_t n,
	       int (*on_call)(void *context, const struct call_record *call), void *context,
	       struct fail *f)
{
	return calls_between(s, run_id, n, n, on_call, context, f);
}

int store_findings(struct store *s, const char *run_id,
		   int (*on_finding)(void *context, const struct finding *finding), void *context,
		   struct fail *f)
{
	cleanup_statement sqlite3_stmt *q = NULL;
	struct finding finding;
	int64_t row = 0;
	int r = store_row(s, run_id, &row, f);

	if (r >= 0)
		r = store_prepare(s, "SELECT body FROM findings WHERE run=?1 ORDER BY number", &q,
				  f);
	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, row);
	while (r >= 0 && (r = store_step(s, q, f)) > 0) {
		struct wire w;

		wire_init(&w, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
		if (finding_decode(&w, &finding) < 0)
			return fail_text(f, EUCLEAN,
					 "the index holds a finding of run %s that cannot be read: "
					 "`weir store rebuild` makes it anew",
					 run_id);
		r = on_finding(context, &finding);
	}
	return r;
}
