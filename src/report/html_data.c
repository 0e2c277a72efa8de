// SPDX-License-Identifier: Apache-2.0
/* The data of the page; see html.h. Everything is bounded: calls and arguments by the report's
 * bounds, evidence by what report_load() was asked for. */
#include "report/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "report/arguments.h"
#include "report/density.h"

#define PIECE_MAX (4u * 1024 * 1024) /* holds the largest call */
#define WORDS_WIDTH 160

static ssize_t write_escaped(void *context, const char *data, size_t size)
{
	FILE *out = context;
	size_t start = 0;

	for (size_t i = 0; i < size; i++) {
		if (data[i] != '<' && data[i] != '>' && data[i] != '&')
			continue;
		fwrite(data + start, 1, i - start, out);
		fprintf(out, "\\u%04x", (unsigned)data[i]);
		start = i + 1;
	}
	fwrite(data + start, 1, size - start, out);
	return ferror(out) ? 0 : (ssize_t)size;
}

FILE *html_json_open(FILE *out)
{
	return fopencookie(out, "w", (cookie_io_functions_t){ .write = write_escaped });
}

struct writer {
	const struct report *report;
	const struct report_bounds *bounds;
	const struct density *density;
	struct json j;
	struct buf piece;
	FILE *out;
	struct fail *fail;
	uint64_t calls, left_out, survived, not_executed;
};

static int write_out(struct writer *w)
{
	if (w->piece.error)
		return fail(w->fail, -w->piece.error, "writing the report as HTML");
	if (w->piece.size && fwrite(w->piece.data, 1, w->piece.size, w->out) != w->piece.size)
		return fail(w->fail, errno, "writing the report");
	buf_clear(&w->piece);
	return 0;
}

/* Pairs of a stretch's number and its count; most are empty. */
static void bins_member(struct json *j, const char *key, const uint64_t *bins, size_t count)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < count; i++) {
		if (!bins[i])
			continue;
		json_uint(j, i);
		json_uint(j, bins[i]);
	}
	json_array_end(j);
}

static void density_members(struct writer *w, uint32_t n)
{
	const struct density *d = w->density;
	const struct density_call *c = n < d->call_count ? &d->calls[n] : NULL;

	if (!c || !c->from_ns)
		return;
	json_field_time(&w->j, "from", c->from_ns);
	json_field_uint(&w->j, "stretch_ns", 1ull << c->shift);
	bins_member(&w->j, "all", c->bins[DENSITY_ALL], d->bins);
	bins_member(&w->j, "refused", c->bins[DENSITY_REFUSED], d->bins);
}

static void kinds_member(struct json *j, const struct call_record *c)
{
	json_key(j, "kinds");
	json_object(j);
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (c->kind_count[kind])
			json_field_uint(j, event_kind_name((enum event_kind)kind),
					c->kind_count[kind]);
	json_object_end(j);
}

/* The beginning of what the call printed, cut between two characters where it is text. */
static void output_member(struct writer *w, const struct call_observation *o)
{
	size_t size = o->output_size;

	if (size > w->bounds->text) {
		size = w->bounds->text;
		for (int i = 0; i < 3 && size && (o->output[size] & 0xc0) == 0x80; i++)
			size--;
	}
	if (size)
		json_field_bytes(&w->j, "output", o->output, size);
}

static int on_call(void *context, const struct call_record *c)
{
	struct writer *w = context;
	cleanup_buf struct buf words = { 0 };

	w->calls += c->announce.n > 0;
	w->survived += c->ended && c->exit.survivors;
	w->not_executed += c->announce.n && !c->announce.executed;
	if (!report_keeps(w->report, w->bounds, c->announce.n)) {
		w->left_out++;
		return 0;
	}
	buf_init(&words, WORDS_WIDTH * 16);
	arguments_words(c->announce.arguments, WORDS_WIDTH, &words);
	json_object(&w->j);
	json_field_uint(&w->j, "n", c->announce.n);
	json_field_string(&w->j, "words", buf_text(&words));
	output_member(w, &c->observation);
	kinds_member(&w->j, c);
	density_members(w, c->announce.n);
	json_object_end(&w->j);
	return write_out(w);
}

