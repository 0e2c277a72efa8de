// SPDX-License-Identifier: Apache-2.0
/* Runs the steps of a stage; the table from step to verb. Owns nothing; trusts the image, which the
 * keeper made. */
#include "sandbox/step.h"

#include "sandbox/kernel.h"

static step_verb *const verbs[STEP_OP_COUNT] = {
#define OP(NAME, name, words) step_##name,
	STEP_OPS
#undef OP
};

int steps_run(struct work *w, enum step_stage stage)
{
	const struct plan_image *image = w->image;

	for (uint32_t i = 0; i < image->step_count; i++) {
		const struct step *s = &image->steps[i];
		int r;

		if (s->stage != stage)
			continue;
		r = verbs[s->op](w, s);
		if (r == -ENOENT && (s->flags & STEP_OPTIONAL))
			continue;
		if (r < 0) {
			w->outcome->step = i;
			w->outcome->error = -r;
			return r;
		}
	}
	return 0;
}
