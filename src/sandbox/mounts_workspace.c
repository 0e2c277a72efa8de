// SPDX-License-Identifier: Apache-2.0
/* The workspace at /work, and the paths in it that stay read-only. Every directory on the way to a
 * protected path becomes a mount point of its own, so that none can be renamed away and made anew.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "sandbox/kernel.h"
#include "sandbox/mounts.h"

static int open_beneath(int dir, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					   RESOLVE_NO_MAGICLINKS };

	return result(kernel_openat2(dir, path, &how));
}

/* The path without "./", doubled and trailing slashes; false when it leaves the workspace. */
static bool path_normalise(const char *path, char into[PATH_MAX])
{
	size_t at = 0;

	while (*path) {
		size_t size = strcspn(path, "/");

		if (size == 2 && path[0] == '.' && path[1] == '.')
			return false;
		if (size && !(size == 1 && *path == '.')) {
			if (at + size + 2 > PATH_MAX)
				return false;
			if (at)
				into[at++] = '/';
			memcpy(into + at, path, size);
			at += size;
		}
		path += size + (path[size] == '/');
	}
	into[at] = '\0';
	return at > 0;
}

static bool has_protect(const struct sandbox_plan *p, const char *path)
{
	for (uint32_t i = 0; i < p->image->step_count; i++) {
		const struct step *s = &p->image->steps[i];

		if (s->op == STEP_PROTECT && strcmp(image_text(p->image, s->target), path) == 0)
			return true;
	}
	return false;
}

static void pin_parents(struct sandbox_plan *p, const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (!has_protect(p, part))
			plan_step(p, STAGE_BUILD, STEP_PROTECT, "work", part);
	}
}

static int plan_protect(struct sandbox_plan *p, int workspace, const char *item, struct fail *f)
{
	char path[PATH_MAX];
	cleanup_fd int fd = -1;

	if (item[0] == '/' || !path_normalise(item, path))
		return fail_text(f, EINVAL, "files.protect: %s: must be a path below the workspace",
				 item);
	fd = open_beneath(workspace, path);
	if (fd == -ENOENT) {
		plan_state(p, STATE_DEGRADED,
			   "files.protect: %s does not exist yet: creating it "
			   "is not prevented",
			   path);
		return 0;
	}
	if (fd < 0)
		return fail(f, -fd, "files.protect: %s", item);
	pin_parents(p, path);
	if (!has_protect(p, path))
		plan_step(p, STAGE_BUILD, STEP_PROTECT, "work", path)->a = MOUNT_ATTR_RDONLY;
	return 0;
}

static int workspace_open(const char *path, struct stat *st, struct fail *f)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	int fd;

	if (!path || path[0] != '/')
		return fail_text(f, EINVAL, "workspace %s: must be an absolute path",
				 path ? path : "(none)");
	fd = kernel_openat2(AT_FDCWD, path, &how);
	if (fd < 0 || fstat(fd, st) < 0)
		return fail(f, errno, "workspace %s", path);
	if (!S_ISDIR(st->st_mode)) {
		close(fd);
		return fail(f, ENOTDIR, "workspace %s", path);
	}
	return fd;
}

int mounts_plan_workspace(struct sandbox_plan *p, struct fail *f)
{
	const struct text_list *protect = &p->policy->files.protect;
	const char *path = p->policy->files.workspace;
	struct stat st;
	struct step *s;
	cleanup_fd int fd = workspace_open(path, &st, f);

	if (fd < 0)
		return fd;
	p->workspace_uid = st.st_uid;
	p->workspace_gid = st.st_gid;
	s = plan_step(p, STAGE_BUILD, STEP_WORKSPACE, "work", path);
	s->a = st.st_dev;
	s->b = st.st_ino;
	for (size_t i = 0; i < protect->count; i++) {
		int r = plan_protect(p, fd, protect->items[i], f);

		if (r < 0)
			return r;
	}
	return 0;
}
