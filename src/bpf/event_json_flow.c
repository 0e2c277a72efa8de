// SPDX-License-Identifier: Apache-2.0
/* The JSON form of flows, and of what passes from one stream to another; see event_json.h. */
#include "base/cleanup.h"
#include "bpf/community.h"
#include "bpf/event_address.h"
#include "bpf/event_json_part.h"

/* Who spoke first after gaps, and after which. */
static void led_members(struct json *j, const struct event_flow *f)
{
	static const char *const gaps[FLOW_GAPS] = { "0.3", "1", "5" };

	json_field_string(j, "led_by", flow_led_name(f));
	json_key(j, "led");
	json_object(j);
	for (size_t i = 0; i < FLOW_GAPS; i++) {
		json_key(j, gaps[i]);
		json_object(j);
		json_field_uint(j, "inside", f->led_inside[i]);
		json_field_uint(j, "outside", f->led_outside[i]);
		json_object_end(j);
	}
	json_object_end(j);
}

static void traits_member(struct json *j, uint32_t traits)
{
	json_key(j, "traits");
	json_array(j);
	for (size_t i = 0; i < FLOW_TRAIT_COUNT; i++)
		if (traits >> i & 1)
			json_string(j, flow_trait_name((enum flow_trait)i));
	json_array_end(j);
}

/* What the reader of the flow made of it; see struct flow_signs. */
static void signs_member(struct json *j, const struct flow_signs *s)
{
	static const char *const sides[] = { "inside", "outside" };

	traits_member(j, s->traits);
	if (FLOW_HAS(s, INNER))
		json_field_string(j, "inner", protocol_name((enum protocol)s->inner));
	json_key(j, "initiative");
	json_object(j);
	for (size_t i = 0; i < ARRAY_LENGTH(sides); i++) {
		json_key(j, sides[i]);
		json_object(j);
		json_key(j, "led");
		json_array(j);
		for (size_t gap = 0; gap < FLOW_GAPS; gap++)
			json_uint(j, s->initiative[i][gap]);
		json_array_end(j);
		json_field_uint(j, "answered", s->answered[i]);
		json_field_uint(j, "steady", s->steady[i]);
		json_field_uint(j, "mute", s->mute[i]);
		json_field_uint(j, "turns", s->turns[i]);
		json_field_uint(j, "led_bytes", s->led_bytes[i]);
		json_field_uint(j, "answer_bytes", s->answer_bytes[i]);
		json_object_end(j);
	}
	json_object_end(j);
}

static void outside_members(struct json *j, const struct event_flow *f)
{
	char text[EVENT_ADDRESS_TEXT], id[COMMUNITY_ID_TEXT];

	if (!f->out_port) {
		json_field_null(j, "outer");
		json_field_null(j, "community_id");
		return;
	}
	json_key(j, "outer");
	json_object(j);
	json_field_string(j, "src", event_address_text(f->out_from, text));
	json_field_uint(j, "sport", f->out_from_port);
	json_field_string(j, "dst", event_address_text(f->out_address, text));
	json_field_uint(j, "port", f->out_port);
	json_object_end(j);
	community_id(f->out_from, f->out_from_port, f->out_address, f->out_port,
		     (uint8_t)f->transport, id);
	json_field_string(j, "community_id", id);
}

void flow_members(struct json *j, const struct event_view *e, uint64_t wall_ns)
{
	const struct event_flow *f = e->flow;
	uint64_t lasted = flow_lasted_ns(f);
	char text[EVENT_ADDRESS_TEXT];

	json_field_uint(j, "flow", f->flow);
	json_field_string(j, "state", flow_state_name((enum flow_state)f->state));
	json_field_string(j, "direction", flow_direction_name((enum flow_direction)f->direction));
	json_field_string(j, "proto", transport_text(f->transport));
	json_field_string(j, "src", event_address_text(f->from, text));
	json_field_uint(j, "sport", f->from_port);
	json_field_string(j, "dst", event_address_text(f->address, text));
	json_field_uint(j, "port", f->port);
	json_field_text(j, "name", e->text[0]);
	outside_members(j, f);
	json_field_string(j, "protocol", protocol_name((enum protocol)f->protocol));
	json_field_text(j, "detail", e->text[1]);
	json_field_uint(j, "bytes_up", f->bytes_up);
	json_field_uint(j, "bytes_down", f->bytes_down);
	json_field_uint(j, "packets_up", f->packets_up);
	json_field_uint(j, "packets_down", f->packets_down);
	json_field_time(j, "started", wall_ns - (wall_ns < lasted ? wall_ns : lasted));
	json_field_uint(j, "duration_ns", lasted);
	led_members(j, f);
	signs_member(j, &f->signs);
	json_field_rule(j, gate_rule_number(f->rule));
	json_field_text(j, "reason", e->text[2]);
	if (f->error)
		json_field_error(j, f->error);
}

static void stream_member(struct json *j, const char *key, const struct event_stream *s)
{
	char text[EVENT_ADDRESS_TEXT];

	json_key(j, key);
	json_object(j);
	json_field_string(j, "kind", stream_kind_name((enum stream_kind)s->kind));
	json_field_uint(j, "object", s->object);
	if (s->kind == STREAM_UNIX)
		json_field_uint(j, "peer", s->peer);
	if (s->kind == STREAM_INET) {
		json_field_string(j, "addr", event_address_text(s->address, text));
		json_field_uint(j, "port", s->port);
		json_field_uint(j, "own_port", s->own_port);
		json_field_bool(j, "accepted", s->accepted);
	}
	json_object_end(j);
}

void streams_member(struct json *j, const struct event_exec *e)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	json_key(j, "streams");
	json_object(j);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (e->streams[i].kind > STREAM_FILE)
			stream_member(j, names[i], &e->streams[i]);
	json_object_end(j);
}

void relay_members(struct json *j, const struct event_view *e)
{
	const struct event_relay *r = e->relay;

	stream_member(j, "from", &r->from);
	stream_member(j, "to", &r->to);
	json_field_uint(j, "count", r->count);
	json_field_uint(j, "bytes_in", r->bytes_in);
	json_field_uint(j, "bytes_out", r->bytes_out);
	json_field_uint(j, "first_mono_ns", r->first_mono_ns);
}

void usage_members(struct json *j, const struct event_view *e)
{
	json_field_uint(j, "cpu_usec", e->usage->cpu_usec);
	json_field_uint(j, "since_ns", e->usage->since_ns);
	json_field_uint(j, "used_usec", e->usage->used_usec);
	json_field_uint(j, "waited_msec", e->usage->waited_msec);
	json_field_uint(j, "processes", e->usage->processes);
}
