// SPDX-License-Identifier: Apache-2.0
/* The visible system: each path of files.read, read-only, at its own place. Links are made again as
 * links; small files of /etc are copied, which costs less than a mount each; the rest is bound.
 * Owners are not mapped: what the host does not let everyone read stays unreadable, whoever one is
 * inside. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/kernel.h"
#include "sandbox/mounts.h"

#define COPY_MAX 16384 /* bytes of a file that is copied instead of bound */

/* The sandbox has its own; the host's would defeat it. */
static const char *const own_places[] = { "/",	  "/dev", "/proc", "/sys",
					  "/tmp", "/run", "/work", "/var/run" };

/* Whether `inner` is `outer` or lies below it. */
static bool lies_below(const char *inner, const char *outer)
{
	size_t size = strlen(outer);

	return strncmp(inner, outer, size) == 0 && (inner[size] == '/' || inner[size] == '\0');
}

static bool is_own_place(const char *path)
{
	for (size_t i = 0; i < ARRAY_LENGTH(own_places); i++) {
		if (strcmp(path, own_places[i]) == 0)
			return true;
	}
	return lies_below(path, "/proc") || lies_below(path, "/sys") || lies_below(path, "/dev") ||
	       lies_below(path, "/work"); /* what is there is the workspace's, and would hide it */
}

/* The last parent that was resolved: most of files.read lies in a few directories. */
struct parent {
	char name[PATH_MAX], real[PATH_MAX];
};

/* path with its parent resolved, so that a link on the way (/lib -> usr/lib) is not made a
 * directory; the last component stays as it is. False when the parent does not exist. */
static bool parent_resolve(const char *path, struct parent *last, char into[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t size = (size_t)(slash - path);

	if (size >= PATH_MAX || strncmp(last->name, path, size) != 0 || last->name[size]) {
		snprintf(last->name, sizeof(last->name), "%.*s", (int)size, path);
		if (!size)
			last->real[0] = '\0';
		else if (!realpath(last->name, last->real))
			last->name[0] = '\0';
		if (size && !last->name[0])
			return false;
	}
	return snprintf(into, PATH_MAX, "%s%s", last->real, slash) < PATH_MAX;
}

static bool covered_by_another(const struct sandbox_plan *p, const char *path, size_t self)
{
	const struct text_list *read = &p->policy->files.read;

	for (size_t i = 0; i < read->count; i++) {
		if (i != self && strlen(read->items[i]) < strlen(path) &&
		    lies_below(path, read->items[i]))
			return true;
	}
	return mounts_is_writable(p, path);
}

static bool copy_small(struct sandbox_plan *p, const char *path, const struct stat *st)
{
	cleanup_buf struct buf content = { 0 };

	buf_init(&content, COPY_MAX);
	if (!lies_below(path, "/etc") || st->st_size > COPY_MAX || !(st->st_mode & S_IROTH) ||
	    file_read_path(AT_FDCWD, path, &content) < 0 ||
	    memchr(buf_text(&content), '\0', content.size))
		return false;
	plan_file(p, path + 1, buf_text(&content), st->st_mode & 0755, 0);
	return true;
}

static void plan_bind(struct sandbox_plan *p, const char *path, const struct stat *st)
{
	struct step *s;

	if (S_ISDIR(st->st_mode))
		plan_dirs(p, STAGE_BUILD, path + 1, false);
	else
		plan_file(p, path + 1, "", 0644, 0);
	s = plan_step(p, STAGE_BUILD, STEP_BIND, path + 1, path);
	s->a = MOUNT_SAFE | MOUNT_ATTR_RDONLY;
	s->flags = STEP_RECURSIVE;
}

static void plan_link(struct sandbox_plan *p, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return;
	target[n] = '\0';
	plan_step(p, STAGE_BUILD, STEP_SYMLINK, path + 1, target)->flags =
		p->identity == IDENTITY_ROOT ? STEP_OWNED : 0;
}

static int plan_read(struct sandbox_plan *p, size_t index, struct parent *last, struct fail *f)
{
	const char *item = p->policy->files.read.items[index];
	char path[PATH_MAX];
	struct stat st;

	if (item[0] != '/' || is_own_place(item))
		return fail_text(f, EINVAL,
				 "files.read: %s: the sandbox has its own %s; name what is wanted "
				 "elsewhere",
				 item, item);
	if (!parent_resolve(item, last, path) || lstat(path, &st) < 0 ||
	    covered_by_another(p, path, index))
		return 0;
	plan_dirs(p, STAGE_BUILD, path + 1, true);
	if (S_ISLNK(st.st_mode))
		plan_link(p, path);
	else if (S_ISDIR(st.st_mode))
		plan_bind(p, path, &st);
	else if (S_ISREG(st.st_mode) && !copy_small(p, path, &st))
		plan_bind(p, path, &st);
	return 0;
}

/* What of weir itself is seen inside, and where it is beside this program, installed or built. */
#define TOOL_PLACES                                                                            \
	"weir-tool", "libexec/weir-tool", "../libexec/weir/weir-tool", "../libexec/weir-tool", \
		"../../libexec/weir-tool"
static const struct {
	const char *inside, *places[6];
} own_programs[] = {
	{ "run/weir/tool", { TOOL_PLACES } },
	{ "run/weir/hook", { TOOL_PLACES } },
	{ "run/weir/weir", { "weir", "../weir", "../../bin/weir", "../bin/weir" } },
};

static void plan_own(struct sandbox_plan *p, const char *directory, const char *inside,
		     const char *const *places)
{
	char path[PATH_MAX + 64];
	struct stat st;

	for (; *places; places++) {
		snprintf(path, sizeof(path), "%s/%s", directory, *places);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		plan_file(p, inside, "", 0755, 0);
		plan_step(p, STAGE_BUILD, STEP_BIND, inside, path)->a =
			MOUNT_SAFE | MOUNT_ATTR_RDONLY;
		return;
	}
}

static void plan_programs(struct sandbox_plan *p)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(own_programs); i++)
		plan_own(p, self, own_programs[i].inside, own_programs[i].places);
}

int mounts_plan_system(struct sandbox_plan *p, struct fail *f)
{
	struct parent last = { 0 };

	for (size_t i = 0; i < p->policy->files.read.count; i++) {
		int r = plan_read(p, i, &last, f);

		if (r < 0)
			return r;
	}
	plan_programs(p);
	return 0;
}
