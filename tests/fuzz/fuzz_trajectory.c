// SPDX-License-Identifier: Apache-2.0
/* A trajectory as anybody may send one: it is refused with one line, or everything that the replay
 * takes from it is bounded and whole. What it recorded then meets itself as the replayed output. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "call/call.h"
#include "trace/function.h"
#include "trace/observation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_observation(const struct trajectory_call *call)
{
	const struct recorded was = { .text = call->recorded, .size = call->recorded_size };
	const struct replayed is = { .text = call->recorded, .size = call->recorded_size };
	cleanup_buf struct buf text = { 0 }, difference = { 0 };
	bool has;
	int status;

	buf_init(&text, CALL_OUTPUT_MAX);
	buf_init(&difference, 500);
	observation_unwrap(call->recorded, call->recorded_size, &text, &has, &status);
	assert(!text.error);
	/* the same output contradicts itself in nothing */
	assert(!observation_differs(&was, &is, &difference) && difference.size == 0);
	buf_clear(&text);
	observation_normalise(call->recorded, call->recorded_size, &text);
}

static void check_call(const struct trajectory *t, const struct trajectory_call *call)
{
	struct action a;

	assert(strlen(call->id) > 0 && strlen(call->id) <= CALL_ID_MAX);
	assert(strlen(call->function) > 0 && strlen(call->function) <= CALL_FUNCTION_MAX);
	assert(call->parent < call->ordinal && call->ordinal <= t->call_count);
	assert(trajectory_call_subject(call));
	if (call->recorded) {
		assert(strlen(call->recorded) == call->recorded_size);
		assert(call->recorded_size <= CALL_OUTPUT_MAX);
		check_observation(call);
	}
	if (action_make(call, &a) < 0)
		return;
	assert((a.kind == ACT_NOTHING) == (a.reason[0] != '\0'));
	assert(a.kind != ACT_SHELL || a.command);
	assert(a.kind != ACT_FILE || a.request.size > 0);
	action_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trajectory t = { 0 };
	struct fail f = { 0 };

	if (trajectory_read("t", (const char *)data, size, &t, &f) < 0) {
		assert(f.code && f.text[0] && !strchr(f.text, '\n'));
		return 0;
	}
	for (uint32_t i = 0; i < t.call_count; i++)
		check_call(&t, &t.calls[i]);
	for (size_t i = 0; i < t.step_count; i++)
		assert(t.steps[i].first - 1 + t.steps[i].count <= t.call_count);
	trajectory_free(&t);
	return 0;
}
