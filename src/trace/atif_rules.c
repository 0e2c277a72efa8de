// SPDX-License-Identifier: Apache-2.0
/* The ATIF rules that are about more than one value: order, identity, reference, who may have what.
 * Part of atif_check.h. Works on a tree whose types have been checked; owns nothing. */
#include "trace/atif_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "call/call.h"

#define SHOWN_MAX 1024

static void cleanup_json_(json_t **j)
{
	json_decref(*j);
}
#define cleanup_json __attribute__((__cleanup__(cleanup_json_)))

/* The value in quotes, escaped and cut, for a message. */
static const char *shown(struct buf *b, const json_t *string)
{
	buf_init(b, SHOWN_MAX);
	text_escape_cut(b, json_string_value(string), json_string_length(string), 60);
	return buf_text(b);
}

/* present and not null */
static json_t *member(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

/* Where text goes on after the shape, in which 0 stands for any digit; NULL where it does not fit.
 */
static const char *match(const char *text, const char *shape)
{
	for (; *shape; shape++, text++)
		if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
			return NULL;
	return text;
}

static bool offset_valid(const char *p)
{
	static const char *const shapes[] = { "", "Z", "z", "+00:00", "-00:00", "+0000", "-0000" };

	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
		const char *end = match(p, shapes[i]);

		if (end && !*end)
			return true;
	}
	return false;
}

/* RFC 3339 and the looser ISO 8601 that writers use: date, T or blank, time, offset or none. */
static bool timestamp_valid(const char *p)
{
	const char *seconds;

	p = match(p, "0000-00-00");
	if (!p || !*p)
		return p;
	if (!strchr("Tt ", *p))
		return false;
	p = match(p + 1, "00:00");
	if (!p)
		return false;
	seconds = match(p, ":00");
	if (seconds) {
		p = seconds;
		if (*p == '.' || *p == ',')
			p += 1 + strspn(p + 1, "0123456789");
	}
	return offset_valid(p);
}

static int check_timestamp(struct atif_check *c, const json_t *step, const struct json_place *place)
{
	const struct json_place at = { .parent = place, .key = "timestamp" };
	const json_t *stamp = member(step, "timestamp");
	cleanup_buf struct buf b = { 0 };

	if (!stamp || timestamp_valid(json_string_value(stamp)))
		return 0;
	return atif_complain(c, &at, "\"%s\" is not an ISO 8601 time", shown(&b, stamp));
}

static int check_source(struct atif_check *c, const json_t *step, const struct json_place *place)
{
	static const char *const agents_only[] = {
		"model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics",
	};
	const struct json_place at = { .parent = place, .key = "source" };
	const json_t *source = json_object_get(step, "source");
	const char *text = json_string_value(source);
	cleanup_buf struct buf b = { 0 };

	if (!strcmp(text, "agent"))
		return 0;
	if (strcmp(text, "system") && strcmp(text, "user"))
		return atif_complain(c, &at, "\"%s\" is not one of system, user, agent",
				     shown(&b, source));
	for (size_t i = 0; i < ARRAY_LENGTH(agents_only); i++) {
		const struct json_place field = { .parent = place, .key = agents_only[i] };

		if (member(step, agents_only[i]))
			return atif_complain(c, &field, "only a step of the agent may have it");
	}
	return 0;
}

/* An identifier as weir carries it: not empty, bounded, without NUL. */
static int check_name(struct atif_check *c, const json_t *object, const char *key, size_t max,
		      const struct json_place *place)
{
	const struct json_place at = { .parent = place, .key = key };
	const json_t *name = json_object_get(object, key);
	size_t size = json_string_length(name);

	if (size == 0)
		return atif_complain(c, &at, "is empty");
	if (size > max)
		return atif_complain(c, &at, "has %zu bytes, at most %zu are taken", size, max);
	if (strlen(json_string_value(name)) != size)
		return atif_complain(c, &at, "holds a NUL character");
	return 0;
}

static int check_calls(struct atif_check *c, const json_t *step, json_t *ids,
		       const struct json_place *place)
{
	const struct json_place list = { .parent = place, .key = "tool_calls" };
	const json_t *call;
	size_t i;

	json_array_foreach(member(step, "tool_calls"), i, call)
	{
		const struct json_place at = { .parent = &list, .index = i };
		const struct json_place id_at = { .parent = &at, .key = "tool_call_id" };
		const json_t *id = json_object_get(call, "tool_call_id");
		cleanup_buf struct buf b = { 0 };
		int r = check_name(c, call, "tool_call_id", CALL_ID_MAX, &at);

		if (r == 0)
			r = check_name(c, call, "function_name", CALL_FUNCTION_MAX, &at);
		if (r < 0)
			return r;
		if (json_object_get(ids, json_string_value(id)))
			return atif_complain(c, &id_at,
					     "\"%s\" is the id of an earlier call: blame by id "
					     "would be a guess",
					     shown(&b, id));
		if (json_object_set(ids, json_string_value(id), json_object_get(step, "step_id")) <
		    0)
			return fail(c->f, ENOMEM, "%s", c->name);
	}
	return 0;
}

