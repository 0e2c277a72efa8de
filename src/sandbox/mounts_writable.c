// SPDX-License-Identifier: Apache-2.0
/* A writable system for identity root: each tree below is an overlay, the host's at the bottom (its
 * system owners mapped to the sandbox's ids), what the run writes in private storage on top.
 * Nothing reaches the host. The sandbox's root may read what its capabilities let it, so whatever
 * the host does not let everybody read is hidden from /etc and /var beforehand, and accounts are
 * made anew. In /usr and /opt, which are too large to look through, such files would be readable.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/identity.h"
#include "sandbox/kernel.h"
#include "sandbox/mounts.h"

#define DEPTH_MAX 12
#define ACCOUNTS_MAX (256 * 1024)
#define NOBODY 65534

static const struct tree {
	const char *path;
	bool listed; /* only where files.read names it */
	bool search; /* look for what is not everybody's */
} trees[] = {
	{ "/usr", true, false },
	{ "/opt", true, false },
	{ "/bin", true, false },
	{ "/sbin", true, false },
	{ "/lib", true, false },
	{ "/lib64", true, false },
	{ "/etc", false, true },
	{ "/var/lib/dpkg", false, true },
	{ "/var/lib/apt", false, true },
	{ "/var/lib/pam", false, true },
	{ "/var/lib/ucf", false, true },
	{ "/var/lib/systemd", false, true },
	{ "/var/cache/debconf", false, true },
};

/* Directories that programs run by root expect, and that belong to it. */
static const char *const root_owned[] = {
	".",	"var", "var/lib",  "var/cache", "var/log", "var/spool", "var/mail", "var/lib/misc",
	"home", "run", "run/lock", "srv",	"mnt",	   "media",
};

static struct step *owned_dir(struct sandbox_plan *p, const char *path, mode_t mode)
{
	struct step *s = plan_step(p, STAGE_BUILD, STEP_DIR, path, NULL);

	s->a = mode;
	s->flags = STEP_OWNED;
	return s;
}

static bool is_listed(const struct sandbox_plan *p, const char *path)
{
	for (size_t i = 0; i < p->policy->files.read.count; i++) {
		if (strcmp(p->policy->files.read.items[i], path) == 0)
			return true;
	}
	return false;
}

/* A path of the upper layer of tree number n, below `name`. */
static void upper_path(char into[PATH_MAX], size_t n, const char *name)
{
	size_t size =
		(size_t)snprintf(into, PATH_MAX, PRIVATE_STORE "/up-%zu%s", n, *name ? "/" : "");

	snprintf(into + size, PATH_MAX - size, "%s", name);
}

/* The parents of name in the upper layer: they take the place of the host's, so with its mode. */
static void upper_parents(struct sandbox_plan *p, size_t n, int tree, const char *name)
{
	char part[PATH_MAX], path[PATH_MAX];
	struct stat st;

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		upper_path(path, n, part);
		if (fstatat(tree, part, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !plan_has(p, STEP_DIR, path))
			owned_dir(p, path, st.st_mode & 07777);
	}
}

static bool everybody_may_read(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return (st->st_mode & (S_IROTH | S_IXOTH)) == (S_IROTH | S_IXOTH);
	return S_ISLNK(st->st_mode) || (S_ISREG(st->st_mode) && st->st_mode & S_IROTH);
}

static void hide(struct sandbox_plan *p, size_t n, int tree, const char *name)
{
	char path[PATH_MAX];

	upper_parents(p, n, tree, name);
	upper_path(path, n, name);
	plan_step(p, STAGE_BUILD, STEP_WHITEOUT, path, NULL);
}

static void search(struct sandbox_plan *p, size_t n, int tree, const char *name, int depth);

