// SPDX-License-Identifier: Apache-2.0
/* weir policy: judges a policy file without running anything, and shows a policy in full. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/preset.h"
#include "policy/policy.h"
#include "sandbox/barrier.h"

static const struct option_row options[] = { { 0 } };

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

static int run(int argc, char **argv);

/* clang-format off */
const struct command command_policy = {
	.name = "policy",
	.arguments = "check FILE | show [FILE] | list",
	.about = "judge a policy file, or show a policy in full",
	.help = "check FILE   says whether weir can read and enforce FILE; the exit status is 0 or 2, and\n"
		"             a mistake is told with its line, its column and what is accepted there.\n"
		"show [FILE]  prints FILE, or the policy that holds where none is given, with every\n"
		"             setting that it leaves out. The output is a policy file.\n"
		"list         names the policies that come with weir. FILE may be such a name, here and\n"
		"             for -p: a file in the current directory comes first.\n\n"
		"weir-policy(5) describes every setting.\n\n"
		"  weir policy show >strict.yaml\n"
		"  weir policy check strict.yaml",
	.options = options,
	.run = run,
};
/* clang-format on */

static int run(int argc, char **argv)
{
	int first = options_parse(&command_policy, argc, argv, NULL);
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
	log_error("policy: it is 'weir policy check FILE', 'weir policy show [FILE]' or 'weir "
		  "policy list'");
	return EXIT_WEIR_USAGE;
}
