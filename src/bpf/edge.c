// SPDX-License-Identifier: Apache-2.0
/* Edges as JSON and in words; see edge.h. Owns nothing. */
#include "bpf/edge.h"

#include <inttypes.h>
#include <stdio.h>

bool edge_is_of_object(enum edge_kind kind)
{
	return kind == EDGE_KEPT || kind == EDGE_NAME || kind == EDGE_USED;
}

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

/* Whether the same is not said further on the left. */
static bool is_first(const struct edge *edges, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (edges[k].call == edges[i].call)
			return false;
	return true;
}

static const char *about(const struct edge *e)
{
	return e->call == EVENT_NO_CALL ? edge_reason_about((enum edge_reason)e->reason)
					: edge_kind_name((enum edge_kind)e->kind);
}

static void call_words(struct buf *out, const struct edge *edges, size_t count, size_t i)
{
	if (edges[i].call == EVENT_NO_CALL)
		buf_printf(out, "unknown (%s", about(&edges[i]));
	else
		buf_printf(out, "call %u (%s", edges[i].call, about(&edges[i]));
	for (size_t k = i + 1; k < count; k++)
		if (edges[k].call == edges[i].call)
			buf_printf(out, ", %s", about(&edges[k]));
	buf_add_char(out, ')');
}

void edges_words(struct buf *out, const struct edge *edges, size_t count, size_t most)
{
	size_t said = 0, more = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_first(edges, i))
			continue;
		if (said == most) {
			more++;
			continue;
		}
		if (said++)
			buf_add_text(out, ", ");
		call_words(out, edges, count, i);
	}
	if (more)
		buf_printf(out, ", and %zu more", more);
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
