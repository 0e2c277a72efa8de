/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the events' JSON form share. */
#ifndef WEIR_BPF_EVENT_JSON_PART_H
#define WEIR_BPF_EVENT_JSON_PART_H

#include "base/json.h"
#include "bpf/event_decode.h"

/* null where it is empty */
void json_field_text(struct json *j, const char *key, struct bytes text);
/* "error" with the name of an errno value */
void json_field_error(struct json *j, int64_t error);
/* Rules are counted from 1; 0: none. */
void json_field_rule(struct json *j, uint32_t rule);

/* event_json_flow.c */
void flow_members(struct json *j, const struct event_view *e, uint64_t wall_ns);
void relay_members(struct json *j, const struct event_view *e);
void usage_members(struct json *j, const struct event_view *e);
void streams_member(struct json *j, const struct event_exec *e);

#endif
