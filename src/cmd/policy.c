// SPDX-License-Identifier: Apache-2.0
/* weir policy: judges a policy file without running anything, shows a policy in full, and changes
 * the network of a run that lives. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "call/client.h"
#include "cmd/command.h"
#include "cmd/learn.h"
#include "cmd/living.h"
#include "cmd/preset.h"
#include "policy/policy.h"
#include "sandbox/barrier.h"
#include "store/record.h"

struct policy_options {
	const char *store, *policy;
};

static const struct option_row options[] = {
	{ 's', "store", "DIR", NULL, "where the run is (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct policy_options, store) },
	{ 'p', "policy", "FILE", NULL,
	  "learn: what holds but for the network: a file, or a preset's name", OPTION_TEXT,
	  offsetof(struct policy_options, policy) },
	{ 0 },
};

/* A name that no barrier has would never degrade anything: it is a mistake. */
static int check_degrade(const struct policy *p, struct fail *f)
{
	for (size_t i = 0; i < p->degrade.count; i++) {
		size_t k = 0;

		while (k < barrier_count && strcmp(barriers[k]->name, p->degrade.items[i]) != 0)
			k++;
		if (k == barrier_count)
			return fail_text(f, EINVAL,
					 "degrade: there is no barrier %s; weir doctor lists them",
					 p->degrade.items[i]);
	}
	return 0;
}

static int check(const char *path)
{
	cleanup_policy struct policy p = { 0 };
	struct fail f = { 0 };

	int r = preset_read(path, &p, &f);

	if (r == 0 && (policy_supported(&p, &f) < 0 || check_degrade(&p, &f) < 0))
		r = fail_wrap(&f, "%s", path);
	if (r < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_USAGE;
	}
	printf("%s: good\n", path);
	return 0;
}

static int show(const char *path)
{
	cleanup_policy struct policy p = { 0 };
	cleanup_buf struct buf text = { 0 };
	struct fail f = { 0 };
	int r;

	buf_init(&text, 8 * POLICY_BYTES_MAX);
	r = path ? preset_read(path, &p, &f) : policy_builtin(&p);
	if (r < 0) {
		log_error("%s", path ? f.text : "out of memory");
		return path ? EXIT_WEIR_USAGE : EXIT_WEIR_FAILED;
	}
	policy_print(&p, &text);
	return text.error || fputs(buf_text(&text), stdout) < 0 || fflush(stdout) ? EXIT_WEIR_FAILED
										  : 0;
}

/* With the sentence that its file begins with. */
static void list_one(const char *name, const char *path)
{
	cleanup_file FILE *file = fopen(path, "re");
	char line[256] = "";

	while (file && fgets(line, sizeof(line), file) && strncmp(line, "# SPDX", 6) == 0)
		;
	line[strcspn(line, "\n")] = '\0';
	printf("%-14s %s\n", name, line[0] == '#' ? line + 2 : "");
}

static int list(void)
{
	struct fail f = { 0 };

	if (preset_list(list_one, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return fflush(stdout) ? EXIT_WEIR_FAILED : 0;
}

/* The rest of the file is as it was when the run began, and cannot change. */
static int ask_policy(const char *store, const char *id, const char *path, uint32_t *ret_cut,
		      struct fail *f)
{
	cleanup_policy struct policy p = { 0 };
	int r = preset_read(path, &p, f);

	if (r == 0)
		r = policy_supported(&p, f);
	return r < 0 ? r : client_change_policy(store, id, &p, ret_cut, f);
}

static int ask_phase(const char *store, const char *id, const char *name, uint32_t *ret_cut,
		     struct fail *f)
{
	enum egress_phase phase;

	if (egress_phase_parse(name, &phase) < 0)
		return fail_text(f, EINVAL, "a phase is setup, run or verify, not '%s'", name);
	return client_change_phase(store, id, phase, ret_cut, f);
}

/* apply RUN FILE, phase RUN NAME */
static int change(const struct policy_options *o, const char *verb, const char *run,
		  const char *what)
{
	bool phase = strcmp(verb, "phase") == 0;
	cleanup_free char *standard = o->store ? NULL : store_path_default();
	const char *store = o->store ? o->store : standard;
	char id[RUN_ID_SIZE];
	struct fail f = { 0 };
	uint32_t cut = 0;

	if (living_find(store, run, strlen(run), id, &f) < 0 ||
	    (phase ? ask_phase : ask_policy)(store, id, what, &cut, &f) < 0) {
		log_error("%s", f.text);
		return f.code == EINVAL ? EXIT_WEIR_USAGE : EXIT_WEIR_FAILED;
	}
	fprintf(stderr, "weir: run %s: %s %s; connections cut: %u\n", id,
		phase ? "the phase is" : "the network is that of", what, cut);
	return 0;
}

static int run(int argc, char **argv);

/* clang-format off */
const struct command command_policy = {
	.name = "policy",
	.arguments = "check FILE | show [FILE] | list | apply RUN FILE | phase RUN NAME | learn -- CMD [ARG...]",
	.about = "judge, show or learn a policy, or change a living run's network",
	.help = "check FILE   says whether weir can read and enforce FILE; the exit status is 0 or 2, and\n"
		"             a mistake is told with its line, its column and what is accepted there.\n"
		"show [FILE]  prints FILE, or the policy that holds where none is given, with every\n"
		"             setting that it leaves out. The output is a policy file.\n"
		"list         names the policies that come with weir. FILE may be such a name, here and\n"
		"             for -p: a file in the current directory comes first.\n\n"
		"apply RUN FILE\n"
		"             makes the network of a living run that of FILE, at once and as a whole. It may\n"
		"             only be narrower than it was; what FILE says of anything else is left as the\n"
		"             run has it. A connection goes on if FILE still allows it.\n"
		"phase RUN NAME\n"
		"             goes on to the phase run or verify of the run's policy, and never back.\n"
		"learn -- CMD\n"
		"             runs CMD while its network is only watched, and prints the smallest policy\n"
		"             that would have let pass what it did. Everything else goes to standard error.\n\n"
		"weir-policy(5) describes every setting.\n\n"
		"  weir policy show >strict.yaml\n"
		"  weir policy check strict.yaml\n"
		"  weir policy apply nightly stricter.yaml\n"
		"  weir policy phase nightly verify\n"
		"  weir policy learn -- npm ci >npm.yaml",
	.options = options,
	.run = run,
};
/* clang-format on */

static int run(int argc, char **argv)
{
	struct policy_options o = { .store = NULL };
	int first = options_parse(&command_policy, argc, argv, &o);
	const char *verb;

	if (first < 0)
		return options_status(first);
	verb = first < argc ? argv[first] : "";
	if (strcmp(verb, "check") == 0 && argc - first == 2)
		return check(argv[first + 1]);
	if (strcmp(verb, "show") == 0 && argc - first <= 2)
		return show(argv[first + 1]);
	if (strcmp(verb, "list") == 0 && argc - first == 1)
		return list();
	if ((strcmp(verb, "apply") == 0 || strcmp(verb, "phase") == 0) && argc - first == 3)
		return change(&o, verb, argv[first + 1], argv[first + 2]);
	if (strcmp(verb, "learn") == 0 && argc - first >= 2)
		return learn_run(o.policy, o.store, argv + first + 1);
	log_error("it is weir policy %s", command_policy.arguments);
	return EXIT_WEIR_USAGE;
}
