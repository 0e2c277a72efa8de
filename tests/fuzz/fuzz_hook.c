// SPDX-License-Identifier: Apache-2.0
/* What an agent may tell its hook: whatever is read stays within its limits and holds no NUL. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tool/hook_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_hook struct hook h = { .over = false };

	if (hook_read((const char *)data, size, &h) < 0) {
		assert(!h.id && !h.result);
		return 0;
	}
	assert(strlen(h.id) <= HOOK_ID_MAX && strlen(h.name) <= HOOK_ID_MAX);
	assert(strlen(h.arguments) <= HOOK_ARGUMENTS_MAX &&
	       strlen(h.command) <= HOOK_ARGUMENTS_MAX);
	assert(strlen(h.result) <= HOOK_RESULT_MAX && (h.over || !*h.result));
	return 0;
}
