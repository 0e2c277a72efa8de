// SPDX-License-Identifier: Apache-2.0
/* weir blame: the calls that wrote a file, in order. */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "report/blame.h"

struct blame_options {
	const char *store, *form;
};

static const struct option_row options[] = {
	{ 's', "store", "DIR", NULL, "the store to read", OPTION_TEXT,
	  offsetof(struct blame_options, store) },
	{ 'f', "format", "FORM", "text|json", "text where none is given", OPTION_TEXT,
	  offsetof(struct blame_options, form) },
	{ 0 },
};

static int blame(const struct blame_options *o, const char *spec, const char *path, struct fail *f)
{
	struct text_style style = text_style_of(stdout);
	cleanup_blame struct blame b = { 0 };
	struct store *s = NULL;
	char cwd[PATH_MAX];
	int n = store_open(o->store, &s, f);

	if (n == 0)
		n = blame_load(s, spec, path, getcwd(cwd, sizeof(cwd)), &b, f);
	if (n == 0 && o->form && !strcmp(o->form, "json"))
		n = blame_json(&b, stdout, f);
	else if (n == 0)
		n = blame_text(&b, &style, stdout, f);
	store_close(s);
	if (n == 0 && fflush(stdout) != 0)
		n = fail(f, errno, "writing who wrote %s", path);
	return n;
}

static int run(int argc, char **argv);

/* clang-format off */
const struct command command_blame = {
	.name = "blame",
	.arguments = "RUN PATH",
	.about = "list the calls that wrote a file, in order",
	.help = "RUN is an id, the beginning of one, or a name. PATH is the file's path inside the sandbox; a\n"
		"path of the run's workspace on the host does too, and a relative one is the workspace's.\n\n"
		"A line a change: call, time, operation, process and event; below it, behind '<-', the calls\n"
		"that stand behind it, with what was read from them. The file is followed under the names it\n"
		"had before, through hard links and moved directories. '-' marks what nothing is left of in the\n"
		"file, '?' a change that only a later event knows of.\n\n"
		"  weir blame rome-demo Makefile\n"
		"  weir blame rome-demo /work/setup.py -f json | jq '.holds'",
	.options = options,
	.run = run,
};
/* clang-format on */

static int run(int argc, char **argv)
{
	struct blame_options o = { 0 };
	int first = options_parse(&command_blame, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct fail f = { 0 };

	if (first < 0)
		return options_status(first);
	if (argc - first != 2 || !*argv[first + 1]) {
		log_error("blame: it is 'weir blame RUN PATH', such as 'weir blame rome-demo "
			  "Makefile'; 'weir ls' lists the runs");
		return EXIT_WEIR_USAGE;
	}
	if (!o.store)
		o.store = standard = store_path_default();
	if (blame(&o, argv[first], argv[first + 1], &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