static void search_entry(struct sandbox_plan *p, size_t n, int tree, const char *path, int depth)
{
	struct stat st;

	if (fstatat(tree, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (!everybody_may_read(&st) || (S_ISDIR(st.st_mode) && depth == DEPTH_MAX))
		hide(p, n, tree, path);
	else if (S_ISDIR(st.st_mode))
		search(p, n, tree, path, depth + 1);
}

/* Hides below `name` ("" the tree itself) what is not everybody's, and what lies too deep to tell.
 */
static void search(struct sandbox_plan *p, size_t n, int tree, const char *name, int depth)
{
	int fd = openat(tree, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(path, sizeof(path), "%s%s%s", name, *name ? "/" : "", entry->d_name) <
		    (int)sizeof(path))
			search_entry(p, n, tree, path, depth);
	}
	if (!dir && fd >= 0)
		close(fd);
}

/* name:x:ID:… of the host's file, system accounts only; each also as a locked line for `shadow`. */
static void accounts_copy(const char *file, const char *locked, struct buf *accounts,
			  struct buf *shadow)
{
	cleanup_buf struct buf text = { 0 };
	char *line, *rest;

	buf_init(&text, ACCOUNTS_MAX);
	if (file_read_path(AT_FDCWD, file, &text) < 0 || !text.data)
		return;
	for (rest = text.data; (line = strsep(&rest, "\n"));) {
		unsigned int id;

		if (sscanf(line, "%*[^:]:%*[^:]:%u", &id) != 1 ||
		    (id >= SYSTEM_IDS && id != NOBODY))
			continue;
		buf_printf(accounts, "%s\n", line);
		buf_printf(shadow, "%.*s:%s\n", (int)strcspn(line, ":"), line, locked);
	}
}

static void etc_file(struct sandbox_plan *p, size_t n, const char *name, const char *content,
		     mode_t mode)
{
	char path[PATH_MAX];

	upper_path(path, n, name);
	for (uint32_t i = 0; i < p->image->step_count; i++) {
		struct step *s = &p->image->steps[i];

		/* hidden by the search: this one takes its place */
		if (s->op == STEP_WHITEOUT && strcmp(image_text(p->image, s->path), path) == 0)
			s->op = STEP_FILE;
		else
			continue;
		s->a = mode;
		s->b = strlen(content);
		s->flags = STEP_OWNED;
		s->target = plan_text(p, content);
		return;
	}
	plan_file(p, path, content, mode, STEP_OWNED);
}

static void etc_accounts(struct sandbox_plan *p, size_t n)
{
	cleanup_buf struct buf passwd = { 0 }, shadow = { 0 }, group = { 0 }, gshadow = { 0 };

	char resolver[RESOLVER_TEXT];

	buf_init(&passwd, ACCOUNTS_MAX);
	buf_init(&shadow, ACCOUNTS_MAX);
	buf_init(&group, ACCOUNTS_MAX);
	buf_init(&gshadow, ACCOUNTS_MAX);
	accounts_copy("/etc/passwd", "*:19000:0:99999:7:::", &passwd, &shadow);
	accounts_copy("/etc/group", "*::", &group, &gshadow);
	etc_file(p, n, "passwd", buf_text(&passwd), 0644);
	etc_file(p, n, "shadow", buf_text(&shadow), 0640);
	etc_file(p, n, "group", buf_text(&group), 0644);
	etc_file(p, n, "gshadow", buf_text(&gshadow), 0640);
	etc_file(p, n, "hostname", "weir\n", 0644);
	etc_file(p, n, "hosts", "127.0.0.1 localhost weir\n::1 localhost\n", 0644);
	mounts_resolver(p->policy, resolver);
	etc_file(p, n, "resolv.conf", resolver, 0644);
}

static void plan_tree(struct sandbox_plan *p, size_t n, const struct tree *t, int fd,
		      const struct stat *st)
{
	char lower[64], work[64], upper[PATH_MAX];
	struct step *s;

	snprintf(lower, sizeof(lower), PRIVATE_STORE "/low-%zu", n);
	snprintf(work, sizeof(work), PRIVATE_STORE "/work-%zu", n);
	upper_path(upper, n, "");
	plan_step(p, STAGE_BUILD, STEP_DIR, lower, NULL)->a = 0755;
	plan_step(p, STAGE_BUILD, STEP_DIR, work, NULL)->a = 0755;
	owned_dir(p, upper, st->st_mode & 07777);
	if (t->search)
		search(p, n, fd, "", 0);
	if (strcmp(t->path, "/etc") == 0)
		etc_accounts(p, n);
	s = plan_step(p, STAGE_BUILD, STEP_BIND, lower, t->path);
	s->a = MOUNT_SAFE | MOUNT_ATTR_RDONLY;
	s->flags = STEP_IDMAP;
	plan_dirs(p, STAGE_BUILD, t->path + 1, false);
	s = plan_step(p, STAGE_BUILD, STEP_OVERLAY, t->path + 1, lower);
	s->a = plan_text(p, upper);
	s->b = plan_text(p, work);
}

void mounts_plan_writable(struct sandbox_plan *p)
{
	for (size_t i = 0; i < ARRAY_LENGTH(root_owned); i++)
		owned_dir(p, root_owned[i], 0755);
	for (size_t i = 0; i < ARRAY_LENGTH(trees); i++) {
		cleanup_fd int fd = -1;
		struct stat st;

		if (trees[i].listed && !is_listed(p, trees[i].path))
			continue;
		fd = open(trees[i].path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0)
			plan_tree(p, i, &trees[i], fd, &st);
	}
}

bool mounts_is_writable(const struct sandbox_plan *p, const char *path)
{
	char part[PATH_MAX];

	if (p->identity != IDENTITY_ROOT)
		return false;
	snprintf(part, sizeof(part), "%s", path + 1);
	for (;;) {
		char *slash;

		if (plan_has(p, STEP_OVERLAY, part))
			return true;
		slash = strrchr(part, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
}
