/* SPDX-License-Identifier: Apache-2.0 */
/* One const struct per command, in its own file, listed in commands[] (commands.c). The option
 * table drives parsing, --help, the manual's SYNOPSIS and shell completion. */
#ifndef WEIR_CMD_COMMAND_H
#define WEIR_CMD_COMMAND_H

#include <stdbool.h>

#define EXIT_WEIR_FINDING 3
#define EXIT_WEIR_USAGE 2
#define EXIT_WEIR_FAILED 125
#define EXIT_WEIR_CANNOT_EXECUTE 126
#define EXIT_WEIR_NOT_FOUND 127

struct option_row {
	char letter;	      /* 0: none */
	const char *name;     /* long name */
	const char *argument; /* NULL: a flag; else its placeholder in help: "FILE", "RUN", … */
	const char *values;   /* "text|json" when the argument is one of these, else NULL */
	const char *about;
	enum { OPTION_FLAG, OPTION_TEXT, OPTION_UINT, OPTION_SEVERITY, OPTION_LIST } type;
	unsigned offset; /* of the member in the command's options struct: bool, const char *,
			    uint64_t, int, struct option_list */
};

/* An option that may be given several times. */
#define OPTION_LIST_MAX 16
struct option_list {
	unsigned count;
	const char *items[OPTION_LIST_MAX];
};

struct command {
	const char *name;
	const char *arguments;		  /* synopsis after the options: "[RUN]" */
	const char *about;		  /* one line */
	const char *help;		  /* paragraphs and examples for --help */
	const struct option_row *options; /* ends with a zeroed row */
	int (*run)(int argc,
		   char **argv); /* argv[0] is the command's name; returns the exit status */
};

extern const struct command *const commands[]; /* NULL-terminated */

/* Parses argv by the command's table into `options`. Stops at the first operand when the command's
 * arguments begin with "--"; otherwise permutes. Returns the index of the first operand, or a
 * negative exit status: -1 after --help (printed, exit 0), -EXIT_WEIR_USAGE after a message. */
int options_parse(const struct command *c, int argc, char **argv, void *options);
void options_help(const struct command *c);
/* The exit status that a negative result of options_parse() stands for. */
static inline int options_status(int parsed)
{
	return parsed == -1 ? 0 : -parsed;
}

#endif
