/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand where in an ATIF document (Harbor RFC 0001, versions 1.0 to 1.8), as tables. The
 * models are closed: a member that no row names is an error, and custom data belongs into `extra`.
 */
#ifndef WEIR_TRACE_ATIF_MODEL_H
#define WEIR_TRACE_ATIF_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#define ATIF_VERSION_LAST 8 /* ATIF-v1.8 */

enum atif_type {
	ATIF_STRING = 1 << 0,
	ATIF_INTEGER = 1 << 1,
	ATIF_NUMBER = 1 << 2, /* integer or real */
	ATIF_BOOLEAN = 1 << 3,
	ATIF_OBJECT = 1 << 4,	/* any members */
	ATIF_MODEL = 1 << 5,	/* an object of field->model */
	ATIF_MODELS = 1 << 6,	/* an array of such objects */
	ATIF_INTEGERS = 1 << 7, /* arrays of … */
	ATIF_NUMBERS = 1 << 8,
	ATIF_OBJECTS = 1 << 9,
};

struct atif_model;

struct atif_field {
	const char *name;
	unsigned types; /* bits of enum atif_type: one of them must fit */
	bool required;	/* else it may be absent or null */
	int since;	/* minor version that brought the field; 0: the first */
	const struct atif_model *model;
};

struct atif_model {
	const char *name;		 /* for messages: "a step" */
	const struct atif_field *fields; /* ends with a zeroed row */
};

extern const struct atif_model atif_trajectory;

#endif
