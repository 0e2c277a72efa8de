// SPDX-License-Identifier: Apache-2.0
/* The JSON Schema of an event, from tables/events.tbl, tables/fields.tbl and tables/edges.tbl. It
 * is closed: a field that the tables do not name fails the check, so that none goes undocumented.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "man/mkman.h"

const struct event_row event_rows[] = {
#define EVENT(upper, lower, class, about) { #lower, #class, about },
#include "tables/events.tbl"
#undef EVENT
	{ 0 },
};

const struct edge_row edge_rows[] = {
#define EDGE(upper, lower, about) { #lower, about },
#include "tables/edges.tbl"
#undef EDGE
	{ 0 },
};

const struct field_row field_rows[] = {
#define FIELD(kinds, name, type, presence, about) \
	{ kinds, #name, FIELD_##type, FIELD_##presence, about },
#include "tables/fields.tbl"
#undef FIELD
	{ 0 },
};

bool field_has_kind(const struct field_row *f, const char *kind)
{
	size_t size = strlen(kind);

	for (const char *at = f->kinds; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strncmp(at, kind, size) == 0 && (at[size] == ' ' || !at[size]))
			return true;
	return false;
}

static const char *const type_schemas[] = {
	[FIELD_TEXT] = "{\"type\":\"string\"}",
	[FIELD_TEXT_OR_NULL] = "{\"type\":[\"string\",\"null\"]}",
	[FIELD_NUMBER] = "{\"type\":\"integer\"}",
	[FIELD_NUMBER_OR_NULL] = "{\"type\":[\"integer\",\"null\"]}",
	[FIELD_FLAG] = "{\"type\":\"boolean\"}",
	[FIELD_TEXTS] = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
	[FIELD_NUMBERS] = "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
	[FIELD_ANY] = "{\"type\":[\"string\",\"integer\",\"null\"]}",
	[FIELD_CLASSES] =
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"required\":"
		"[\"produced\",\"lost\"],\"additionalProperties\":false,\"properties\":"
		"{\"produced\":{\"type\":\"integer\"},\"lost\":{\"type\":\"integer\"}}}}",
	[FIELD_OBJECT] = "{\"type\":\"object\"}",
	[FIELD_OBJECT_OR_NULL] = "{\"type\":[\"object\",\"null\"]}",
	[FIELD_OBJECTS] = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}",
};

static void put_schema(struct json *j, const char *key, const char *schema)
{
	json_key(j, key);
	json_raw(j, schema, strlen(schema));
}

static void put_edge(struct json *j)
{
	json_object(j);
	json_key(j, "enum");
	json_array(j);
	for (const struct edge_row *e = edge_rows; e->name; e++)
		json_string(j, e->name);
	json_array_end(j);
	json_object_end(j);
}

/* An edge that names no call says why, and no other says so. */
static void put_via(struct json *j)
{
	json_object(j);
	json_field_string(j, "type", "array");
	json_field_uint(j, "minItems", 1);
	json_key(j, "items");
	json_object(j);
	json_field_string(j, "type", "object");
	json_field_bool(j, "additionalProperties", false);
	put_schema(j, "required", "[\"call\",\"kind\",\"evidence\"]");
	json_key(j, "properties");
	json_object(j);
	put_schema(j, "call", type_schemas[FIELD_NUMBER_OR_NULL]);
	json_key(j, "kind");
	put_edge(j);
	put_schema(j, "evidence", type_schemas[FIELD_TEXT_OR_NULL]);
	put_schema(j, "reason", type_schemas[FIELD_TEXT]);
	json_object_end(j);
	put_schema(j, "if", "{\"properties\":{\"call\":{\"type\":\"null\"}}}");
	put_schema(j, "then",
		   "{\"required\":[\"reason\"],\"properties\":{\"kind\":{\"const\":\"unknown\"}}}");
	put_schema(j, "else",
		   "{\"properties\":{\"evidence\":{\"type\":\"string\"},\"reason\":false}}");
	json_object_end(j);
	json_object_end(j);
}

static void put_type(struct json *j, enum field_type type)
{
	if (type == FIELD_VIA)
		put_via(j);
	else if (type == FIELD_EDGE)
		put_edge(j);
	else
		json_raw(j, type_schemas[type], strlen(type_schemas[type]));
}

/* The fields of one kind, or those of all. */
static void put_fields(struct json *j, const char *kind)
{
	json_key(j, "required");
	json_array(j);
	for (const struct field_row *f = field_rows; f->name; f++)
		if (f->presence == FIELD_ALWAYS && (*kind ? field_has_kind(f, kind) : !*f->kinds))
			json_string(j, f->name);
	json_array_end(j);
	json_key(j, "properties");
	json_object(j);
	for (const struct field_row *f = field_rows; f->name; f++)
		if (*kind ? field_has_kind(f, kind) : !*f->kinds) {
			json_key(j, f->name);
			put_type(j, f->type);
		}
	json_object_end(j);
}

static void put_kind(struct json *j, const char *kind)
{
	json_object(j);
	json_key(j, "if");
	json_object(j);
	json_key(j, "properties");
	json_object(j);
	json_key(j, "kind");
	json_object(j);
	json_field_string(j, "const", kind);
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
	json_key(j, "then");
	json_object(j);
	put_fields(j, kind);
	json_object_end(j);
	json_object_end(j);
}

static void put_all_kinds(struct json *j)
{
	json_object(j);
	json_key(j, "properties");
	json_object(j);
	json_key(j, "kind");
	json_object(j);
	json_key(j, "enum");
	json_array(j);
	for (const struct event_row *e = event_rows; e->name; e++)
		json_string(j, e->name);
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
}

int print_event_schema(void)
{
	cleanup_buf struct buf out;
	struct json j;

	buf_init(&out, 1024 * 1024);
	json_init(&j, &out);
	json_object(&j);
	json_field_string(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_field_string(&j, "title", "weir event");
	json_field_string(&j, "description",
			  "One line of `weir events -f json`. Made from tables/events.tbl and "
			  "tables/fields.tbl by mkman; weir-events(5) explains the fields.");
	json_field_string(&j, "type", "object");
	put_fields(&j, "");
	json_key(&j, "allOf");
	json_array(&j);
	put_all_kinds(&j);
	for (const struct event_row *e = event_rows; e->name; e++)
		put_kind(&j, e->name);
	json_array_end(&j);
	json_field_bool(&j, "unevaluatedProperties", false);
	json_object_end(&j);
	return out.error || puts(buf_text(&out)) < 0 ? 1 : 0;
}
