// SPDX-License-Identifier: Apache-2.0
/* Events as a damaged or hostile record may hold them: whatever decodes has its strings inside its
 * bytes, becomes JSON and words within their limit, and can be learned from: events follow each
 * other, and what their handovers say, however they refer to each other, resolves to edges within
 * their limit. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event_json.h"
#include "bpf/event_words.h"
#include "call/lineage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const struct event_view *e, const void *bytes, size_t size)
{
	const char *begin = bytes;

	for (size_t i = 0; i < 4; i++)
		assert(!e->text[i].data || (e->text[i].data >= begin &&
					    e->text[i].data + e->text[i].size <= begin + size));
}

/* One event of exactly `size` bytes: a read past its end is seen. */
static void try_event(struct lineage *lineage, const uint8_t *data, size_t size)
{
	struct event_context context = { .run_id = "0123456789abcdef", .exe = "/bin/true" };
	struct edge edges[LINEAGE_EDGES_MAX];
	cleanup_buf struct buf out = { 0 };
	struct event_view e;
	struct json json;
	void *aligned = malloc(size ? size : 1);

	buf_init(&out, 1024 * 1024);
	assert(aligned);
	memcpy(aligned, data, size);
	if (event_decode(aligned, size, &e) == 0) {
		inside(&e, aligned, size);
		assert(lineage_event(lineage, &e) == 0);
		context.edges = edges;
		context.edge_count = lineage_edges(lineage, e.h->label, e.h->call, edges);
		assert(context.edge_count <= LINEAGE_EDGES_MAX);
		json_init(&json, &out);
		event_json(&json, &e, &context);
		assert(!out.error && out.size > 2);
		event_words(&out, &e);
		assert(!out.error);
	}
	free(aligned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lineage *lineage = NULL;
	uint16_t length;

	assert(lineage_new(&lineage) == 0);
	for (size_t at = 0; at < size || !at; at += length) {
		length = (uint16_t)(size - at > UINT16_MAX ? UINT16_MAX : size - at);
		if (size - at >= sizeof(length))
			memcpy(&length, data + at, sizeof(length));
		if (length < sizeof(struct event_header) || length > size - at)
			length = (uint16_t)(size - at > UINT16_MAX ? UINT16_MAX : size - at);
		try_event(lineage, data + at, length);
		if (!length)
			break;
	}
	lineage_free(lineage);
	return 0;
}
