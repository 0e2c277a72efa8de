// SPDX-License-Identifier: Apache-2.0
/* weir explain: one finding as a short story. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "report/report.h"

struct explain_options {
	const char *store, *form;
};

static const struct option_row options[] = {
	{ 's', "store", "DIR", NULL, "the store to read", OPTION_TEXT,
	  offsetof(struct explain_options, store) },
	{ 'f', "format", "FORM", "text|json", "text where none is given", OPTION_TEXT,
	  offsetof(struct explain_options, form) },
	{ 0 },
};

/* "RUN/F3", "RUN/3" or "F3" (of the latest run). The run's part goes to *ret_run, owned, NULL for
 * none. */
static int parse_finding(const char *text, char **ret_run, uint32_t *ret_number)
{
	const char *slash = strrchr(text, '/'), *number = slash ? slash + 1 : text;
	unsigned long n;
	char *end;

	if (*number == 'F' || *number == 'f')
		number++;
	if (*number < '1' || *number > '9')
		return -EINVAL;
	n = strtoul(number, &end, 10);
	if (*end || n > UINT32_MAX)
		return -EINVAL;
	*ret_run = slash && slash != text ? strndup(text, (size_t)(slash - text)) : NULL;
	*ret_number = (uint32_t)n;
	return 0;
}

static int explain(const struct explain_options *o, const char *spec, uint32_t number,
		   struct fail *f)
{
	struct text_style style = text_style_of(stdout);
	cleanup_report struct report r = { 0 };
	struct store *s = NULL;
	int n = store_open(o->store, &s, f);

	if (n == 0)
		n = report_load(s, spec, FINDING_EVIDENCE_MAX, number, &r, f);
	if (n == 0 && o->form && !strcmp(o->form, "json"))
		n = explain_json(&r, number, stdout, f);
	else if (n == 0)
		n = explain_text(&r, number, &style, stdout, f);
	store_close(s);
	if (n == 0 && fflush(stdout) != 0)
		n = fail(f, errno, "writing the explanation");
	return n;
}

static int run(int argc, char **argv);

/* clang-format off */
const struct command command_explain = {
	.name = "explain",
	.arguments = "RUN/FINDING",
	.about = "tell one finding: what happened, who did it, in which call, and how that is known",
	.help = "RUN is an id, the beginning of one, or a name, FINDING a number as the report shows it;\n"
		"F3 alone is a finding of the latest run.\n\n"
		"  weir explain rome-demo/F3\n"
		"  weir explain F1 -f json",
	.options = options,
	.run = run,
};
/* clang-format on */

static int run(int argc, char **argv)
{
	struct explain_options o = { 0 };
	int first = options_parse(&command_explain, argc, argv, &o);
	cleanup_free char *standard = NULL;
	cleanup_free char *spec = NULL;
	struct fail f = { 0 };
	uint32_t number;

	if (first < 0)
		return options_status(first);
	if (argc - first != 1 || parse_finding(argv[first], &spec, &number) < 0) {
		log_error("explain: it is 'weir explain RUN/FINDING', such as rome-demo/F3; "
			  "'weir report RUN' lists the findings");
		return EXIT_WEIR_USAGE;
	}
	if (!o.store)
		o.store = standard = store_path_default();
	if (explain(&o, spec, number, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
