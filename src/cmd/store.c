// SPDX-License-Identifier: Apache-2.0
/* weir store: work on a store as a whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "store/record.h"

#define EXIT_CHANGED 1

struct store_options {
	const char *store;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct store_options, store) },
	{ 0 },
};

struct check {
	struct store *store;
	uint64_t runs, bad;
	struct fail *f;
};

static int check_run(void *context, const char *run_id)
{
	struct check *c = context;
	struct verify_result v;
	int r = store_verify(c->store, run_id, &v, c->f);

	if (r < 0)
		return r;
	c->runs++;
	if (!v.matches) {
		c->bad++;
		printf("%s: %s\n", run_id, v.reason);
	}
	return 0;
}

static int print_counter(void *context, const char *name, uint64_t value)
{
	printf("%s: %" PRIu64 "\n", name, value);
	return 0;
}

/* Every record against its root and the index; runs that the index does not know are told too. */
static int check(const char *path, struct fail *f)
{
	struct check c = { .f = f };
	int r = store_open(path, &c.store, f);

	if (r >= 0)
		r = store_check_index(c.store, f);
	if (r >= 0)
		r = store_run_ids(c.store, check_run, &c, f);
	if (r >= 0)
		r = store_counters(c.store, print_counter, NULL, f);
	store_close(c.store);
	if (r < 0)
		return r;
	printf("%" PRIu64 " runs, %" PRIu64 " changed or damaged\n", c.runs, c.bad);
	return c.bad ? EXIT_CHANGED : 0;
}

static int rebuild(const char *path, struct fail *f)
{
	uint64_t runs, bad;
	int r = store_rebuild(path, &runs, &bad, f);

	if (r < 0)
		return r;
	printf("%" PRIu64 " runs indexed, %" PRIu64 " of them damaged\n", runs, bad);
	return bad ? EXIT_CHANGED : 0;
}

static int store_command(int argc, char **argv);

const struct command command_store = {
	.name = "store",
	.arguments = "rebuild | check",
	.about = "check a store, or make its index anew",
	.help = "rebuild makes index.db anew from the segments alone; it is refused while runs "
		"are\n"
		"recorded. check verifies every record and the index. Both exit 1 when a record "
		"is\n"
		"damaged.\n"
		"\n"
		"  weir store check\n"
		"  weir store rebuild\n",
	.options = rows,
	.run = store_command,
};

static int store_command(int argc, char **argv)
{
	struct store_options o = { 0 };
	int first = options_parse(&command_store, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct fail f = { .code = 0 };
	const char *path;
	int r;

	if (first < 0)
		return options_status(first);
	standard = store_path_default();
	path = o.store ? o.store : standard;
	if (argc - first == 1 && strcmp(argv[first], "rebuild") == 0) {
		r = rebuild(path, &f);
	} else if (argc - first == 1 && strcmp(argv[first], "check") == 0) {
		r = check(path, &f);
	} else {
		log_error("weir store rebuild, or weir store check");
		return EXIT_WEIR_USAGE;
	}
	if (r < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return r;
}
