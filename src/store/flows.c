// SPDX-License-Identifier: Apache-2.0
/* Flows by what the outside saw of them; see flows.h. Reads the index, whose rows name the frames.
 */
#include "store/flows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/cursor.h"
#include "store/store.h"

/* Short ones are found by when they began, whatever their number; the others are few. */
static const char select_flows[] =
	"SELECT r.run, f.flow, f.call, f.port, f.sport, f.started, f.ended, f.src, f.transport,"
	" f.event_at, r.ended FROM flows f JOIN runs r ON r.id=f.run WHERE f.dst=?1"
	" AND f.lasting=?2 AND f.started>=?3 AND f.started<=?4 AND (f.ended=0 OR f.ended>=?5)"
	" AND (?6=0 OR f.port=?6) AND (?7=0 OR f.sport=?7) AND (?8=0 OR f.transport=?8)";

static int row_read(sqlite3_stmt *q, struct flow_row *ret)
{
	const char *run = (const char *)sqlite3_column_text(q, 0);

	if (!run || sqlite3_column_bytes(q, 7) != sizeof(ret->src))
		return -EUCLEAN;
	*ret = (struct flow_row){
		.flow = (uint64_t)sqlite3_column_int64(q, 1),
		.call = (uint32_t)sqlite3_column_int64(q, 2),
		.port = (uint16_t)sqlite3_column_int64(q, 3),
		.sport = (uint16_t)sqlite3_column_int64(q, 4),
		.started_ns = (uint64_t)sqlite3_column_int64(q, 5),
		.ended_ns = (uint64_t)sqlite3_column_int64(q, 6),
		.transport = (uint8_t)sqlite3_column_int64(q, 8),
		.at = position_from((uint64_t)sqlite3_column_int64(q, 9)),
	};
	snprintf(ret->run, sizeof(ret->run), "%s", run);
	memcpy(ret->src, sqlite3_column_blob(q, 7), sizeof(ret->src));
	/* A flow whose end nobody told ended with its run. */
	if (!ret->ended_ns && sqlite3_column_type(q, 10) != SQLITE_NULL)
		ret->ended_ns = (uint64_t)sqlite3_column_int64(q, 10);
	if (!ret->ended_ns)
		ret->ended_ns = UINT64_MAX;
	return 0;
}

static int find(struct store *s, const struct flow_query *query, bool lasting,
		int (*on_flow)(void *context, const struct flow_row *flow), void *context,
		struct fail *f)
{
	bool early = lasting || query->from_ns < FLOW_SHORT_NS;
	uint64_t earliest = early ? 0 : query->from_ns - FLOW_SHORT_NS;
	cleanup_statement sqlite3_stmt *q = NULL;
	struct flow_row row;
	int r = store_prepare(s, select_flows, &q, f);

	if (r < 0)
		return r;
	sqlite3_bind_blob(q, 1, query->dst, sizeof(query->dst), SQLITE_STATIC);
	sqlite3_bind_int(q, 2, lasting);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)earliest);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)query->until_ns);
	sqlite3_bind_int64(q, 5, (sqlite3_int64)query->from_ns);
	sqlite3_bind_int(q, 6, query->port);
	sqlite3_bind_int(q, 7, query->sport);
	sqlite3_bind_int(q, 8, query->transport);
	while (r >= 0 && (r = store_step(s, q, f)) > 0) {
		if (row_read(q, &row) < 0)
			return fail_text(f, EUCLEAN,
					 "the index of the store %s is damaged: `weir store "
					 "rebuild` makes it anew",
					 s->path);
		if (row.ended_ns >= query->from_ns &&
		    faccessat(s->layout.runs, row.run, F_OK, 0) == 0)
			r = on_flow(context, &row);
	}
	return r;
}

int store_flows(struct store *s, const struct flow_query *query,
		int (*on_flow)(void *context, const struct flow_row *flow), void *context,
		struct fail *f)
{
	int r = 0;

	if (s->is_older)
		return 0; /* made before there were flows */
	for (int lasting = 0; r >= 0 && lasting < 2; lasting++)
		r = find(s, query, lasting, on_flow, context, f);
	return r;
}

int store_flow_event(struct store *s, const struct flow_row *row, void **ret_data,
		     struct frame *ret, struct fail *f)
{
	cleanup_fd int dir = store_run_dir(s, row->run, f);
	cleanup_free struct frame_header *h = NULL;
	struct frame frame;
	int r = dir < 0 ? dir : frame_read_at(dir, row->run, row->at, &h, f);

	if (r < 0)
		return r;
	frame = (struct frame){ .seq = h->seq,
				.wall_ns = h->wall_ns,
				.kind = h->kind,
				.data = h + 1,
				.size = h->size - sizeof(*h) };
	r = event_decode(frame.data, frame.size, &frame.event);
	if (r < 0 || h->kind != EVENT_FLOW || frame.event.h->kind != EVENT_FLOW ||
	    frame.event.flow->flow != row->flow)
		return fail_text(
			f, EBADMSG,
			"run %s: the index does not fit the segments: `weir verify` checks "
			"the record, `weir store rebuild` the index",
			row->run);
	frame.event.seq = h->seq;
	*ret_data = take_ptr(h);
	*ret = frame;
	return 0;
}