static int evidence_member(struct writer *w)
{
	const struct report *r = w->report;
	int n = 0;

	json_key(&w->j, "evidence");
	json_array(&w->j);
	for (size_t i = 0; n == 0 && i < r->evidence_count; i++) {
		if (r->evidence[i].words)
			evidence_json(&w->j, &r->evidence[i], r->run.open.id);
		n = write_out(w);
	}
	json_array_end(&w->j);
	return n;
}

/* What the names of the report mean, from the tables. */
static void words_members(struct json *j)
{
	static const struct {
		const char *name, *about;
	} edges[] = {
#define EDGE(NAME, name, about) { #name, about },
#include "tables/edges.tbl"
#undef EDGE
	};
	static const char *const categories[] = { "S1", "S2", "S3", "C1", "C2", "T1", "T2" };

	json_key(j, "edge_kinds");
	json_object(j);
	for (size_t i = 0; i < ARRAY_LENGTH(edges); i++)
		json_field_string(j, edges[i].name, edges[i].about);
	json_object_end(j);
	json_key(j, "detectors");
	json_object(j);
	for (size_t i = 0; i < FINDING_KIND_COUNT; i++)
		json_field_string(j, finding_rows[i].name, finding_rows[i].about);
	json_object_end(j);
	json_key(j, "signs");
	json_object(j);
	for (int i = 0; i < SIGN_COUNT; i++)
		json_field_string(j, sign_name((enum sign)i), sign_about((enum sign)i));
	json_object_end(j);
	json_key(j, "categories");
	json_object(j);
	for (size_t i = 0; i < ARRAY_LENGTH(categories); i++)
		json_field_string(j, categories[i], finding_category_about(categories[i]));
	json_object_end(j);
}

/* Of all calls, whether the page holds them or not. */
static void total_member(struct writer *w)
{
	json_field_uint(&w->j, "calls_left_out", w->left_out);
	json_key(&w->j, "total");
	json_object(&w->j);
	json_field_uint(&w->j, "calls", w->calls);
	json_field_uint(&w->j, "survived", w->survived);
	json_field_uint(&w->j, "not_executed", w->not_executed);
	json_key(&w->j, "did");
	did_json(&w->j, w->report->doings, w->report->doing_count);
	json_object_end(&w->j);
}

int html_page_data(const struct report *r, const struct report_bounds *bounds, FILE *out,
		   struct fail *f)
{
	cleanup_density struct density density = { 0 };
	struct writer w = { .report = r, .bounds = bounds, .out = out, .fail = f };
	uint64_t findings = 0;
	int n = density_load(r, bounds, &density, f);

	if (n < 0)
		return n;
	w.density = &density;
	buf_init(&w.piece, PIECE_MAX);
	json_init(&w.j, &w.piece);
	json_object(&w.j);
	json_field_string(&w.j, "version", WEIR_VERSION);
	/* A run that lives has come as far as the clock. */
	json_field_time(&w.j, "until",
			r->run.over || r->run.damaged ? density.until_ns : clock_wall_ns());
	words_members(&w.j);
	json_key(&w.j, "calls");
	json_array(&w.j);
	n = store_calls(r->store, r->run.open.id, on_call, &w, f);
	json_array_end(&w.j);
	total_member(&w);
	for (size_t i = 0; i < SEVERITY_COUNT; i++)
		findings += r->run.findings[i];
	json_field_uint(&w.j, "findings", findings);
	if (n >= 0)
		n = evidence_member(&w);
	json_object_end(&w.j);
	if (n >= 0)
		n = write_out(&w);
	buf_free(&w.piece);
	return n;
}
