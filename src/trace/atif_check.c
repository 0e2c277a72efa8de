// SPDX-License-Identifier: Apache-2.0
/* The walk over the ATIF tables; see atif_check.h. Owns nothing. The tree is the agent's: every
 * name that goes into a message is escaped and cut. */
#include "trace/atif_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"

#define MESSAGE_MAX 1024

static void print_complaint(struct buf *out, const struct atif_check *c,
			    const struct json_place *place, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

static void print_complaint(struct buf *out, const struct atif_check *c,
			    const struct json_place *place, const char *format, va_list args)
{
	buf_printf(out, "%s:%zu: ", c->name, json_place_line(c->text, c->size, place));
	json_place_print(place, out);
	buf_add_text(out, ": ");
	buf_vprintf(out, format, args);
}

int atif_complain(struct atif_check *c, const struct json_place *place, const char *format, ...)
{
	cleanup_buf struct buf line = { 0 };
	va_list args;

	buf_init(&line, MESSAGE_MAX + strlen(c->name));
	va_start(args, format);
	print_complaint(&line, c, place, format, args);
	va_end(args);
	return fail_text(c->f, EINVAL, "%s", buf_text(&line));
}

void atif_warn(struct atif_check *c, const struct json_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_complaint(c->warnings, c, place, format, args);
	va_end(args);
	buf_add_char(c->warnings, '\n');
}

int atif_check_version(struct atif_check *c, const json_t *root)
{
	const struct json_place top = { 0 };
	const struct json_place place = { .parent = &top, .key = "schema_version" };
	const char *text = json_string_value(json_object_get(root, "schema_version"));
	cleanup_buf struct buf shown = { 0 };
	int minor = 0, used = 0;

	if (!json_is_object(root))
		return atif_complain(c, &top, "must be an object: an ATIF trajectory");
	if (!text)
		return atif_complain(c, &place, "missing, or not a string: want \"ATIF-v1.N\"");
	if (sscanf(text, "ATIF-v1.%2d%n", &minor, &used) == 1 && minor >= 0 &&
	    minor <= ATIF_VERSION_LAST && !text[used] && text[strlen("ATIF-v1.")] != '+') {
		c->version = minor;
		return 0;
	}
	buf_init(&shown, MESSAGE_MAX);
	text_escape_cut(&shown, text, strlen(text), 40);
	return atif_complain(c, &place, "\"%s\" is not known: ATIF-v1.0 to ATIF-v1.%d are read",
			     buf_text(&shown), ATIF_VERSION_LAST);
}

static const struct {
	enum atif_type type;
	const char *name;
} type_names[] = {
	{ ATIF_STRING, "a string" },
	{ ATIF_INTEGER, "an integer" },
	{ ATIF_NUMBER, "a number" },
	{ ATIF_BOOLEAN, "true or false" },
	{ ATIF_OBJECT | ATIF_MODEL, "an object" },
	{ ATIF_MODELS | ATIF_OBJECTS, "an array of objects" },
	{ ATIF_INTEGERS, "an array of integers" },
	{ ATIF_NUMBERS, "an array of numbers" },
};

static const char *json_type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	default:
		return "a boolean";
	}
}

static int complain_type(struct atif_check *c, unsigned types, const json_t *value,
			 const struct json_place *place)
{
	cleanup_buf struct buf want = { 0 };

	buf_init(&want, MESSAGE_MAX);
	for (size_t i = 0; i < ARRAY_LENGTH(type_names); i++)
		if (types & type_names[i].type)
			buf_printf(&want, "%s%s", want.size ? " or " : "", type_names[i].name);
	return atif_complain(c, place, "is %s, want %s", json_type_name(value), buf_text(&want));
}

/* Which of the bits this value can be by its own kind, elements not looked at. */
static unsigned kinds_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return ATIF_OBJECT | ATIF_MODEL;
	case JSON_ARRAY:
		return ATIF_MODELS | ATIF_INTEGERS | ATIF_NUMBERS | ATIF_OBJECTS;
	case JSON_STRING:
		return ATIF_STRING;
	case JSON_INTEGER:
		return ATIF_INTEGER | ATIF_NUMBER;
	case JSON_REAL:
		return ATIF_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return ATIF_BOOLEAN;
	default:
		return 0;
	}
}

/* What an array's type asks of its elements. */
static unsigned element_type(unsigned array_type)
{
	if (array_type & ATIF_INTEGERS)
		return ATIF_INTEGER;
	if (array_type & ATIF_NUMBERS)
		return ATIF_NUMBER;
	return array_type & ATIF_MODELS ? ATIF_MODEL : ATIF_OBJECT;
}

static int check_value(struct atif_check *c, unsigned types, const struct atif_model *model,
		       const json_t *value, const struct json_place *place)
{
	unsigned fits = types & kinds_of(value);
	const json_t *element;
	size_t i;

	if (!fits)
		return complain_type(c, types, value, place);
	if (fits & ATIF_MODEL)
		return atif_check_model(c, model, value, place);
	if (!json_is_array(value))
		return 0;
	json_array_foreach(value, i, element)
	{
		const struct json_place at = { .parent = place, .index = i };
		int r = check_value(c, element_type(fits), model, element, &at);

		if (r < 0)
			return r;
	}
	return 0;
}

static const struct atif_field *field_find(const struct atif_model *model, const char *name)
{
	for (const struct atif_field *field = model->fields; field->name; field++)
		if (!strcmp(field->name, name))
			return field;
	return NULL;
}

static int check_member(struct atif_check *c, const struct atif_model *model, const char *key,
			const json_t *value, const struct json_place *place)
{
	const struct atif_field *field = field_find(model, key);

	if (!field && field_find(model, "extra"))
		return atif_complain(c, place, "%s has no such member; custom data goes into extra",
				     model->name);
	if (!field)
		return atif_complain(c, place, "%s has no such member", model->name);
	if (field->since > c->version)
		atif_warn(c, place, "came with ATIF-v1.%d, the document says ATIF-v1.%d",
			  field->since, c->version);
	if (json_is_null(value) && !field->required)
		return 0;
	return check_value(c, field->types, field->model, value, place);
}

int atif_check_model(struct atif_check *c, const struct atif_model *model, const json_t *value,
		     const struct json_place *place)
{
	const char *key;
	json_t *member;

	for (const struct atif_field *field = model->fields; field->name; field++) {
		const struct json_place at = { .parent = place, .key = field->name };

		if (field->required && !json_object_get(value, field->name))
			return atif_complain(c, &at, "missing: %s must have it", model->name);
	}
	json_object_foreach((json_t *)value, key, member)
	{
		const struct json_place at = { .parent = place, .key = key };
		int r = check_member(c, model, key, member, &at);

		if (r < 0)
			return r;
	}
	return 0;
}
