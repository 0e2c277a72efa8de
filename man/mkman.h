/* SPDX-License-Identifier: Apache-2.0 */
/* The manual's generator, and the tables that pages and schemas share. */
#ifndef WEIR_MAN_MKMAN_H
#define WEIR_MAN_MKMAN_H

#include <stdbool.h>

struct event_row {
	const char *name, *class, *about;
};
extern const struct event_row event_rows[]; /* ends with name NULL */

struct edge_row {
	const char *name, *about;
};
extern const struct edge_row edge_rows[]; /* the same */

enum field_type {
	FIELD_TEXT,
	FIELD_TEXT_OR_NULL,
	FIELD_NUMBER,
	FIELD_NUMBER_OR_NULL,
	FIELD_FLAG,
	FIELD_TEXTS,
	FIELD_NUMBERS,
	FIELD_ANY,
	FIELD_EDGE,
	FIELD_VIA,
	FIELD_CLASSES,
	FIELD_OBJECT,
	FIELD_OBJECT_OR_NULL,
	FIELD_OBJECTS,
};
enum field_presence { FIELD_ALWAYS, FIELD_SOMETIMES };

struct field_row {
	const char *kinds, *name;
	enum field_type type;
	enum field_presence presence;
	const char *about;
};
extern const struct field_row field_rows[]; /* ends with name NULL */
bool field_has_kind(const struct field_row *f, const char *kind);

/* Print a JSON Schema, one line; 0 or an exit status. */
int print_policy_schema(void);
int print_event_schema(void);
int print_trajectory_schema(void);

#endif
