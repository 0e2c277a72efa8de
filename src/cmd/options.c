// SPDX-License-Identifier: Apache-2.0
/* Parsing and help from a command's option table; see command.h. Trusts the table, not argv. The
 * words -h and --help are understood by every command. */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "policy/policy.h"

#define OPTIONS_MAX 32
#define LONG_ONLY 256 /* getopt value of row i without a letter: LONG_ONLY + i */
#define ABOUT_COLUMN 30

struct getopt_tables {
	char letters[2 + OPTIONS_MAX * 2 + 2];
	struct option longs[OPTIONS_MAX + 2];
};

static bool stops_at_operand(const struct command *c)
{
	return !strncmp(c->arguments, "--", 2);
}

static void make_tables(const struct command *c, struct getopt_tables *t)
{
	size_t n = 0, l = 0;

	if (stops_at_operand(c))
		t->letters[l++] = '+';
	t->letters[l++] = ':';
	for (const struct option_row *o = c->options; o && o->name && n < OPTIONS_MAX; o++, n++) {
		t->longs[n] = (struct option){
			.name = o->name,
			.has_arg = o->argument ? required_argument : no_argument,
			.val = o->letter ? o->letter : LONG_ONLY + (int)n,
		};
		if (!o->letter)
			continue;
		t->letters[l++] = o->letter;
		if (o->argument)
			t->letters[l++] = ':';
	}
	t->longs[n++] = (struct option){ .name = "help", .val = 'h' };
	t->longs[n] = (struct option){ 0 };
	t->letters[l++] = 'h';
	t->letters[l] = '\0';
}

static const struct option_row *find_row(const struct command *c, int value)
{
	size_t n = 0;

	for (const struct option_row *o = c->options; o && o->name; o++, n++)
		if (value == (o->letter ? o->letter : LONG_ONLY + (int)n))
			return o;
	return NULL;
}

static bool among(const char *values, const char *text)
{
	size_t size = strlen(text);

	while (values) {
		const char *end = strchr(values, '|');
		size_t n = end ? (size_t)(end - values) : strlen(values);

		if (n == size && !memcmp(values, text, n))
			return true;
		values = end ? end + 1 : NULL;
	}
	return false;
}

static int parse_uint(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || end == text || *end || strchr(text, '-') ? -EINVAL : 0;
}

static int store_item(const struct command *c, const struct option_row *o, const char *text,
		      struct option_list *list)
{
	if (list->count == OPTION_LIST_MAX) {
		log_error("%s: --%s more than %d times", c->name, o->name, OPTION_LIST_MAX);
		return -EINVAL;
	}
	list->items[list->count++] = text;
	return 0;
}

static int store_value(const struct command *c, const struct option_row *o, const char *text,
		       void *options)
{
	void *member = (char *)options + o->offset;
	enum severity severity;

	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)member = true;
		return 0;
	case OPTION_TEXT:
		if (o->values && !among(o->values, text)) {
			log_error("%s: --%s is one of %s, not '%s'", c->name, o->name, o->values,
				  text);
			return -EINVAL;
		}
		*(const char **)member = text;
		return 0;
	case OPTION_UINT:
		if (parse_uint(text, member) == 0)
			return 0;
		log_error("%s: --%s needs a whole number, not '%s'", c->name, o->name, text);
		return -EINVAL;
	case OPTION_SEVERITY:
		if (severity_parse(text, &severity) == 0) {
			*(int *)member = (int)severity;
			return 0;
		}
		log_error("%s: --%s is one of info, low, medium, high, critical, not '%s'", c->name,
			  o->name, text);
		return -EINVAL;
	case OPTION_LIST:
		return store_item(c, o, text, member);
	}
	return -EINVAL;
}

static int refuse(const struct command *c, const char *what, const char *which)
{
	log_error("%s: %s '%s'; 'weir %s --help' shows what there is", c->name, what, which,
		  c->name);
	return -EXIT_WEIR_USAGE;
}

/* The option that getopt could not take: its last word, as it was typed. */
static int refuse_option(const struct command *c, int value, char **argv)
{
	const char *word = argv[optind > 1 ? optind - 1 : 1];
	char letter[3] = { '-', (char)optopt, '\0' };

	if (strncmp(word, "--", 2) != 0 && optopt > 0 && optopt < LONG_ONLY)
		word = letter;
	return refuse(c, value == ':' ? "an argument is missing after" : "there is no option",
		      word);
}

int options_parse(const struct command *c, int argc, char **argv, void *options)
{
	struct getopt_tables tables;
	int value;

	make_tables(c, &tables);
	optind = 0; /* glibc: start afresh */
	opterr = 0;
	while ((value = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		const struct option_row *row;

		if (value == '?' || value == ':')
			return refuse_option(c, value, argv);
		row = find_row(c, value);
		if (!row) { /* only --help has no row */
			options_help(c);
			return -1;
		}
		if (store_value(c, row, optarg, options) < 0)
			return -EXIT_WEIR_USAGE;
	}
	return optind;
}

static void print_row(char letter, const char *name, const char *argument, const char *about)
{
	char left[96];

	snprintf(left, sizeof(left), "%s%c%s--%s%s%s", letter ? "-" : " ", letter ? letter : ' ',
		 letter ? ", " : "  ", name, argument ? "=" : "", argument ? argument : "");
	printf("  %-*s %s\n", ABOUT_COLUMN, left, about);
}

void options_help(const struct command *c)
{
	printf("usage: weir %s [OPTION...]%s%s\n\n%s\n\n", c->name, *c->arguments ? " " : "",
	       c->arguments, c->about);
	if (c->help)
		printf("%s\n\n", c->help);
	printf("Options:\n");
	for (const struct option_row *o = c->options; o && o->name; o++)
		print_row(o->letter, o->name, o->values ? o->values : o->argument, o->about);
	print_row('h', "help", NULL, "show this");
}
