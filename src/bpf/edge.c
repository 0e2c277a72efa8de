// SPDX-License-Identifier: Apache-2.0
/* Edges as JSON and in words; see edge.h. Owns nothing. */
#include "bpf/edge.h"

#include <inttypes.h>
#include <stdio.h>

const char *edge_reason_about(enum edge_reason reason)
{
	static const char *const about[EDGE_REASON_COUNT] = {
		[EDGE_REASON_NONE] = "",
		[EDGE_REASON_NOT_SEEN] = "changed in this run, by whom was not seen",
		[EDGE_REASON_LOST] = "the hand-over is not in the record",
		[EDGE_REASON_LIMIT] = "more calls stand behind it than are kept",
	};

	return about[(unsigned)reason < EDGE_REASON_COUNT ? reason : EDGE_REASON_LOST];
}

void edge_words(struct buf *out, const struct edge *e)
{
	const char *kind = edge_kind_name((enum edge_kind)e->kind);

	if (e->call == EVENT_NO_CALL)
		buf_printf(out, "%s (%s)", kind, edge_reason_about((enum edge_reason)e->reason));
	else
		buf_printf(out, "call %u (%s)", e->call, kind);
}

void edge_json(struct json *j, const struct edge *e, const char *run_id)
{
	char id[64];

	snprintf(id, sizeof(id), "%s:%" PRIu64, run_id, e->seq);
	json_object(j);
	if (e->call == EVENT_NO_CALL)
		json_field_null(j, "call");
	else
		json_field_uint(j, "call", e->call);
	json_field_string(j, "kind", edge_kind_name((enum edge_kind)e->kind));
	json_field_string(j, "evidence", e->seq ? id : NULL);
	if (e->call == EVENT_NO_CALL)
		json_field_string(j, "reason", edge_reason_about((enum edge_reason)e->reason));
	json_object_end(j);
}

void edges_json(struct json *j, const struct edge *edges, size_t count, const char *run_id)
{
	json_array(j);
	for (size_t i = 0; i < count; i++)
		edge_json(j, &edges[i], run_id);
	json_array_end(j);
}
