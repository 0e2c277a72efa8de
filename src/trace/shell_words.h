/* SPDX-License-Identifier: Apache-2.0 */
/* A look at shell code that decides what of a state it can reach: the names that it mentions, and
 * whether it can come by names that it does not mention. It does not understand the code; where it
 * errs it takes too much for a name or a command. */
#ifndef WEIR_TRACE_SHELL_WORDS_H
#define WEIR_TRACE_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/wire.h"

enum shell_reach {
	REACH_FUNCTIONS = 1 << 0, /* can call any function */
	REACH_VARIABLES = 1 << 1, /* can read any variable */
	REACH_ALIASES = 1 << 2,
	REACH_BACK = 1 << 3,   /* names the directory that was left */
	REACH_VALUES = 1 << 4, /* reads the value of a variable as the name of another */
	REACH_ALL = REACH_FUNCTIONS | REACH_VARIABLES | REACH_ALIASES,
};

/* Calls on_name for whatever in the text may be a name, some more than once: the name of a command,
 * or with `variable` that of a variable whose value counts. Returns the bits of enum shell_reach.
 */
unsigned shell_words(struct bytes text,
		     void (*on_name)(void *context, struct bytes name, bool variable),
		     void *context);
/* The same for the value of a variable, all of whose words may be names of variables. */
void shell_words_in_value(struct bytes text,
			  void (*on_name)(void *context, struct bytes name, bool variable),
			  void *context);
/* Whether the name of a command can be found by shell_words() at all. */
bool shell_words_finds(struct bytes name);
/* Whether the command gives the variable a value of its own before it can read the one that it had:
 * it begins with that, or is one loop over it with no use of it behind. */
bool shell_words_overwrites(const char *command, struct bytes name);
/* Whether the command does not care that it begins in this directory (as bash quotes it): it goes
 * to an absolute one before all else, or it is made of builtins that name no file. */
bool shell_words_placeless(const char *command, struct bytes directory);

#endif
