// SPDX-License-Identifier: Apache-2.0
/* weir rm: removes runs that are over, segments and index rows. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "store/record.h"

struct rm_options {
	const char *store;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct rm_options, store) },
	{ 0 },
};

static int remove_one(const char *path, const char *spec, struct fail *f)
{
	char run_id[RUN_ID_SIZE];
	struct store *s = NULL;
	int r = store_open(path, &s, f);

	if (r >= 0)
		r = store_run_name(s, spec, run_id, f);
	store_close(s);
	return r < 0 ? r : store_run_remove(path, run_id, f);
}

static int rm_run(int argc, char **argv);

const struct command command_rm = {
	.name = "rm",
	.arguments = "RUN...",
	.about = "remove runs that are over",
	.help = "Removes the record of each RUN (an id, a unique prefix of one, or a name), its "
		"segments\n"
		"and what the index says of it. A run that lives is refused. There is no way "
		"back.\n"
		"\n"
		"  weir rm 1m7y87kx\n",
	.options = rows,
	.run = rm_run,
};

static int rm_run(int argc, char **argv)
{
	struct rm_options o = { 0 };
	int first = options_parse(&command_rm, argc, argv, &o);
	cleanup_free char *standard = NULL;
	int status = 0;

	if (first < 0)
		return options_status(first);
	if (first == argc) {
		log_error("weir rm needs a run; `weir ls` lists them");
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	for (int i = first; i < argc; i++) {
		struct fail f = { .code = 0 };

		if (!*argv[i]) {
			log_error("weir rm needs a run; an empty name is none");
			status = EXIT_WEIR_USAGE;
		} else if (remove_one(o.store ? o.store : standard, argv[i], &f) < 0) {
			log_error("%s", f.text);
			status = EXIT_WEIR_FAILED;
		}
	}
	return status;
}
