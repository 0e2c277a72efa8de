// SPDX-License-Identifier: Apache-2.0
/* weir hook: becomes weir's tool in its part as an agent's hook, which inside a sandbox is there as
 * /run/weir/hook. Whatever goes wrong, the agent must not notice. */
#include <unistd.h>

#include "base/cleanup.h"
#include "call/place.h"
#include "cmd/command.h"

static const struct option_row rows[] = { { 0 } };

static int hook_main(int argc, char **argv);

const struct command command_hook = {
	.name = "hook",
	.arguments = "",
	.about = "tell weir which tool call an agent is about to make (for its hooks)",
	.help = "Reads on standard input the JSON that Claude Code, Qwen Code, iFlow and "
		"OpenHands\n"
		"give to a PreToolUse or PostToolUse hook, and supplies the call's id, tool and\n"
		"arguments, and later its result. An agent under weir run --agent finds it as\n"
		"/run/weir/hook, which is what its settings should name; there the call gets the\n"
		"agent's own words instead of a command line.\n"
		"\n"
		"It prints nothing, ends with 0 and takes at most two seconds, whether a weir "
		"listens\n"
		"or not. Calls are told apart by the kernel alone: a hook only names them, and "
		"only a\n"
		"process of the agent itself is heard.\n",
	.options = rows,
	.run = hook_main,
};

static int hook_main(int argc, char **argv)
{
	int first = options_parse(&command_hook, argc, argv, NULL);
	cleanup_free char *tool = NULL;
	struct fail f = { .code = 0 };

	if (first < 0)
		return options_status(first);
	tool = place_executable("weir-tool", &f);
	if (tool)
		execl(tool, tool, "hook", (char *)NULL);
	return 0;
}
