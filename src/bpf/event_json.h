/* SPDX-License-Identifier: Apache-2.0 */
/* An event as one JSON object, with the names that doc/ fixes. */
#ifndef WEIR_BPF_EVENT_JSON_H
#define WEIR_BPF_EVENT_JSON_H

#include "base/json.h"
#include "bpf/edge.h"

/* What the bytes of an event do not say. Strings are borrowed; NULL is written as null. */
struct event_context {
	const char *run_id;
	uint64_t wall_ns;
	const char *exe;	  /* the program that the process runs */
	const struct edge *edges; /* the calls that stand behind it; written where there are any */
	size_t edge_count;
};

/* Writes {"id": "RUN:SEQ", …}. e must come from event_decode(); its bytes may hold anything. */
void event_json(struct json *j, const struct event_view *e, const struct event_context *x);
/* The same without the braces, for a caller that adds members of its own. */
void event_json_members(struct json *j, const struct event_view *e, const struct event_context *x);

#endif