static int check_refs(struct atif_check *c, const json_t *result, const struct json_place *place)
{
	const struct json_place list = { .parent = place, .key = "subagent_trajectory_ref" };
	const json_t *ref;
	size_t i;

	json_array_foreach(member(result, "subagent_trajectory_ref"), i, ref)
	{
		const struct json_place at = { .parent = &list, .index = i };

		if (c->version >= 7 && !member(ref, "trajectory_id") &&
		    !member(ref, "trajectory_path"))
			return atif_complain(c, &at,
					     "has neither trajectory_id nor trajectory_path");
	}
	return 0;
}

static int check_results(struct atif_check *c, const json_t *step, const json_t *ids,
			 const struct json_place *place)
{
	const struct json_place observation = { .parent = place, .key = "observation" };
	const struct json_place list = { .parent = &observation, .key = "results" };
	const json_t *result;
	size_t i;

	json_array_foreach(json_object_get(member(step, "observation"), "results"), i, result)
	{
		const struct json_place at = { .parent = &list, .index = i };
		const struct json_place id_at = { .parent = &at, .key = "source_call_id" };
		const json_t *id = member(result, "source_call_id");
		const json_t *owner = id ? json_object_get(ids, json_string_value(id)) : NULL;
		cleanup_buf struct buf b = { 0 };
		int r;

		if (id && (!owner || strlen(json_string_value(id)) != json_string_length(id) ||
			   json_integer_value(owner) !=
				   json_integer_value(json_object_get(step, "step_id"))))
			return atif_complain(c, &id_at, "\"%s\" is no tool call of this step",
					     shown(&b, id));
		r = check_refs(c, result, &at);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_step(struct atif_check *c, const json_t *step, size_t number, json_t *ids,
		      const struct json_place *place)
{
	const struct json_place id = { .parent = place, .key = "step_id" };
	const struct json_place count = { .parent = place, .key = "llm_call_count" };
	json_int_t given = json_integer_value(json_object_get(step, "step_id"));
	const json_t *llm_calls = member(step, "llm_call_count");
	int r;

	if (given != (json_int_t)number)
		return atif_complain(c, &id, "is %lld, want %zu: steps are numbered 1, 2, 3 …",
				     (long long)given, number);
	if (llm_calls && json_integer_value(llm_calls) == 0 &&
	    (member(step, "metrics") || member(step, "reasoning_content")))
		return atif_complain(c, &count,
				     "is 0, but the step has metrics or reasoning_content");
	r = check_timestamp(c, step, place);
	if (r == 0)
		r = check_source(c, step, place);
	if (r == 0)
		r = check_calls(c, step, ids, place);
	return r < 0 ? r : check_results(c, step, ids, place);
}

static int check_children(struct atif_check *c, const json_t *trajectory,
			  const struct json_place *place)
{
	const struct json_place list = { .parent = place, .key = "subagent_trajectories" };
	cleanup_json json_t *ids = json_object();
	const json_t *child;
	size_t i;

	json_array_foreach(member(trajectory, "subagent_trajectories"), i, child)
	{
		const struct json_place at = { .parent = &list, .index = i };
		const struct json_place id_at = { .parent = &at, .key = "trajectory_id" };
		const json_t *id = member(child, "trajectory_id");
		cleanup_buf struct buf b = { 0 };
		int r;

		if (!id)
			return atif_complain(c, &id_at, "missing: an embedded trajectory needs it");
		if (json_object_get(ids, json_string_value(id)))
			return atif_complain(c, &id_at, "\"%s\" is an earlier trajectory's id",
					     shown(&b, id));
		if (json_object_set_new(ids, json_string_value(id), json_true()) < 0)
			return fail(c->f, ENOMEM, "%s", c->name);
		r = atif_check_rules(c, child, &at);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_agent(struct atif_check *c, const json_t *trajectory,
		       const struct json_place *place)
{
	static const char *const fields[] = { "name", "version", "model_name" };
	const struct json_place agent = { .parent = place, .key = "agent" };

	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		const json_t *object = json_object_get(trajectory, "agent");
		int r = member(object, fields[i])
				? check_name(c, object, fields[i], CALL_FUNCTION_MAX, &agent)
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int atif_check_rules(struct atif_check *c, const json_t *trajectory, const struct json_place *place)
{
	const struct json_place session = { .parent = place, .key = "session_id" };
	const struct json_place list = { .parent = place, .key = "steps" };
	const json_t *steps = json_object_get(trajectory, "steps");
	cleanup_json json_t *ids = json_object();
	const json_t *step;
	size_t i;

	if (c->version <= 6 && !member(trajectory, "session_id"))
		return atif_complain(c, &session, "missing: ATIF-v1.%d must have it", c->version);
	if (json_array_size(steps) == 0)
		return atif_complain(c, &list, "is empty: a trajectory has at least one step");
	json_array_foreach(steps, i, step)
	{
		const struct json_place at = { .parent = &list, .index = i };
		int r = check_step(c, step, i + 1, ids, &at);

		if (r < 0)
			return r;
	}
	if (check_agent(c, trajectory, place) < 0)
		return -EINVAL;
	return check_children(c, trajectory, place);
}
