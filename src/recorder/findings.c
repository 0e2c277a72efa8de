// SPDX-License-Identifier: Apache-2.0
/* What the detectors find becomes frames, goes to the keeper and, where the policy says so, ends
 * the run or calls a person. After a replay the engine counts from 1 again: a finding is known by
 * what it says of which call, and keeps the number that the record gave it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "recorder/notify.h"
#include "recorder/recording.h"
#include "store/array.h"

#define NUMBERS_MAX 65536

static bool says_the_same(const struct finding *a, const struct finding *b)
{
	return strcmp(a->detector, b->detector) == 0 && a->call == b->call &&
	       (a->evidence_count ? a->evidence[0] : 0) == (b->evidence_count ? b->evidence[0] : 0);
}

static bool is_taken(const struct recording *r, uint32_t number)
{
	for (size_t i = 0; i < r->number_room; i++)
		if (r->numbers[i] == number)
			return true;
	return false;
}

static uint32_t recorded_number(const struct recording *r, const struct finding *finding)
{
	for (size_t i = 0; i < r->tally.finding_count; i++) {
		const struct finding *known = &r->tally.finding[i].finding;

		if (known->number && says_the_same(known, finding) && !is_taken(r, known->number))
			return known->number;
	}
	return 0;
}

/* The record's number for the engine's; 0: no memory, or beyond every limit. */
static uint32_t number_for(struct recording *r, const struct finding *finding, bool *ret_new)
{
	uint32_t *number;

	if (array_grow(&r->numbers, &r->number_room, finding->number, sizeof(*r->numbers),
		       NUMBERS_MAX) < 0)
		return 0;
	number = &r->numbers[finding->number];
	if (*number == 0)
		*number = recorded_number(r, finding);
	*ret_new = *number == 0;
	if (*number == 0)
		*number = ++r->finding_last;
	return *number;
}

static void act(struct recording *r, const struct finding *finding)
{
	const struct notify_target *target = &r->policy.notify[finding->severity];
	char text[FINDING_SUMMARY_MAX + 64];

	if (r->policy.on[finding->severity] == ACTION_KILL) {
		snprintf(text, sizeof(text), "finding F%u: %s", finding->number, finding->summary);
		recording_tell_text(r, MESSAGE_REC_ACTION, 0, 0, text);
	}
	if (target->syslog || target->command)
		notify_finding(r->notifier, target, r->id, finding);
}

static void tell_finding(struct recording *r, const struct buf *encoded)
{
	recording_tell(r, MESSAGE_REC_FINDING, 0, buf_text(encoded), encoded->size);
}

static void report(struct recording *r, const struct finding *finding, bool is_new)
{
	cleanup_buf struct buf b = { 0 };

	buf_init(&b, MESSAGE_FINDING_MAX);
	finding_encode(finding, &b);
	if (b.error)
		return;
	run_writer_add(&r->writer, &(struct frame_new){ .kind = EVENT_FINDING,
							.what = FRAME_FINDING,
							.wall_ns = clock_wall_ns(),
							.payload = buf_text(&b),
							.size = b.size });
	tell_finding(r, &b);
	if (!is_new)
		return;
	r->findings[finding->severity]++;
	act(r, finding);
}

void recording_on_finding(void *context, const struct finding *finding)
{
	struct recording *r = context;
	struct finding f = *finding;
	bool is_new = false;

	if (r->silent || (unsigned)f.severity >= SEVERITY_COUNT)
		return;
	if (r->replaying) {
		if (array_grow(&r->reborn, &r->reborn_room, f.number, sizeof(f), NUMBERS_MAX) == 0)
			r->reborn[f.number] = f;
		return;
	}
	f.number = number_for(r, finding, &is_new);
	if (f.number)
		report(r, &f, is_new);
}

void recording_settle_findings(struct recording *r)
{
	for (size_t i = 0; i < r->reborn_room; i++) {
		struct finding f = r->reborn[i];
		bool is_new = false;

		if (!f.number)
			continue;
		f.number = number_for(r, &r->reborn[i], &is_new);
		if (f.number &&
		    (is_new || r->tally.finding[f.number - 1].finding.events < f.events))
			report(r, &f, is_new);
	}
	free(r->reborn);
	r->reborn = NULL;
	r->reborn_room = 0;
}

void recording_tell_findings(struct recording *r)
{
	cleanup_buf struct buf b = { 0 };

	buf_init(&b, MESSAGE_FINDING_MAX);
	for (size_t i = 0; i < r->tally.finding_count; i++) {
		buf_clear(&b);
		if (!r->tally.finding[i].finding.number)
			continue;
		finding_encode(&r->tally.finding[i].finding, &b);
		tell_finding(r, &b);
	}
}
