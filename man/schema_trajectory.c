// SPDX-License-Identifier: Apache-2.0
/* The JSON Schema of a trajectory, from the tables that the reader checks by (trace/atif_model.h).
 * What tables cannot say (order of steps, ids, references) is the reader's alone. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "man/mkman.h"
#include "trace/atif_model.h"

#define MODELS_MAX 32

struct model_list {
	const struct atif_model *items[MODELS_MAX];
	size_t count;
};

static void collect(struct model_list *list, const struct atif_model *model)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == model)
			return;
	if (list->count == MODELS_MAX)
		return;
	list->items[list->count++] = model;
	for (const struct atif_field *f = model->fields; f->name; f++)
		if (f->model)
			collect(list, f->model);
}

/* "a tool call" -> "tool-call" */
static void model_key(const struct atif_model *model, char *key, size_t room)
{
	const char *name = strchr(model->name, ' ') + 1;
	size_t n = 0;

	for (; *name && n + 1 < room; name++)
		key[n++] = isalpha((unsigned char)*name) ? *name : '-';
	key[n] = '\0';
}

static void put_reference(struct json *j, const struct atif_model *model)
{
	char key[64], reference[96];

	model_key(model, key, sizeof(key));
	snprintf(reference, sizeof(reference), "#/$defs/%s", key);
	json_object(j);
	json_field_string(j, "$ref", reference);
	json_object_end(j);
}

static void put_array(struct json *j, const char *element, const struct atif_model *model)
{
	json_object(j);
	json_field_string(j, "type", "array");
	json_key(j, "items");
	if (model) {
		put_reference(j, model);
	} else {
		json_object(j);
		json_field_string(j, "type", element);
		json_object_end(j);
	}
	json_object_end(j);
}

static void put_type(struct json *j, const char *type)
{
	json_object(j);
	json_field_string(j, "type", type);
	json_object_end(j);
}

static void put_field(struct json *j, const struct atif_field *f)
{
	static const struct {
		enum atif_type type;
		const char *name;
		bool array;
	} types[] = {
		{ ATIF_STRING, "string", false }, { ATIF_INTEGER, "integer", false },
		{ ATIF_NUMBER, "number", false }, { ATIF_BOOLEAN, "boolean", false },
		{ ATIF_OBJECT, "object", false }, { ATIF_INTEGERS, "integer", true },
		{ ATIF_NUMBERS, "number", true }, { ATIF_OBJECTS, "object", true },
		{ ATIF_MODEL, NULL, false },	  { ATIF_MODELS, NULL, true },
	};

	json_object(j);
	json_key(j, "anyOf");
	json_array(j);
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (!(f->types & types[i].type))
			continue;
		if (types[i].array)
			put_array(j, types[i].name, types[i].name ? NULL : f->model);
		else if (types[i].name)
			put_type(j, types[i].name);
		else
			put_reference(j, f->model);
	}
	if (!f->required)
		put_type(j, "null");
	json_array_end(j);
	if (f->since) {
		char text[48];

		snprintf(text, sizeof(text), "since ATIF-v1.%d", f->since);
		json_field_string(j, "description", text);
	}
	json_object_end(j);
}

static void put_model(struct json *j, const struct atif_model *model)
{
	json_object(j);
	json_field_string(j, "type", "object");
	json_field_bool(j, "additionalProperties", false);
	json_key(j, "required");
	json_array(j);
	for (const struct atif_field *f = model->fields; f->name; f++)
		if (f->required)
			json_string(j, f->name);
	json_array_end(j);
	json_key(j, "properties");
	json_object(j);
	for (const struct atif_field *f = model->fields; f->name; f++) {
		json_key(j, f->name);
		put_field(j, f);
	}
	json_object_end(j);
	json_object_end(j);
}

int print_trajectory_schema(void)
{
	struct model_list list = { .count = 0 };
	cleanup_buf struct buf out = { 0 };
	char key[64], reference[96];
	struct json j;

	buf_init(&out, 1024 * 1024);
	json_init(&j, &out);
	collect(&list, &atif_trajectory);
	model_key(&atif_trajectory, key, sizeof(key));
	snprintf(reference, sizeof(reference), "#/$defs/%s", key);
	json_object(&j);
	json_field_string(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_field_string(&j, "title", "a trajectory that weir reads (ATIF v1.0 to v1.8)");
	json_field_string(&j, "description",
			  "Made from the tables of src/trace/atif_model.c by man/mkman. "
			  "weir-trajectory(5) says what is checked beyond it.");
	json_field_string(&j, "$ref", reference);
	json_key(&j, "$defs");
	json_object(&j);
	for (size_t i = 0; i < list.count; i++) {
		model_key(list.items[i], key, sizeof(key));
		json_key(&j, key);
		put_model(&j, list.items[i]);
	}
	json_object_end(&j);
	json_object_end(&j);
	return out.error || puts(buf_text(&out)) < 0 ? 1 : 0;
}
