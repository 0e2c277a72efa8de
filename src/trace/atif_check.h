/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a parsed document against the ATIF tables and against the rules that tables cannot say.
 * For src/trace/atif.c only. */
#ifndef WEIR_TRACE_ATIF_CHECK_H
#define WEIR_TRACE_ATIF_CHECK_H

#include <jansson.h>

#include "base/buf.h"
#include "base/fail.h"
#include "trace/atif_model.h"
#include "trace/json_scan.h"

struct atif_check {
	const char *name; /* of the file, for messages */
	const char *text; /* the document as it was read, to find lines */
	size_t size;
	int version;	      /* minor version that the document claims */
	struct buf *warnings; /* one line each, "file:line: path: what" */
	struct fail *f;
};

/* Writes "file:line: path: …" into c->f and returns -EINVAL. */
int atif_complain(struct atif_check *c, const struct json_place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void atif_warn(struct atif_check *c, const struct json_place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads schema_version into c->version. */
int atif_check_version(struct atif_check *c, const json_t *root);
/* Types, required members, unknown members, all the way down. */
int atif_check_model(struct atif_check *c, const struct atif_model *model, const json_t *value,
		     const struct json_place *place);
/* Order of steps, ids, references, who may have what. value has passed atif_check_model(). */
int atif_check_rules(struct atif_check *c, const json_t *trajectory,
		     const struct json_place *place);

#endif
