// SPDX-License-Identifier: Apache-2.0
/* weir report: what a run did and which calls are to blame. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "report/report.h"

struct report_options {
	const char *store, *form, *output;
};

static const struct option_row options[] = {
	{ 's', "store", "DIR", NULL, "the store to read", OPTION_TEXT,
	  offsetof(struct report_options, store) },
	{ 'f', "format", "FORM", "text|json|html", "the report's form; text where none is given",
	  OPTION_TEXT, offsetof(struct report_options, form) },
	{ 'o', "output", "FILE", NULL,
	  "write into FILE; its suffix, .txt, .json or .html, is the form where none is given",
	  OPTION_TEXT, offsetof(struct report_options, output) },
	{ 0 },
};

static enum report_form form_of(const char *name)
{
	return name && !strcmp(name, "json")   ? REPORT_JSON
	       : name && !strcmp(name, "html") ? REPORT_HTML
					       : REPORT_TEXT;
}

static int print(const struct report_options *o, struct store *s, const char *spec, struct fail *f)
{
	struct text_style style = text_style_of(stdout);
	cleanup_report struct report r = { 0 };
	enum report_form form = form_of(o->form);
	int n = report_load(s, spec, report_evidence_each(form), 0, &r, f);

	if (n == 0)
		n = report_print(&r, form, &style, stdout, f);
	if (n == 0 && fflush(stdout) != 0)
		n = fail(f, errno, "writing the report");
	return n;
}

static int write_file(const struct report_options *o, const char *store, const char *spec,
		      struct fail *f)
{
	return o->form ? report_write_form(store, spec, o->output, form_of(o->form), f)
		       : report_write_file(store, spec, o->output, f);
}

static int run(int argc, char **argv);

/* clang-format off */
const struct command command_report = {
	.name = "report",
	.arguments = "[RUN]",
	.about = "tell what a run did and which calls are to blame",
	.help = "RUN is an id, the beginning of one, or a name; without it, the latest run.\n\n"
		"The text says first whether anything is wrong, then lists the calls in order with what\n"
		"each did ('!' marks those with findings), the findings with the call to blame and the\n"
		"evidence, and last whether any event is missing. weir-findings(5) describes the\n"
		"detectors; the JSON form is held by doc/schema/report.schema.json. The HTML form is one\n"
		"page for a browser, which needs no network and no other file.\n\n"
		"  weir report\n"
		"  weir report rome-demo -f json | jq '.findings[].summary'\n"
		"  weir report -o report.html",
	.options = options,
	.run = run,
};
/* clang-format on */

static int run(int argc, char **argv)
{
	struct report_options o = { 0 };
	int first = options_parse(&command_report, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct store *s = NULL;
	struct fail f = { 0 };
	const char *spec;
	int r;

	if (first < 0)
		return options_status(first);
	if (argc - first > 1) {
		log_error("report: one run at a time; '%s' is too much", argv[first + 1]);
		return EXIT_WEIR_USAGE;
	}
	spec = first < argc ? argv[first] : NULL;
	if (!o.store)
		o.store = standard = store_path_default();
	if (o.output) {
		r = write_file(&o, o.store, spec, &f);
	} else {
		r = store_open(o.store, &s, &f);
		if (r == 0)
			r = print(&o, s, spec, &f);
		store_close(s);
	}
	if (r < 0)
		log_error("%s", f.text);
	return r < 0 ? EXIT_WEIR_FAILED : 0;
}
