// SPDX-License-Identifier: Apache-2.0
/* What a crash left. A run that is marked live and whose keeper does not come is over: its record
 * is closed with a frame that says so. Runs that were removed while a recorder had the index lose
 * their rows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "recorder/recorder.h"

/* The bytes are not ours to repair: the index says that it is damaged, with what can be read. */
static void index_damaged(struct recorder *r, const char *id)
{
	struct segment_position end = { 0 };
	struct fail f = { 0 };
	struct tally t;
	int e;

	tally_init(&t);
	layout_replay(&r->layout, id, &t, &end, &f);
	log_warn("run %s: %s", id, f.text);
	e = index_begin(r->index, &f);
	if (e >= 0)
		e = index_write_run(r->index, id, &t, INDEX_DAMAGED, NULL, 0, &f);
	if (e >= 0)
		e = index_commit(r->index, &f);
	tally_free(&t);
	if (e < 0)
		index_rollback(r->index);
	else
		layout_clear_live(&r->layout, id);
}

static void close_abandoned(struct recorder *r, struct recording *run)
{
	struct run_close close = { .ended_ns = clock_wall_ns(), .exit_code = -1 };

	snprintf(close.reason, sizeof(close.reason),
		 "crash: weir ended before the run did; what came later was not recorded");
	recording_close(run, &close, FRAME_HEALED, 0);
	publish_run(r, run);
}

static int heal_run(void *context, const char *id)
{
	struct recorder *r = context;
	struct recording *run = NULL;
	struct fail f = { 0 };
	int e;

	if (recorder_find(r, id))
		return 0;
	if (faccessat(r->layout.runs, id, F_OK, 0) < 0) {
		layout_clear_live(&r->layout, id);
		return 0;
	}
	e = recording_new(id, -1, &r->layout, &r->notifier, &run);
	if (e < 0)
		return e;
	run->phase = RECORDING_LIVE;
	e = recording_resume(run, false, &f);
	if (e == -EBADMSG)
		index_damaged(r, id);
	else if (e == 0 && !run->tally.opened)
		layout_clear_live(&r->layout, id); /* not one frame was written */
	else if (e == 0)
		close_abandoned(r, run);
	recording_free(run);
	return 0;
}

void heal(struct recorder *r)
{
	if (publish_open(r))
		layout_each(r->layout.live, heal_run, r);
}

static int forget_run(void *context, const char *id)
{
	struct recorder *r = context;
	struct fail f = { 0 };
	int e = index_begin(r->index, &f);

	if (e >= 0)
		e = index_remove_run(r->index, id, &f);
	if (e >= 0)
		e = index_commit(r->index, &f);
	if (e < 0)
		index_rollback(r->index);
	else
		layout_purge(&r->layout, id);
	return e;
}

void heal_removed(struct recorder *r)
{
	if (r->index)
		layout_each(r->layout.removed, forget_run, r);
}
