// SPDX-License-Identifier: Apache-2.0
/* Finds the command by the table of commands.c and runs it; answers about itself. */
#include "cmd/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void print_overview(FILE *to)
{
	fprintf(to, "usage: weir COMMAND [OPTION...] [ARGUMENT...]\n\n"
		    "Runs AI agents contained, watches them from the kernel, and blames every "
		    "effect on the\n"
		    "tool call that caused it.\n\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-12s%s\n", commands[i]->name, commands[i]->about);
	fprintf(to, "\n'weir COMMAND --help' teaches a command; 'man weir' is the manual.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* `weir --help`, `weir help`, `weir help COMMAND` and `weir --version`. Returns -1 for anything
 * else. */
static int answer_about_itself(int argc, char **argv)
{
	const struct command *about;

	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return printf("weir %s\n", WEIR_VERSION) < 0;
	if (strcmp(argv[1], "--help") && strcmp(argv[1], "-h") && strcmp(argv[1], "help"))
		return -1;
	about = argc > 2 ? find_command(argv[2]) : NULL;
	if (about)
		options_help(about);
	else
		print_overview(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *command;
	int status;

	log_open("weir");
	if (argc < 2) {
		print_overview(stderr);
		return EXIT_WEIR_USAGE;
	}
	status = answer_about_itself(argc, argv);
	if (status >= 0)
		return status;
	command = find_command(argv[1]);
	if (!command) {
		log_error("there is no command '%s'; 'weir --help' lists them", argv[1]);
		return EXIT_WEIR_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}
