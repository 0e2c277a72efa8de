// SPDX-License-Identifier: Apache-2.0
/* Unit tests of the option tables: what a command line means, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "cmd/command.h"
#include "policy/policy.h"

struct options {
	bool dry_run;
	const char *store, *format;
	uint64_t call;
	int fail_on;
};

static const struct option_row rows[] = {
	{ 0, "dry-run", NULL, NULL, "plan only", OPTION_FLAG, offsetof(struct options, dry_run) },
	{ 's', "store", "DIR", NULL, "store", OPTION_TEXT, offsetof(struct options, store) },
	{ 'f', "format", "FORM", "text|json", "form", OPTION_TEXT,
	  offsetof(struct options, format) },
	{ 0, "call", "N", NULL, "call", OPTION_UINT, offsetof(struct options, call) },
	{ 0, "fail-on", "SEVERITY", NULL, "fail", OPTION_SEVERITY,
	  offsetof(struct options, fail_on) },
	{ 0 },
};

static const struct command permuting = {
	.name = "t", .arguments = "[RUN]", .about = "a", .options = rows
};
static const struct command stopping = {
	.name = "t", .arguments = "-- CMD", .about = "a", .options = rows
};

static int parse(const struct command *c, struct options *o, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	*o = (struct options){ 0 };
	return options_parse(c, argc, argv, o);
}

static void values_reach_their_members(void **state)
{
	char *argv[] = { "t",  "--dry-run",	 "-s",	"/x", "--format=json", "--call",
			 "17", "--fail-on=high", "run", NULL };
	struct options o;

	(void)state;
	assert_int_equal(parse(&permuting, &o, argv), 8);
	assert_true(o.dry_run);
	assert_string_equal(o.store, "/x");
	assert_string_equal(o.format, "json");
	assert_int_equal(o.call, 17);
	assert_int_equal(o.fail_on, SEVERITY_HIGH);
}

static void operands_move_behind_unless_a_command_follows(void **state)
{
	char *moved[] = { "t", "run", "-s", "/x", NULL };
	char *command[] = { "t", "-s", "/x", "ls", "-f", "anything", NULL };
	char *dashes[] = { "t", "--", "-s", NULL };
	struct options o;

	(void)state;
	assert_int_equal(parse(&permuting, &o, moved), 3);
	assert_string_equal(o.store, "/x");
	assert_string_equal(moved[3], "run");
	assert_int_equal(parse(&stopping, &o, command), 3);
	assert_null(o.format);
	assert_int_equal(parse(&stopping, &o, dashes), 2);
	assert_null(o.store);
}

static void wrong_words_are_usage_errors(void **state)
{
	char *lines[][4] = {
		{ "t", "--nonsense", NULL },	 { "t", "-x", NULL },
		{ "t", "--store", NULL },	 { "t", "--format=xml", NULL },
		{ "t", "--call=-1", NULL },	 { "t", "--call=9x", NULL },
		{ "t", "--fail-on=huge", NULL }, { "t", "--dry-run=1", NULL },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(parse(&permuting, &o, lines[i]), -EXIT_WEIR_USAGE);
	assert_int_equal(options_status(-EXIT_WEIR_USAGE), 2);
	assert_int_equal(options_status(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_reach_their_members),
		cmocka_unit_test(operands_move_behind_unless_a_command_follows),
		cmocka_unit_test(wrong_words_are_usage_errors),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
