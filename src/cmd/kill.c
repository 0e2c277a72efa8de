// SPDX-License-Identifier: Apache-2.0
/* weir kill: ends a living run, or one of its calls. Owns nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "call/client.h"
#include "call/message.h"
#include "cmd/command.h"
#include "store/record.h"

struct kill_options {
	const char *store;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct kill_options, store) },
	{ 0 },
};

/* Finds the living run whose id begins with, or whose name is, `wanted`. */
struct search {
	const char *wanted;
	size_t size;
	char id[RUN_ID_SIZE];
	int found;
};

static int compare(void *context, const struct message_status *status)
{
	struct search *s = context;
	bool same = (status->name && strlen(status->name) == s->size &&
		     memcmp(status->name, s->wanted, s->size) == 0) ||
		    strncmp(status->id, s->wanted, s->size) == 0;

	if (same) {
		memcpy(s->id, status->id, sizeof(s->id));
		s->found++;
	}
	return 0;
}

static int find_living(const char *store, struct search *s, struct fail *f)
{
	int r = client_status(store, compare, s, f);

	if (r < 0)
		return r;
	if (s->found == 0)
		return fail_text(f, ESRCH, "no living run is called %.*s; 'weir ps' lists them",
				 (int)s->size, s->wanted);
	if (s->found > 1)
		return fail_text(f, ENOTUNIQ, "%d living runs begin with %.*s", s->found,
				 (int)s->size, s->wanted);
	return 0;
}

/* RUN or RUN/CALL. */
static int parse_target(const char *text, struct search *s, uint32_t *call)
{
	const char *slash = strchr(text, '/');
	char *end;
	unsigned long n;

	*s = (struct search){ .wanted = text };
	s->size = slash ? (size_t)(slash - text) : strlen(text);
	*call = 0;
	if (s->size == 0)
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
	struct search s;
	uint32_t call;

	if (first < 0)
		return options_status(first);
	if (first != argc - 1 || parse_target(argv[first], &s, &call) < 0) {
		log_error("weir kill needs one RUN or RUN/CALL, for example 06d2k or 06d2k/3");
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	if (!o.store)
		o.store = standard;
	if (find_living(o.store, &s, &f) < 0 || client_kill(o.store, s.id, call, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
