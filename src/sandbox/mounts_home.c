// SPDX-License-Identifier: Apache-2.0
/* The sandbox's home directory: an empty one, and in it private copies of what files.home names. An
 * agent finds its settings there and may change them; the host's are not touched. The keeper looks
 * here at what there is; links and special files are left out. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "sandbox/identity.h"
#include "sandbox/mounts.h"

#define FILES_MAX 512 /* files and directories; of PLAN_STEPS_MAX steps */
#define BYTES_MAX (64ull * 1024 * 1024)
#define DEPTH_MAX 16

struct copying {
	struct sandbox_plan *plan;
	unsigned int files, depth;
	uint64_t bytes;
	struct fail *fail;
};

static struct step *owned(struct sandbox_plan *p, enum step_op op, const char *inside,
			  const char *host, mode_t mode)
{
	struct step *s = plan_step(p, STAGE_BUILD, op, inside, host);

	s->a = mode & 07777;
	s->flags = STEP_OWNED;
	return s;
}

static int plan_entry(struct copying *c, const char *host, const char *inside);

static int plan_directory(struct copying *c, const char *host, const char *inside)
{
	cleanup_dir DIR *dir = opendir(host);
	char below[PATH_MAX], place[PATH_MAX];
	struct dirent *e;
	int r = 0;

	owned(c->plan, STEP_DIR, inside, NULL, 0700);
	if (!dir || c->depth == DEPTH_MAX)
		return 0;
	c->depth++;
	while (r == 0 && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", host, e->d_name) < PATH_MAX &&
		    snprintf(place, sizeof(place), "%s/%s", inside, e->d_name) < PATH_MAX)
			r = plan_entry(c, below, place);
	}
	c->depth--;
	return r;
}

static int plan_entry(struct copying *c, const char *host, const char *inside)
{
	struct step *s;
	struct stat st;

	if (lstat(host, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return 0; /* left out, as files.read does */
	c->bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (++c->files > FILES_MAX || c->bytes > BYTES_MAX)
		return fail_text(c->fail, E2BIG,
				 "files.home: more than %d files or %llu MiB, at %s: name fewer",
				 FILES_MAX, BYTES_MAX >> 20, host);
	if (S_ISDIR(st.st_mode))
		return plan_directory(c, host, inside);
	s = owned(c->plan, STEP_COPY, inside, host, st.st_mode & 0700);
	s->b = (uint64_t)st.st_size;
	s->flags |= STEP_OPTIONAL; /* it may have gone since */
	return 0;
}

/* Directories between the home and the entry. */
static void plan_parents(struct sandbox_plan *p, const char *inside, size_t home)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(inside + home + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - inside), inside);
		if (!plan_has(p, STEP_DIR, part))
			owned(p, STEP_DIR, part, NULL, 0700);
	}
}

int mounts_plan_home(struct sandbox_plan *p, struct fail *f)
{
	const struct text_list *list = &p->policy->files.home;
	const char *home = identity_of(p->identity)->home + 1;
	struct copying c = { .plan = p, .fail = f };
	char inside[PATH_MAX];
	int r = 0;

	owned(p, STEP_DIR, home, NULL, 0700);
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		const char *host = strstr(list->items[i], "=/");

		if (!host || snprintf(inside, sizeof(inside), "%s/%.*s", home,
				      (int)(host - list->items[i]), list->items[i]) >= PATH_MAX)
			continue; /* the client found no home to take it from */
		plan_parents(p, inside, strlen(home));
		r = plan_entry(&c, host + 1, inside);
	}
	return r;
}
