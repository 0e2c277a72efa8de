// SPDX-License-Identifier: Apache-2.0
/* The last words about a run; see outcome.h. Owns nothing. Summaries of findings were escaped when
 * they were made; they are escaped once more, since they came through other processes. */
#include "cmd/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text_escape.h"
#include "cmd/command.h"
#include "cmd/watch.h"
#include "report/report.h"

static void keep_finding(struct outcome *o, struct bytes encoded)
{
	struct finding f;
	struct wire w;

	wire_init(&w, encoded.data, encoded.size);
	if (finding_decode(&w, &f) < 0)
		return;
	for (size_t i = 0; i < o->count; i++) {
		if (o->findings[i].number == f.number) {
			o->findings[i] = f;
			return;
		}
	}
	if (o->count < OUTCOME_LINES_MAX)
		o->findings[o->count++] = f;
}

void outcome_take(struct outcome *o, const struct client_event *e)
{
	switch (e->kind) {
	case CLIENT_FINDING:
		keep_finding(o, e->finding);
		break;
	case CLIENT_NOTICE:
		log_warn("%s", e->reason);
		o->recorded_badly = true;
		break;
	case CLIENT_RUN_OVER:
		log_error("the run was ended: %s", e->reason);
		break;
	default:
		break;
	}
}

static void print_finding(const struct finding *f, bool colour)
{
	cleanup_buf struct buf text = { 0 };
	bool red = colour && f->severity >= SEVERITY_HIGH;

	buf_init(&text, 8 * FINDING_SUMMARY_MAX);
	text_escape_again(&text, f->summary, FINDING_SUMMARY_MAX);
	fprintf(stderr, "weir: %sF%u %s%s call %u: %s\n", red ? "\033[31m" : "", f->number,
		severity_name(f->severity), red ? "\033[0m" : "", f->call, buf_text(&text));
	if (!f->done[0])
		return;
	buf_clear(&text);
	text_escape_again(&text, f->done, FINDING_DONE_MAX);
	fprintf(stderr, "weir:    %s: %s\n", finding_verdict_name(f->verdict), buf_text(&text));
}

static void print_outcome(const struct outcome *o, const struct run_summary *s, const char *run_id)
{
	bool colour = text_style_of(stderr).colour;
	uint64_t all = 0;

	for (int i = 0; i < SEVERITY_COUNT; i++)
		all += s->findings[i];
	for (size_t i = 0; i < o->count; i++)
		print_finding(&o->findings[i], colour);
	if (all)
		fprintf(stderr,
			"weir: %" PRIu64 " finding%s in run %s; 'weir report %s' shows %s\n", all,
			all == 1 ? "" : "s", run_id, run_id, all == 1 ? "it" : "them");
	if (s->lost)
		fprintf(stderr,
			"weir: %" PRIu64 " events of run %s were lost; the report says which\n",
			s->lost, run_id);
}

static bool reached(const struct run_summary *s, int fail_on)
{
	for (int i = fail_on; fail_on >= 0 && i < SEVERITY_COUNT; i++)
		if (s->findings[i])
			return true;
	return false;
}

int outcome_close(struct outcome *o, struct client *c, const char *store, int exit_code,
		  const char *report, int fail_on)
{
	struct run_summary summary = { .events = 0 };
	struct client_event e;
	struct fail f = { .code = 0 };

	if (client_close(c, exit_code, &summary, &f) < 0) {
		if (f.code) /* else it was told when the keeper died */
			log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	while (client_next(c, 0, &e, NULL) == 0 && e.kind != CLIENT_NOTHING)
		outcome_take(o, &e);
	if (o->watch) {
		o->watch->watch.silent = true; /* they all come below */
		watch_look(o->watch, store, client_run_id(c), OUTCOME_CALLS_MAX);
		watch_record_free(o->watch);
	}
	print_outcome(o, &summary, client_run_id(c));
	if (report && report_write_file(store, client_run_id(c), report, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return reached(&summary, fail_on) ? EXIT_WEIR_FINDING : exit_code;
}
