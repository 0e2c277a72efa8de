// SPDX-License-Identifier: Apache-2.0
/* Arguments of a call; see arguments.h. Bounded by CALL_ARGUMENTS_MAX and the parser's own limit on
 * depth. base/json.h is not included here: the parser's header has other functions of its names. */
#include "report/arguments.h"

#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/text_escape.h"

#define LINE_BYTES 2048

static json_t *parse(const char *text)
{
	return text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
}

static void release(json_t **value)
{
	json_decref(*value);
}

#define cleanup_value __attribute__((__cleanup__(release)))

bool arguments_are_json(const char *text)
{
	cleanup_value json_t *value = parse(text);

	return value != NULL;
}

/* A command of several lines is known by its beginning: a newline, and the indentation behind it,
 * is shown as one blank. */
static void print_line(const char *text, size_t size, size_t width, struct buf *out)
{
	char line[LINE_BYTES];
	bool indented = false; /* behind a newline */
	size_t n = 0;

	for (size_t i = 0; i < size && n < sizeof(line); i++) {
		bool blank = text[i] == ' ' || text[i] == '\t' || text[i] == '\n';

		if (indented && blank)
			continue;
		indented = text[i] == '\n';
		line[n++] = blank ? ' ' : text[i];
	}
	text_escape_cut(out, line, n, width);
}

void arguments_words(const char *text, size_t width, struct buf *out)
{
	static const char *const keys[] = { "command", "cmd",  "script",   "code",
					    "path",    "file", "file_path" };
	cleanup_value json_t *value = parse(text);
	const json_t *member;

	if (!text)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		member = json_object_get(value, keys[i]);
		if (!json_is_string(member))
			continue;
		print_line(json_string_value(member), json_string_length(member), width, out);
		return;
	}
	print_line(text, strlen(text), width, out);
}
