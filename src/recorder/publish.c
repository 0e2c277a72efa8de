// SPDX-License-Identifier: Apache-2.0
/* When the index is written. The segments are the truth and are always ahead; a commit that fails
 * is tried again, and a run that could not be indexed keeps its live mark, so that the next
 * recorder finds it. Owns the decision, not the database. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "recorder/recorder.h"

#define INTERVAL_NS (200 * 1000000ull)
#define BEGIN_NS (20 * 1000000ull) /* many runs are over by then: one commit for them, not two */
#define RETRY_INDEX_NS (500 * 1000000ull)
#define RETRY_IDLE_NS (100 * 1000000ull) /* who repaired it will want to run something */
#define CHECKPOINT_PAGES 1000
#define IDLE_NS (2 * NSEC_PER_SEC)
#define ENDING_TRIES 10 /* each waits index.c's BUSY_MS for whoever holds the index */

/* No index can be written here, by no retry: runs must not begin as if it could. The rest is said
 * to each run, which is recorded all the same. */
static bool is_hopeless(int code)
{
	return code == ENOTSUP || code == EACCES || code == EROFS || code == EPERM;
}

void publish_warn(struct recorder *r, struct recording *run)
{
	char text[FAIL_TEXT_MAX + 64];

	snprintf(text, sizeof(text), "the run is recorded, but its index is not written: %s",
		 r->index_fail.text);
	if (r->index_fail.code && run->phase == RECORDING_LIVE)
		recording_tell_text(run, MESSAGE_REC_TROUBLE, 0, r->index_fail.code, text);
}

static void index_failed(struct recorder *r, const struct fail *f)
{
	bool is_new = r->index_fail.code != f->code;

	r->index_retry_ns = clock_mono_ns() + (r->count ? RETRY_INDEX_NS : RETRY_IDLE_NS);
	r->index_fail = *f;
	control_state(r, is_hopeless(f->code) ? f->code : 0, f->text);
	if (!is_new)
		return;
	log_error("%s", f->text);
	for (size_t i = 0; i < r->count; i++)
		publish_warn(r, r->recordings[i]);
}

static void index_trouble(struct recorder *r, const struct fail *f)
{
	index_rollback(r->index);
	r->publish_ns = clock_mono_ns() + RETRY_INDEX_NS;
	if (f->code == EBUSY)
		return; /* somebody looks at it with a tool of their own: it passes */
	index_close(r->index);
	r->index = NULL;
	index_failed(r, f);
}

bool publish_open(struct recorder *r)
{
	struct fail f = { 0 };

	if (r->index)
		return true;
	if (!r->ready || clock_mono_ns() < r->index_retry_ns)
		return false;
	if (index_open(r->path, INDEX_NAME, &r->index, &f) < 0) {
		r->index = NULL;
		index_failed(r, &f);
		return false;
	}
	r->index_fail.code = 0;
	control_state(r, 0, "");
	return true;
}

static enum index_state state_of(const struct recording *run)
{
	if (run->tally.healed)
		return INDEX_DAMAGED;
	return run->phase == RECORDING_DONE ? INDEX_OVER : INDEX_LIVE;
}

static int write_run(struct recorder *r, struct recording *run, struct fail *f)
{
	return index_write_run(r->index, run->id, &run->tally, state_of(run), run->root,
			       run->writer.bytes, f);
}

static void written(struct recorder *r, struct recording *run)
{
	tally_clean(&run->tally);
	if (run->phase == RECORDING_DONE)
		layout_clear_live(&r->layout, run->id);
}

static bool is_due(const struct recording *run)
{
	return run->made && run->tally.opened && run->tally.dirty;
}

static void write_all(struct recorder *r)
{
	struct fail f = { 0 };
	int e = index_begin(r->index, &f);

	for (size_t i = 0; e >= 0 && i < r->count; i++)
		if (is_due(r->recordings[i]))
			e = write_run(r, r->recordings[i], &f);
	if (e >= 0 && r->unattributed)
		e = index_add_counter(r->index, "unattributed", r->unattributed, &f);
	if (e >= 0 && r->notifier.dropped)
		e = index_add_counter(r->index, "notifications dropped", r->notifier.dropped, &f);
	if (e >= 0)
		e = index_commit(r->index, &f);
	if (e < 0) {
		index_trouble(r, &f);
		return;
	}
	r->unattributed = r->notifier.dropped = 0;
	for (size_t i = 0; i < r->count; i++)
		if (is_due(r->recordings[i]))
			written(r, r->recordings[i]);
}

void publish(struct recorder *r, uint64_t now)
{
	bool due = r->unattributed || r->notifier.dropped;
	uint64_t took;

	for (size_t i = 0; !due && i < r->count; i++)
		due = is_due(r->recordings[i]);
	if (!due || now < r->publish_ns || !publish_open(r))
		return;
	write_all(r);
	took = clock_mono_ns() - now;
	/* Large runs take longer: at most a twentieth of our time goes to the index. */
	if (r->index)
		r->publish_ns = now + (took * 20 > INTERVAL_NS ? took * 20 : INTERVAL_NS);
	if (r->index && index_wal_pages(r->index) > CHECKPOINT_PAGES)
		index_checkpoint(r->index);
}

static int write_one(struct recorder *r, struct recording *run, struct fail *f)
{
	int e = index_begin(r->index, f);

	if (e >= 0)
		e = write_run(r, run, f);
	if (e >= 0)
		e = index_commit(r->index, f);
	if (e < 0)
		index_rollback(r->index);
	return e;
}

void publish_run(struct recorder *r, struct recording *run)
{
	struct fail f = { 0 };
	int e = -EBUSY;

	r->index_retry_ns = 0; /* whatever was wrong may be over, and somebody waits */
	if (!is_due(run) || !publish_open(r))
		return;
	for (int i = 0; i < ENDING_TRIES && e == -EBUSY; i++)
		e = write_one(r, run, &f);
	if (e < 0)
		index_trouble(r, &f);
	else
		written(r, run);
}

void publish_begin(struct recorder *r)
{
	uint64_t now = clock_mono_ns();

	r->index_retry_ns = 0;
	publish_open(r);
	if (r->publish_ns <= now)
		r->publish_ns = now + BEGIN_NS;
}

/* With nothing to write the index is closed, so that `weir rm` and `weir store rebuild` can have
 * its lock. */
void publish_idle(struct recorder *r, uint64_t now)
{
	if (r->count || !r->index) {
		r->idle_ns = now;
		return;
	}
	if (now - r->idle_ns < IDLE_NS)
		return;
	heal_removed(r);
	index_close(r->index);
	r->index = NULL;
}
