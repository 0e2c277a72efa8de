/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions of agents' tool sets weir can execute, and as what. One table of names; the
 * arguments of a call are turned into an action, or into the reason why there is none. */
#ifndef WEIR_TRACE_FUNCTION_H
#define WEIR_TRACE_FUNCTION_H

#include <stdbool.h>

#include "base/buf.h"
#include "trace/atif.h"

#define ACTION_REQUEST_MAX ((size_t)32 * 1024 * 1024)
#define ACTION_ARGV_MAX 1024
#define ACTION_REASON_MAX 256

enum action_kind {
	ACT_NOTHING, /* see reason */
	ACT_SHELL,   /* command, in the run's shells */
	ACT_PROGRAM, /* argv, as it is */
	ACT_PYTHON,  /* command is Python code */
	ACT_FILE,    /* request goes to libexec/weir-tool */
	ACT_RESET,   /* the shell begins anew */
};

struct action {
	enum action_kind kind;
	char reason[ACTION_REASON_MAX]; /* why nothing is executed */
	bool harmless;	       /* with ACT_NOTHING: the function does nothing outside the agent */
	bool background;       /* the harness did not wait for this call */
	bool output_differs;   /* what it prints is the harness's own text, not comparable */
	const char *command;   /* borrowed from the trajectory, as all strings here */
	char *command_text;    /* owned; where command had to be cut out of what was given */
	const char *directory; /* or NULL */
	const char **argv;     /* owned array of borrowed strings */
	struct buf request;
};

/* 0 or -ENOMEM. Arguments of the wrong shape are an ACT_NOTHING with the reason. */
int action_make(const struct trajectory_call *call, struct action *ret);
void action_free(struct action *a);

#define cleanup_action __attribute__((__cleanup__(action_free)))

#endif
