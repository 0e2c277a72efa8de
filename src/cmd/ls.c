// SPDX-License-Identifier: Apache-2.0
/* weir ls: the runs of a store, oldest first. Reads the index only; names and commands are escaped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text_escape.h"
#include "cmd/command.h"
#include "store/record.h"

#define COMMAND_COLUMNS 50
#define LINE_BYTES (1024 * 1024)

struct ls_options {
	const char *store, *form;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct ls_options, store) },
	{ 'f', "format", "FORM", "text|json", "how to print (default: text)", OPTION_TEXT,
	  offsetof(struct ls_options, form) },
	{ 0 },
};

static void put_status(const struct run_info *run, char text[16])
{
	if (run->damaged)
		snprintf(text, 16, "damaged");
	else if (!run->over)
		snprintf(text, 16, "alive");
	else
		snprintf(text, 16, "%d", run->close.exit_code);
}

static void put_findings(const struct run_info *run, struct buf *out)
{
	bool any = false;

	for (int i = SEVERITY_COUNT - 1; i >= 0; i--) {
		if (!run->findings[i])
			continue;
		buf_printf(out, "%s%u %s", any ? ", " : "", run->findings[i],
			   severity_name((enum severity)i));
		any = true;
	}
	if (!any)
		buf_add_char(out, '-');
}

static int print_line(void *context, const struct run_info *run)
{
	bool *any = context;
	cleanup_buf struct buf command = { .max = LINE_BYTES }, findings = { .max = LINE_BYTES };
	char started[CLOCK_TEXT_MAX], status[16];

	text_escape_cut(&command, run->open.command ? run->open.command : "",
			run->open.command ? strlen(run->open.command) : 0, COMMAND_COLUMNS);
	put_findings(run, &findings);
	put_status(run, status);
	clock_format(run->open.started_ns, started);
	if (!*any)
		printf("%-16s  %-12s  %-19s  %-7s  %5s  %8s  %6s  %-20s  %s\n", "RUN", "NAME",
		       "STARTED (UTC)", "STATUS", "CALLS", "EVENTS", "LOST", "FINDINGS", "COMMAND");
	*any = true;
	printf("%-16s  %-12s  %.10s %.8s  %-7s  %5u  %8" PRIu64 "  %6" PRIu64 "  %-20s  %s\n",
	       run->open.id, run->open.name ? run->open.name : "-", started, started + 11, status,
	       run->calls, run->events, run->lost, buf_text(&findings), buf_text(&command));
	return 0;
}

static void put_json(struct json *j, const struct run_info *run)
{
	json_object(j);
	json_field_string(j, "id", run->open.id);
	json_field_string(j, "name", run->open.name);
	json_field_string(j, "command", run->open.command);
	json_field_string(j, "trajectory", run->open.trajectory);
	json_field_time(j, "started", run->open.started_ns);
	json_field_time(j, "ended", run->over ? run->close.ended_ns : 0);
	json_key(j, "exit_code");
	if (run->over)
		json_int(j, run->close.exit_code);
	else
		json_null(j);
	json_field_string(j, "reason", run->close.reason[0] ? run->close.reason : NULL);
	json_field_bool(j, "over", run->over);
	json_field_bool(j, "damaged", run->damaged);
	json_field_uint(j, "calls", run->calls);
	json_field_uint(j, "events", run->events);
	json_field_uint(j, "lost", run->lost);
	json_key(j, "findings");
	json_object(j);
	for (int i = 0; i < SEVERITY_COUNT; i++)
		json_field_uint(j, severity_name((enum severity)i), run->findings[i]);
	json_object_end(j);
	json_field_string(j, "root", run->root[0] ? run->root : NULL);
	json_field_uint(j, "bytes", run->bytes);
	json_object_end(j);
}

static int print_json(void *context, const struct run_info *run)
{
	bool *any = context;
	cleanup_buf struct buf text = { .max = LINE_BYTES };
	struct json j;

	json_init(&j, &text);
	put_json(&j, run);
	printf("%s%s", *any ? ",\n" : "[", buf_text(&text));
	*any = true;
	return text.error;
}

static int ls_run(int argc, char **argv);

const struct command command_ls = {
	.name = "ls",
	.arguments = "",
	.about = "list the runs of a store",
	.help = "One line for each run, oldest first: its id, name, start, exit status (or "
		"'alive', or\n"
		"'damaged' where weir ended before the run did), calls, recorded and lost events,\n"
		"findings by severity, and its command.\n"
		"\n"
		"  weir ls\n"
		"  weir ls -f json\n",
	.options = rows,
	.run = ls_run,
};

static int ls_run(int argc, char **argv)
{
	struct ls_options o = { .form = "text" };
	int first = options_parse(&command_ls, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct store *s = NULL;
	struct fail f = { .code = 0 };
	bool any = false, json;
	int r;

	if (first < 0)
		return options_status(first);
	if (first != argc) {
		log_error("weir ls takes no arguments");
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	json = strcmp(o.form, "json") == 0;
	r = store_open(o.store ? o.store : standard, &s, &f);
	if (r >= 0)
		r = store_runs(s, json ? print_json : print_line, &any, &f);
	store_close(s);
	if (json && (r >= 0 || any))
		puts(any ? "]" : "[]");
	if (r < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
