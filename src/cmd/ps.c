// SPDX-License-Identifier: Apache-2.0
/* weir ps: the living runs of a store, as their keepers describe them. Owns nothing; names and
 * command lines are escaped. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text_escape.h"
#include "call/client.h"
#include "call/message.h"
#include "cmd/command.h"
#include "store/record.h"

#define COMMAND_COLUMNS 60

struct ps_options {
	const char *store, *form;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct ps_options, store) },
	{ 'f', "format", "FORM", "text|json", "how to print (default: text)", OPTION_TEXT,
	  offsetof(struct ps_options, form) },
	{ 0 },
};

static void put_age(uint64_t started_ns, char text[16])
{
	uint64_t now = clock_wall_ns();
	uint64_t s = now > started_ns ? (now - started_ns) / NSEC_PER_SEC : 0;

	if (s < 60)
		snprintf(text, 16, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, 16, "%" PRIu64 "m", s / 60);
	else if (s < 86400)
		snprintf(text, 16, "%" PRIu64 "h", s / 3600);
	else
		snprintf(text, 16, "%" PRIu64 "d", s / 86400);
}

static int print_line(void *context, const struct message_status *s)
{
	bool *any = context;
	cleanup_buf struct buf command = { 0 };
	char age[16];

	buf_init(&command, 65536);
	text_escape_cut(&command, s->command ? s->command : "", s->command ? strlen(s->command) : 0,
			COMMAND_COLUMNS);
	put_age(s->started_ns, age);
	if (!*any)
		printf("%-16s  %-12s  %5s  %5s  %9s  %s\n", "RUN", "NAME", "AGE", "CALLS",
		       "PROCESSES", "COMMAND");
	*any = true;
	printf("%-16s  %-12s  %5s  %5u  %9u  %s%s\n", s->id, s->name ? s->name : "-", age, s->calls,
	       s->processes, buf_text(&command), s->recorded ? "" : "  (not recorded)");
	return 0;
}

static int add_json(void *context, const struct message_status *s)
{
	struct json *j = context;

	json_object(j);
	json_field_string(j, "id", s->id);
	json_field_string(j, "name", s->name);
	json_field_string(j, "command", s->command);
	json_field_time(j, "started", s->started_ns);
	json_field_uint(j, "calls", s->calls);
	json_field_uint(j, "living_calls", s->living_calls);
	json_field_uint(j, "processes", s->processes);
	json_field_uint(j, "keeper_pid", s->keeper_pid);
	json_field_bool(j, "recorded", s->recorded);
	json_object_end(j);
	return 0;
}

static int print_json(const char *store, struct fail *f)
{
	cleanup_buf struct buf text = { 0 };
	struct json j;
	int r;

	buf_init(&text, 16 * 1024 * 1024);
	json_init(&j, &text);
	json_array(&j);
	r = client_status(store, add_json, &j, f);
	json_array_end(&j);
	if (r < 0 && r != -ENOENT)
		return r;
	puts(buf_text(&text));
	return 0;
}

static int ps_run(int argc, char **argv);

const struct command command_ps = {
	.name = "ps",
	.arguments = "",
	.about = "list the runs that live",
	.help = "One line for each run of the store that lives now: its id, name, age, how many "
		"calls it\n"
		"has begun, how many processes live in it, and its command.\n"
		"\n"
		"  weir ps\n"
		"  weir ps -f json\n",
	.options = rows,
	.run = ps_run,
};

static int ps_run(int argc, char **argv)
{
	struct ps_options o = { .form = "text" };
	int first = options_parse(&command_ps, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct fail f = { .code = 0 };
	bool any = false;
	int r;

	if (first < 0)
		return options_status(first);
	if (first != argc) {
		log_error("weir ps takes no arguments");
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	if (!o.store)
		o.store = standard;
	r = strcmp(o.form, "json") == 0 ? print_json(o.store, &f)
					: client_status(o.store, print_line, &any, &f);
	if (r < 0 && r != -ENOENT) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
