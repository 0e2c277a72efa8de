// SPDX-License-Identifier: Apache-2.0
/* Reads what agents tell their hooks; see hook_read.h. The bytes are the agent's, and with them the
 * model's: jansson parses them, in the process that the agent started and with its rights alone.
 * Members are looked for under every name that one of the agents uses. */
#include "tool/hook_read.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CUT_STRING 1024 /* bytes left of a string in arguments that are too long */

/* NULL-terminated: every agent's name for the same member. */
static const char *const event_names[] = { "hook_event_name", "event_type", "hookEventName",
					   "event", NULL };
static const char *const tool_names[] = { "tool_name", "toolName", NULL };
static const char *const id_names[] = { "tool_use_id", "tool_call_id", "toolUseId",
					"toolCallId",  "call_id",      NULL };
static const char *const input_names[] = { "tool_input", "toolInput", "tool_args", NULL };
static const char *const result_names[] = { "tool_response", "tool_output", "tool_result",
					    "toolResponse",  "error",	    NULL };
static const char *const command_names[] = { "command", "cmd", "script", "code", NULL };
static const char *const text_names[] = {
	"stdout", "output", "llmContent", "content", "text", NULL
};

static json_t *member(const json_t *object, const char *const *names)
{
	for (; *names; names++) {
		json_t *value = json_object_get(object, *names);

		if (value && !json_is_null(value))
			return value;
	}
	return NULL;
}

/* At most `max` bytes, and not a part of a UTF-8 sequence at the end. */
static size_t cut(const char *text, size_t size, size_t max)
{
	if (size <= max)
		return size;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static char *copy_cut(const char *text, size_t size, size_t max)
{
	return strndup(text, cut(text, size, max));
}

static char *copy_string(const json_t *value, size_t max)
{
	const char *text = json_string_value(value);

	return text ? copy_cut(text, json_string_length(value), max) : strdup("");
}

/* "PreToolUse", "PostToolUse" and "PostToolUseFailure", whatever their case and separators. */
static int event_of(const json_t *root, bool *ret_over)
{
	const char *name = json_string_value(member(root, event_names));
	char letters[16] = "";
	size_t n = 0;

	for (; name && *name && n < sizeof(letters) - 1; name++) {
		if (*name != '_' && *name != '-' && *name != ' ')
			letters[n++] = (char)(*name | 0x20);
	}
	if (strcmp(letters, "pretooluse") != 0 && strncmp(letters, "posttooluse", 11) != 0)
		return -ENOMSG;
	*ret_over = letters[1] == 'o';
	return 0;
}

static void cut_strings(json_t *value);

static void cut_string(json_t *value)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);

	if (size > CUT_STRING)
		json_string_setn(value, text, cut(text, size, CUT_STRING));
}

static void cut_strings(json_t *value)
{
	const char *key;
	json_t *element;
	size_t i;

	if (json_is_object(value))
		json_object_foreach(value, key, element) cut_string(element);
	else if (json_is_array(value))
		json_array_foreach(value, i, element) cut_string(element);
	else
		cut_string(value);
}

/* One JSON text. Some agents give the arguments as a string that holds JSON. */
static char *copy_arguments(json_t *input)
{
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	char *text = json_dumps(input, flags);

	if (!text || strlen(text) <= HOOK_ARGUMENTS_MAX)
		return text;
	free(text);
	cut_strings(input);
	text = json_dumps(input, flags);
	if (!text || strlen(text) <= HOOK_ARGUMENTS_MAX)
		return text;
	free(text);
	return strdup("{\"weir\":\"the arguments are too long to keep\"}");
}

static char *copy_command(const json_t *input)
{
	json_t *command = member(input, command_names);
	json_t *word;
	size_t i, at = 0;
	char *text;

	if (!json_is_array(command))
		return copy_string(command, HOOK_ARGUMENTS_MAX);
	text = calloc(1, HOOK_ARGUMENTS_MAX + 2);
	json_array_foreach(command, i, word)
	{
		size_t size = json_string_length(word);

		if (!text || !json_is_string(word) || size > HOOK_ARGUMENTS_MAX - at)
			break;
		if (at)
			text[at++] = ' ';
		memcpy(text + at, json_string_value(word), size);
		at += size;
	}
	return text;
}

static char *copy_result(json_t *value, size_t *ret_total)
{
	json_t *text = json_is_object(value) ? member(value, text_names) : value;
	char *all, *kept;

	*ret_total = 0;
	if (!value)
		return strdup("");
	if (json_is_string(text)) {
		*ret_total = json_string_length(text);
		return copy_string(text, HOOK_RESULT_MAX);
	}
	all = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!all)
		return NULL;
	*ret_total = strlen(all);
	kept = copy_cut(all, *ret_total, HOOK_RESULT_MAX);
	free(all);
	return kept;
}

static int fill(const json_t *root, bool over, struct hook *ret)
{
	json_t *input = member(root, input_names);
	json_t *inside = NULL;
	struct hook h = { .over = over };

	if (json_is_string(input))
		inside = json_loadb(json_string_value(input), json_string_length(input), 0, NULL);
	if (inside)
		input = inside;
	h.id = copy_string(member(root, id_names), HOOK_ID_MAX);
	h.name = copy_string(member(root, tool_names), HOOK_ID_MAX);
	h.command = copy_command(input);
	h.arguments = input ? copy_arguments(input) : strdup("");
	h.result = copy_result(over ? member(root, result_names) : NULL, &h.result_total);
	json_decref(inside);
	if (!h.id || !h.name || !h.command || !h.arguments || !h.result) {
		hook_free(&h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

int hook_read(const char *text, size_t size, struct hook *ret)
{
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	bool over = false;
	int r = json_is_object(root) ? event_of(root, &over) : -EBADMSG;

	if (r == 0)
		r = fill(root, over, ret);
	json_decref(root);
	return r;
}

void hook_free(struct hook *h)
{
	free(h->id);
	free(h->name);
	free(h->arguments);
	free(h->command);
	free(h->result);
	*h = (struct hook){ .over = false };
}
