// SPDX-License-Identifier: Apache-2.0
/* The frame reader of record.h: a cursor, and the index's offsets to begin in the middle. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/cursor.h"
#include "store/store.h"

struct frame_reader {
	int dir;
	struct cursor *cursor;
};

/* The nearest known place at or before seq; none: at.number is 0. */
static int nearest(struct store *s, const char *run_id, uint64_t seq, uint64_t *ret_seq,
		   struct segment_position *ret, struct fail *f)
{
	cleanup_statement sqlite3_stmt *q = NULL;
	int r = store_prepare(s,
			      "SELECT seq, at FROM offsets WHERE seq <= ?2 AND run ="
			      " (SELECT id FROM runs WHERE run=?1) ORDER BY seq DESC LIMIT 1",
			      &q, f);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, run_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)seq);
	r = store_step(s, q, f);
	if (r > 0) {
		*ret_seq = (uint64_t)sqlite3_column_int64(q, 0);
		*ret = position_from((uint64_t)sqlite3_column_int64(q, 1));
	}
	return r < 0 ? r : 0;
}

static int seek(struct store *s, const char *run_id, struct cursor *c, uint64_t from_seq,
		struct fail *f)
{
	struct segment_position at = { 0 };
	const struct frame_header *h;
	uint64_t seq = 1;
	int r = nearest(s, run_id, from_seq, &seq, &at, f);

	if (r < 0)
		return r;
	if (at.number)
		r = cursor_seek(c, at, seq, f);
	for (; r >= 0 && seq < from_seq; seq++)
		if ((r = cursor_next(c, &h, f)) == 0)
			break;
	return r < 0 ? r : 0;
}

int frame_reader_open(struct store *s, const char *run_id, uint64_t from_seq,
		      struct frame_reader **ret, struct fail *f)
{
	struct frame_reader *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return fail(f, ENOMEM, "read run %s", run_id);
	e = r->dir = store_run_dir(s, run_id, f);
	if (e >= 0)
		e = cursor_open(r->dir, run_id, &r->cursor, f);
	if (e >= 0 && from_seq > 1)
		e = seek(s, run_id, r->cursor, from_seq, f);
	if (e < 0) {
		frame_reader_close(r);
		return e;
	}
	*ret = r;
	return 0;
}

int frame_reader_next(struct frame_reader *r, struct frame *ret, struct fail *f)
{
	const struct frame_header *h;
	struct frame frame;
	int e = cursor_next(r->cursor, &h, f);

	if (e <= 0)
		return e;
	frame = (struct frame){
		.seq = h->seq,
		.wall_ns = h->wall_ns,
		.kind = h->kind,
		.data = h + 1,
		.size = h->size - sizeof(*h),
	};
	if (frame_kind_is_event(frame.kind)) {
		e = event_decode(frame.data, frame.size, &frame.event);
		if (e < 0 || frame.event.h->kind != h->kind)
			return fail_text(f, EBADMSG,
					 "segment %06u.seg, offset %u: event %llu is malformed",
					 cursor_at(r->cursor).number, cursor_at(r->cursor).offset,
					 (unsigned long long)h->seq);
		frame.event.seq = h->seq;
	}
	*ret = frame;
	return 1;
}

void frame_reader_close(struct frame_reader *r)
{
	if (!r)
		return;
	cursor_close(r->cursor);
	if (r->dir >= 0)
		close(r->dir);
	free(r);
}
