// SPDX-License-Identifier: Apache-2.0
/* Writing a replayed trajectory; see atif_write.h. Changes the trajectory's tree, which stays its
 * owner's. Output that is not UTF-8 is written with U+FFFD for each byte that is none. */
#include "trace/atif_write.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "call/call.h"

#define EXTRA_SINCE 7 /* the first version with `extra` on an observation's results */

static json_t *output_text(const struct replay_result *result)
{
	const unsigned char *p = (const unsigned char *)result->output;
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 3 * CALL_OUTPUT_MAX + 1);
	for (size_t i = 0; i < result->output_size;) {
		size_t n = utf8_length(p + i, result->output_size - i);

		if (n)
			buf_add(&text, p + i, n);
		else
			buf_add_text(&text, "\xef\xbf\xbd");
		i += n ? n : 1;
	}
	return json_stringn(buf_text(&text), text.size);
}

static const char *ending_word(enum call_ending ending)
{
	static const char *const words[] = {
		[ENDING_EXIT] = "exit",
		[ENDING_SIGNAL] = "signal",
		[ENDING_TIMEOUT] = "time limit",
		[ENDING_TERMINAL] = "terminal",
		[ENDING_NOT_EXECUTED] = "not executed",
		[ENDING_RUN_OVER] = "run over",
		[ENDING_UNWATCHED] = "unwatched",
		[ENDING_UNKNOWN] = "unknown",
		[ENDING_FINDING] = "finding",
	};

	return words[ending];
}

static json_t *make_extra(const char *run_id, const struct replay_result *r)
{
	json_t *weir = json_pack("{s:s, s:i, s:b, s:i, s:s, s:I, s:I, s:b}", "run", run_id, "call",
				 (int)r->n, "executed", r->executed, "exit_code", r->exit_code,
				 "ending", ending_word(r->ending), "duration_ms",
				 (json_int_t)(r->duration_ns / 1000000), "output_bytes",
				 (json_int_t)r->output_total, "differs", r->differs);

	if (weir && r->reason[0])
		json_object_set_new(weir, "reason", json_string(r->reason));
	if (weir && r->differs)
		json_object_set_new(weir, "difference", json_string(r->difference));
	return weir;
}

/* The list of the step's results; made where there is none. Borrowed. */
static json_t *results_of(json_t *step)
{
	json_t *observation = json_object_get(step, "observation");
	json_t *results;

	if (!json_is_object(observation)) {
		observation = json_object();
		if (json_object_set_new(step, "observation", observation) < 0)
			return NULL;
	}
	results = json_object_get(observation, "results");
	if (!json_is_array(results)) {
		results = json_array();
		if (json_object_set_new(observation, "results", results) < 0)
			return NULL;
	}
	return results;
}

/* The call's result, the only one of its id; made where there is none. Borrowed. */
static json_t *result_of(json_t *results, const char *id, bool only_call)
{
	json_t *found = NULL;

	for (size_t i = 0; i < json_array_size(results);) {
		json_t *result = json_array_get(results, i);
		const json_t *source = json_object_get(result, "source_call_id");
		bool named = json_is_string(source);

		if (named ? strcmp(json_string_value(source), id) != 0 : !only_call) {
			i++;
		} else if (found) {
			json_array_remove(results, i);
		} else {
			found = result;
			i++;
		}
	}
	if (!found) {
		found = json_object();
		if (json_array_append_new(results, found) < 0)
			return NULL;
	}
	return json_object_set_new(found, "source_call_id", json_string(id)) < 0 ? NULL : found;
}

int trajectory_set_result(struct trajectory *t, const char *run_id,
			  const struct replay_result *result)
{
	json_t *step = result->call->step;
	bool only = json_array_size(json_object_get(step, "tool_calls")) == 1;
	json_t *results = results_of(step);
	json_t *one = results ? result_of(results, result->call->id, only) : NULL;
	json_t *extra = json_object_get(one, "extra");
	int r;

	(void)t;
	if (!one)
		return -ENOMEM;
	if (!json_is_object(extra)) {
		extra = json_object();
		if (json_object_set_new(one, "extra", extra) < 0)
			return -ENOMEM;
	}
	r = json_object_set_new(one, "content",
				result->executed ? output_text(result) : json_null());
	if (json_object_set_new(extra, "weir", make_extra(run_id, result)) < 0 || r < 0)
		return -ENOMEM;
	return 0;
}

int trajectory_write(struct trajectory *t, const char *path, struct fail *f)
{
	cleanup_free char *beside = NULL;
	cleanup_fd int fd = -1;
	int r = 0;

	if (t->version < EXTRA_SINCE &&
	    json_object_set_new(t->root, "schema_version", json_string("ATIF-v1.7")) < 0)
		return fail(f, ENOMEM, "%s", path);
	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return fail(f, ENOMEM, "%s", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return fail(f, errno, "cannot write the trajectory %s", path);
	errno = EIO;
	if (json_dumpfd(t->root, fd, JSON_INDENT(2)) < 0 || write(fd, "\n", 1) != 1 ||
	    fchmod(fd, 0644) < 0 || rename(beside, path) < 0)
		r = fail(f, errno, "cannot write the trajectory %s", path);
	if (r < 0)
		unlink(beside);
	return r;
}
