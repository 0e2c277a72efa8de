// SPDX-License-Identifier: Apache-2.0
/* weir verify: is a record what it was when its run ended? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "store/record.h"

#define EXIT_CHANGED 1

struct verify_options {
	const char *store, *form;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct verify_options, store) },
	{ 'f', "format", "FORM", "text|json", "how to print (default: text)", OPTION_TEXT,
	  offsetof(struct verify_options, form) },
	{ 0 },
};

static void print_json(const char *run_id, const struct verify_result *v)
{
	cleanup_buf struct buf text = { .max = 16384 };
	struct json j;

	json_init(&j, &text);
	json_object(&j);
	json_field_string(&j, "run", run_id);
	json_field_bool(&j, "matches", v->matches);
	json_field_bool(&j, "live", v->live);
	json_field_uint(&j, "frames", v->frames);
	json_field_string(&j, "root", v->root);
	json_field_string(&j, "reason", v->reason[0] ? v->reason : NULL);
	json_object_end(&j);
	puts(buf_text(&text));
}

static void print_text(const char *run_id, const struct verify_result *v)
{
	if (v->matches && v->live)
		printf("%s: not complete yet; its %" PRIu64 " frames so far are whole, root %s\n",
		       run_id, v->frames, v->root);
	else if (v->matches)
		printf("%s: %" PRIu64 " frames, root %s: as when the run ended\n", run_id,
		       v->frames, v->root);
	else
		printf("%s: CHANGED OR DAMAGED: %s (%" PRIu64 " frames are whole, root %s)\n",
		       run_id, v->reason, v->frames, v->root);
}

static int verify_run(int argc, char **argv);

const struct command command_verify = {
	.name = "verify",
	.arguments = "[RUN]",
	.about = "check that a run's record was not changed",
	.help = "Computes the Merkle tree (RFC 6962) over the run's segments again and compares "
		"its\n"
		"root and the number of frames with those that the run ended with. RUN is an id, "
		"a\n"
		"unique prefix of one, a name, or nothing for the latest run. Exits 0 when the "
		"record\n"
		"is as it was, 1 when it is not.\n"
		"\n"
		"A record is not signed yet: who may write the whole store can also write a new "
		"root.\n"
		"Keep the root that the report ends with elsewhere.\n"
		"\n"
		"  weir verify\n"
		"  weir verify nightly -f json\n",
	.options = rows,
	.run = verify_run,
};

static int verify_run(int argc, char **argv)
{
	struct verify_options o = { .form = "text" };
	int first = options_parse(&command_verify, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct verify_result v = { 0 };
	struct store *s = NULL;
	struct fail f = { .code = 0 };
	char run_id[RUN_ID_SIZE];
	int r;

	if (first < 0)
		return options_status(first);
	if (argc - first > 1) {
		log_error("weir verify takes one run at most");
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	r = store_open(o.store ? o.store : standard, &s, &f);
	if (r >= 0)
		r = store_run_name(s, argc > first ? argv[first] : NULL, run_id, &f);
	if (r >= 0)
		r = store_verify(s, run_id, &v, &f);
	store_close(s);
	if (r < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	if (strcmp(o.form, "json") == 0)
		print_json(run_id, &v);
	else
		print_text(run_id, &v);
	return v.matches ? 0 : EXIT_CHANGED;
}
