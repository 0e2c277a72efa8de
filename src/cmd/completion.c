// SPDX-License-Identifier: Apache-2.0
/* weir completion: a shell's completion script, made from the option tables. The words of the
 * tables are weir's own and hold no quotes. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bpf/event_decode.h"
#include "cmd/command.h"
#include "policy/policy.h"

static const struct option_row options[] = { { 0 } };

static void print_words(const char *values)
{
	for (; *values; values++)
		putchar(*values == '|' ? ' ' : *values);
}

static void print_names(const struct option_row *o)
{
	if (o->letter)
		printf("-%c | ", o->letter);
	printf("--%s", o->name);
}

static bool has_choices(const struct option_row *o)
{
	return o->values || o->type == OPTION_SEVERITY || strcmp(o->argument, "KIND") == 0;
}

/* The words of weir's own that may follow an option, with a blank before each. */
static void print_choices(const struct option_row *o)
{
	if (o->values) {
		putchar(' ');
		print_words(o->values);
	} else if (o->type == OPTION_SEVERITY) {
		for (int i = 0; i < SEVERITY_COUNT; i++)
			printf(" %s", severity_name((enum severity)i));
	} else {
		for (int i = 0; i < EVENT_KIND_COUNT; i++)
			printf(" %s", event_kind_name((enum event_kind)i));
	}
}

/* What may follow an option: one of some words, a directory, a file, or nothing known. */
static void print_option_values(const struct option_row *o)
{
	printf("\t\t");
	print_names(o);
	printf(") COMPREPLY=(");
	if (has_choices(o)) {
		printf("$(compgen -W '");
		print_choices(o);
		printf("' -- \"$word\")");
	} else if (strcmp(o->argument, "DIR") == 0) {
		printf("$(compgen -d -- \"$word\")");
	} else if (o->type == OPTION_TEXT) {
		printf("$(compgen -f -- \"$word\")");
	}
	printf("); return ;;\n");
}

/* The verbs in "check FILE | show [FILE]": words in small letters. */
static void print_verbs(const char *arguments)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	while (*arguments) {
		size_t n = strcspn(arguments, " ");

		if (n && strspn(arguments, letters) == n)
			printf(" %.*s", (int)n, arguments);
		arguments += n + strspn(arguments + n, " ");
	}
}

static void print_command(const struct command *c)
{
	printf("\t%s)\n\t\tcase $before in\n", c->name);
	for (const struct option_row *o = c->options; o->name; o++)
		if (o->argument)
			print_option_values(o);
	printf("\t\tesac\n\t\twords='");
	for (const struct option_row *o = c->options; o->name; o++)
		printf("--%s ", o->name);
	printf("--help'\n\t\tverbs='");
	print_verbs(c->arguments);
	printf("' ;;\n");
}

static void print_bash(void)
{
	printf("# Completion of weir for bash, made by `weir completion bash`.\n"
	       "_weir() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words "
	       "verbs\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	for (size_t i = 0; commands[i]; i++)
		printf("%s ", commands[i]->name);
	printf("help --help --version' -- \"$word\"))\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; commands[i]; i++)
		print_command(commands[i]);
	printf("\t*) return ;;\n"
	       "\tesac\n"
	       "\tcase $word in\n"
	       "\t-*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
	       "\t*)\n"
	       "\t\t[ \"$COMP_CWORD\" != 2 ] || COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\"))\n"
	       "\t\t[ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
	       "\tesac\n"
	       "}\n"
	       "complete -o filenames -F _weir weir\n");
}

static int run(int argc, char **argv);

const struct command command_completion = {
	.name = "completion",
	.arguments = "bash",
	.about = "print a completion script for a shell",
	.help = "  weir completion bash >~/.local/share/bash-completion/completions/weir",
	.options = options,
	.run = run,
};

static int run(int argc, char **argv)
{
	int first = options_parse(&command_completion, argc, argv, NULL);

	if (first < 0)
		return options_status(first);
	if (argc - first != 1 || strcmp(argv[first], "bash") != 0) {
		log_error("completion: it is 'weir completion bash'");
		return EXIT_WEIR_USAGE;
	}
	print_bash();
	return fflush(stdout) ? EXIT_WEIR_FAILED : 0;
}
