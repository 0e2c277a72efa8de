// SPDX-License-Identifier: Apache-2.0
/* See controllers.h. Owns the directories weir/PID-N of the v1 hierarchies, PID being the keeper's:
 * where that process is gone, whoever comes next removes them. */
#include "sandbox/controllers.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/sandbox.h"

#define ROOT "weir" /* at the top of each hierarchy, as in the v2 tree */
#define CPU_PERIOD_USEC 100000ull

static const char *const names[CONTROLLER_COUNT] = { "memory", "pids", "cpu" };

const char *controller_name(enum controller c)
{
	return names[c];
}

/* Whether `word` is an element of the comma- or blank-separated list of `size` bytes. */
static bool list_has(const char *list, size_t size, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at < list + size;) {
		size_t part = strcspn(at, ", \n");

		if (part > (size_t)(list + size - at))
			part = (size_t)(list + size - at);
		if (part == length && memcmp(at, word, length) == 0)
			return true;
		at += part + 1;
	}
	return false;
}

static void v2_look(struct controllers *ret, const char *mount)
{
	char path[PATH_MAX];
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 4096);
	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	if (file_read_path(AT_FDCWD, path, &text) < 0)
		return;
	for (int c = 0; c < CONTROLLER_COUNT; c++)
		ret->v2[c] = list_has(buf_text(&text), text.size, names[c]);
}

static void mount_look(struct controllers *ret, const char *line)
{
	char mount[1024], type[32], options[1024];

	if (sscanf(line, "%*s %1023s %31s %1023s", mount, type, options) != 3)
		return;
	if (strcmp(type, "cgroup2") == 0)
		v2_look(ret, mount);
	for (int c = 0; strcmp(type, "cgroup") == 0 && c < CONTROLLER_COUNT; c++) {
		if (list_has(options, strlen(options), names[c]))
			snprintf(ret->v1[c], sizeof(ret->v1[c]), "%s/" ROOT, mount);
	}
}

void controllers_find(struct controllers *ret)
{
	cleanup_buf struct buf mounts = { 0 };
	char *line, *rest;

	memset(ret, 0, sizeof(*ret));
	buf_init(&mounts, 1024 * 1024);
	if (file_read_path(AT_FDCWD, "/proc/self/mounts", &mounts) < 0 || !mounts.data)
		return;
	for (rest = mounts.data; (line = strsep(&rest, "\n"));) {
		if (strstr(line, " cgroup"))
			mount_look(ret, line);
	}
}

static void sweep(const char *hierarchy)
{
	cleanup_dir DIR *dir = opendir(hierarchy);
	struct dirent *entry;
	int pid;

	while (dir && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "%d-", &pid) == 1 && pid > 0 && kill(pid, 0) < 0 &&
		    errno == ESRCH)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
}

void sandbox_sweep(void)
{
	struct controllers c;

	controllers_find(&c);
	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (*c.v1[i])
			sweep(c.v1[i]);
	}
}

static void path_make(const struct controllers *c, int i, const char *id, const char *file,
		      char into[PATH_MAX])
{
	size_t room = PATH_MAX, at = (size_t)snprintf(into, room, "%s", c->v1[i]);

	snprintf(into + at, room - at, "/%s%s", id, file);
}

unsigned int controllers_make(const struct controllers *c, const char *id)
{
	unsigned int made = 0;
	char path[PATH_MAX];

	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (!*c->v1[i])
			continue;
		mkdir(c->v1[i], 0755);
		sweep(c->v1[i]);
		path_make(c, i, id, "", path);
		if (mkdir(path, 0755) == 0)
			made |= 1u << i;
	}
	return made;
}

void controllers_open(const struct controllers *c, const char *id, unsigned int made,
		      int procs[CONTROLLER_COUNT])
{
	char path[PATH_MAX];

	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		path_make(c, i, id, "/cgroup.procs", path);
		procs[i] = made >> i & 1 ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	}
}

int controllers_enter(const int procs[CONTROLLER_COUNT])
{
	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (procs[i] >= 0 && write(procs[i], "0", 1) < 0)
			return -errno;
	}
	return 0;
}

void controllers_remove(const struct controllers *c, const char *id, unsigned int made)
{
	char path[PATH_MAX];

	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		if (!(made >> i & 1))
			continue;
		path_make(c, i, id, "", path);
		rmdir(path);
	}
}

static int set(int dir, const char *file, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return file_write_path(dir, file, text);
}

static int limit_v1(enum controller which, int dir, const struct sandbox_limits *limits)
{
	int r;

	switch (which) {
	case CONTROLLER_MEMORY:
		r = set(dir, "memory.limit_in_bytes", limits->memory);
		/* with swap counted in, where the kernel counts it */
		if (r == 0)
			set(dir, "memory.memsw.limit_in_bytes", limits->memory);
		return r;
	case CONTROLLER_PIDS: /* init and the launcher are in it too */
		return set(dir, "pids.max", limits->pids + 2ull);
	default:
		return set(dir, "cpu.cfs_quota_us", limits->cpus_milli * CPU_PERIOD_USEC / 1000);
	}
}

static int limit_v2(enum controller which, int dir, const struct sandbox_limits *limits)
{
	char text[64];
	int r;

	switch (which) {
	case CONTROLLER_MEMORY:
		r = set(dir, "memory.max", limits->memory);
		if (r == 0)
			file_write_path(dir, "memory.swap.max", "0");
		return r;
	case CONTROLLER_PIDS: /* init is in it too */
		return set(dir, "pids.max", limits->pids + 1ull);
	default:
		snprintf(text, sizeof(text), "%llu %llu",
			 limits->cpus_milli * CPU_PERIOD_USEC / 1000, CPU_PERIOD_USEC);
		return file_write_path(dir, "cpu.max", text);
	}
}

/* The run's directory has a controller's files when its parent hands the controller down. */
static int limit_at_run(enum controller which, int run, const struct sandbox_limits *limits)
{
	char text[32];
	int r = limit_v2(which, run, limits);

	if (r != -ENOENT)
		return r;
	snprintf(text, sizeof(text), "+%s", names[which]);
	r = file_write_path(run, "../cgroup.subtree_control", text);
	return r < 0 ? r : limit_v2(which, run, limits);
}

static bool wanted(enum controller which, const struct sandbox_limits *limits)
{
	return which == CONTROLLER_MEMORY ? limits->memory != POLICY_UNLIMITED
	       : which == CONTROLLER_PIDS ? limits->pids != 0
					  : limits->cpus_milli != 0;
}

unsigned int controllers_limit(const struct controllers *c, const char *id, unsigned int made,
			       int run_cgroup, const struct sandbox_limits *limits)
{
	unsigned int missing = 0;
	char path[PATH_MAX];

	for (int i = 0; i < CONTROLLER_COUNT; i++) {
		cleanup_fd int dir = -1;
		int r = -ENOENT;

		/* A directory that was just made has no limits. */
		if (!wanted(i, limits))
			continue;
		path_make(c, i, id, "", path);
		if (c->v2[i] && run_cgroup >= 0)
			r = limit_at_run(i, run_cgroup, limits);
		else if (made >> i & 1 && (dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0)
			r = limit_v1(i, dir, limits);
		if (r < 0)
			missing |= 1u << i;
	}
	return missing;
}
