// SPDX-License-Identifier: Apache-2.0
/* What the trajectory says a call showed, against what the replayed call showed. The comparison is
 * made where the observation is (src/trace); here it becomes a finding. */

#include "base/text_escape.h"
#include "detect/detection.h"

#define DIFFERENCE_WIDTH 300

static void on_observation(struct detection *d, void *state, const struct call_announce *call,
			   const struct call_observation *o, uint64_t seq)
{
	cleanup_buf struct buf text = { 0 };
	struct finding f;

	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	if (!o->differs)
		return;
	finding_begin_call(FINDING_CONTRADICTION, call->n, seq, &f);
	buf_add_text(&text, "the replayed observation differs from the recorded one");
	if (o->difference) {
		buf_add_text(&text, ": ");
		text_escape_again(&text, o->difference, DIFFERENCE_WIDTH);
	}
	finding_say(&f, &text);
	detection_report(d, &f, 0);
}

const struct detector contradiction_detector = {
	.kind = FINDING_CONTRADICTION,
	.on_observation = on_observation,
};
