// SPDX-License-Identifier: Apache-2.0
/* Events as a damaged or hostile record may hold them: whatever decodes has its strings inside its
 * bytes, becomes JSON within its limit, and can be learned from. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const struct event_view *e, const void *bytes, size_t size)
{
	const char *begin = bytes;

	for (size_t i = 0; i < 4; i++)
		assert(!e->text[i].data || (e->text[i].data >= begin &&
					    e->text[i].data + e->text[i].size <= begin + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_context context = { .run_id = "0123456789abcdef", .exe = "/bin/true" };
	cleanup_buf struct buf out = { 0 };
	struct event_view e;
	struct json json;
	void *aligned = malloc(size ? size : 1); /* exactly as long: a read past the end is seen */

	buf_init(&out, 1024 * 1024);
	assert(aligned);
	memcpy(aligned, data, size);
	if (event_decode(aligned, size, &e) == 0) {
		inside(&e, aligned, size);
		json_init(&json, &out);
		event_json(&json, &e, &context);
		assert(!out.error && out.size > 2);
	}
	free(aligned);
	return 0;
}
