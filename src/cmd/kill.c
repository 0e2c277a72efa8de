// SPDX-License-Identifier: Apache-2.0
/* weir kill: ends a living run, or one of its calls. Owns nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "call/client.h"
#include "cmd/command.h"
#include "cmd/living.h"
#include "store/record.h"

struct kill_options {
	const char *store;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct kill_options, store) },
	{ 0 },
};

/* RUN or RUN/CALL; RUN is the first *size bytes. */
static int parse_target(const char *text, size_t *size, uint32_t *call)
{
	const char *slash = strchr(text, '/');
	char *end;
	unsigned long n;

	*size = slash ? (size_t)(slash - text) : strlen(text);
	*call = 0;
	if (*size == 0)
		return -EINVAL;
	if (!slash)
		return 0;
	errno = 0;
	n = strtoul(slash + 1, &end, 10);
	if (errno || *end || end == slash + 1 || n == 0 || n > CALLS_PER_RUN_MAX)
		return -EINVAL;
	*call = (uint32_t)n;
	return 0;
}

static int kill_run(int argc, char **argv);

const struct command command_kill = {
	.name = "kill",
	.arguments = "RUN[/CALL]",
	.about = "end a living run, or one call of it",
	.help = "Ends every process of the run, or of the call, whatever they do about it, and "
		"returns\n"
		"when nothing of them lives any more. RUN is an id, a unique beginning of one, or "
		"a\n"
		"name. The record stays and says that the run was killed.\n"
		"\n"
		"  weir kill 06d2k4       the run\n"
		"  weir kill nightly/17   call 17 of the run named nightly\n",
	.options = rows,
	.run = kill_run,
};

static int kill_run(int argc, char **argv)
{
	struct kill_options o = { .store = NULL };
	int first = options_parse(&command_kill, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct fail f = { .code = 0 };
	char id[RUN_ID_SIZE];
	uint32_t call;
	size_t size;

	if (first < 0)
		return options_status(first);
	if (first != argc - 1 || parse_target(argv[first], &size, &call) < 0) {
		log_error("weir kill needs one RUN or RUN/CALL, for example 06d2k or 06d2k/3");
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	if (!o.store)
		o.store = standard;
	if (living_find(o.store, argv[first], size, id, &f) < 0 ||
	    client_kill(o.store, id, call, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
