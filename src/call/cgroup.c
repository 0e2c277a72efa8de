// SPDX-License-Identifier: Apache-2.0
/* cgroup v2 directories as runs and calls; see cgroup.h. Owns no descriptor beyond what it returns.
 */
#include "call/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define WEIR_CGROUP "weir"
#define STAT_FILE_MAX 65536
#define WAITING_MAX 512 /* threads of a cgroup that are asked; 4 µs each */

/* The mount point of the first cgroup2 file system; proc(5), mountinfo: the fifth field, and the
 * type after the dash. */
static int find_mount(char path[PATH_MAX])
{
	cleanup_file FILE *f = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	size_t room = 0;

	if (!f)
		return -errno;
	while (getline(&line, &room, f) > 0) {
		const char *type = strstr(line, " - cgroup2 ");
		int from = 0, to = 0;

		if (!type)
			continue;
		sscanf(line, "%*s %*s %*s %*s %n%*s%n", &from, &to);
		if (to <= from || to - from >= PATH_MAX)
			continue;
		memcpy(path, line + from, (size_t)(to - from));
		path[to - from] = '\0';
		return 0;
	}
	return -ENOENT;
}

/* On a host that is all v2 the limits of a run are v2 controllers: they must be switched on above
 * it. */
static void enable_controllers(int directory)
{
	static const char *const wanted[] = { "+cpu", "+memory", "+pids", "+io" };

	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
		file_write_path(directory, "cgroup.subtree_control", wanted[i]);
}

int cgroup_root_open(struct fail *f)
{
	char path[PATH_MAX];
	cleanup_fd int mount = -1;
	cleanup_fd int fd = -1;

	if (find_mount(path) < 0)
		return fail_text(f, ENOENT, "no cgroup v2 tree is mounted");
	mount = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0)
		return fail(f, errno, "cannot open %s", path);
	if (mkdirat(mount, WEIR_CGROUP, 0755) < 0 && errno != EEXIST)
		return fail(f, errno, "cannot make %s/" WEIR_CGROUP, path);
	fd = openat(mount, WEIR_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(f, errno, "cannot open %s/" WEIR_CGROUP, path);
	if (faccessat(fd, ".", W_OK, AT_EACCESS) < 0) /* another user made it */
		return fail(f, errno, "cannot make cgroups in %s/" WEIR_CGROUP, path);
	enable_controllers(mount);
	enable_controllers(fd);
	return take_fd(&fd);
}

int cgroup_make(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

uint64_t cgroup_id(int cgroup)
{
	struct stat st;

	return fstat(cgroup, &st) < 0 ? 0 : st.st_ino;
}

/* proc(5), cgroup: the line of the v2 tree is "0::/PATH". */
static int path_of(pid_t pid, char path[PATH_MAX])
{
	cleanup_buf struct buf text = { 0 };
	char name[32];
	const char *at;
	size_t size;

	buf_init(&text, STAT_FILE_MAX);
	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	if (file_read_path(AT_FDCWD, name, &text) < 0)
		return -ESRCH;
	at = strncmp(buf_text(&text), "0::/", 4) == 0 ? buf_text(&text)
						      : strstr(buf_text(&text), "\n0::/");
	if (!at)
		return -ENOENT;
	at = strchr(at, '/') + 1;
	size = strcspn(at, "\n");
	if (size >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, at, size);
	path[size] = '\0';
	return 0;
}

int cgroup_of(pid_t pid)
{
	char mount[PATH_MAX], path[PATH_MAX];
	cleanup_fd int root = -1;
	int r = find_mount(mount), fd;

	if (r == 0)
		r = path_of(pid, path);
	if (r < 0)
		return r;
	root = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool cgroup_is_below(int cgroup, uint64_t id)
{
	cleanup_fd int at = openat(cgroup, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t device = 0;
	struct stat st;

	while (at >= 0 && fstat(at, &st) == 0 && (!device || st.st_dev == device)) {
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		close(at);
		at = up;
		if (st.st_ino == id)
			return true;
		device = st.st_dev;
	}
	return false;
}

bool cgroup_exists(int cgroup)
{
	return faccessat(cgroup, "cgroup.procs", F_OK, 0) == 0;
}

int cgroup_events_open(int cgroup)
{
	int fd = openat(cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool cgroup_populated(int events)
{
	char text[256];
	ssize_t n = pread(events, text, sizeof(text) - 1, 0);

	if (n < 0)
		return errno != ENODEV; /* the directory has gone */
	text[n] = '\0';
	return strstr(text, "populated 1") != NULL;
}

/* The whole of a small kernel file as text, or "" when it cannot be read. */
static const char *read_small(int directory, const char *name, struct buf *into)
{
	buf_init(into, STAT_FILE_MAX);
	if (file_read_path(directory, name, into) < 0)
		buf_clear(into);
	return buf_text(into);
}

uint32_t cgroup_count(int cgroup)
{
	cleanup_buf struct buf text = { 0 };
	uint32_t count = 0;

	for (const char *p = read_small(cgroup, "cgroup.procs", &text); *p; p++)
		count += *p == '\n';
	return count;
}

int cgroup_kill(int cgroup)
{
	return file_write_path(cgroup, "cgroup.kill", "1");
}

/* Linux, cgroup-v2.rst: cgroup.freeze, and "frozen" of cgroup.events once it is complete. */
int cgroup_freeze(int cgroup, int wait_ms)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int r = file_write_path(cgroup, "cgroup.freeze", "1");

	for (; r == 0; wait_ms--) {
		cleanup_buf struct buf text = { 0 };

		if (strstr(read_small(cgroup, "cgroup.events", &text), "frozen 1"))
			break;
		if (wait_ms <= 0)
			r = -ETIMEDOUT;
		else
			nanosleep(&pause, NULL);
	}
	return r;
}

int cgroup_move(int cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return file_write_path(cgroup, "cgroup.procs", text);
}

int64_t cgroup_call_of(pid_t pid, const char *run)
{
	cleanup_buf struct buf text = { 0 };
	char path[32], number[64];
	const char *line;
	char *end;
	long n;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	line = strstr(read_small(AT_FDCWD, path, &text), "0::/"); /* the v2 tree; listed last */
	snprintf(number, sizeof(number), "/%s/", run);
	line = line ? strstr(line, number) : NULL;
	if (!line)
		return -1;
	line += strlen(number);
	n = strtol(line, &end, 10);
	return end == line || *end != '\n' ? -1 : n;
}

/* The number behind "name" and one separator anywhere in text, summed over all places. */
static uint64_t sum_of(const char *text, const char *name)
{
	uint64_t sum = 0;

	for (const char *p = strstr(text, name); p; p = strstr(p, name)) {
		p += strlen(name);
		sum += strtoull(p, NULL, 10);
	}
	return sum;
}

uint64_t cgroup_cpu_usec(int cgroup)
{
	cleanup_buf struct buf cpu = { 0 };

	return sum_of(read_small(cgroup, "cpu.stat", &cpu), "usage_usec ");
}

/* The second number: nanoseconds in a processor's queue; Documentation/scheduler/sched-stats.rst.
 */
static uint64_t thread_waited_ns(pid_t thread)
{
	cleanup_buf struct buf text = { 0 };
	uint64_t waited = 0;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", thread);
	sscanf(read_small(AT_FDCWD, path, &text), "%*u %" SCNu64, &waited);
	return waited;
}

uint64_t cgroup_waited_usec(int cgroup)
{
	cleanup_buf struct buf threads = { 0 };
	uint64_t waited = 0;
	const char *p;
	char *end;

	/* cpu.pressure would be one file for all, but is the mean of the processors where something
	 * ran: of a thread that is moved between two it shows half (kernel/sched/psi.c,
	 * collect_percpu_times) */
	p = read_small(cgroup, "cgroup.threads", &threads);
	for (int i = 0; *p && i < WAITING_MAX; i++) {
		waited += thread_waited_ns((pid_t)strtol(p, &end, 10));
		p = end + (*end == '\n');
	}
	return waited / 1000;
}

void cgroup_resources(int cgroup, struct resources *r)
{
	cleanup_buf struct buf memory = { 0 }, io = { 0 };

	r->cpu_usec += cgroup_cpu_usec(cgroup);
	if (faccessat(cgroup, "memory.peak", R_OK, 0) == 0)
		r->memory_peak = strtoull(read_small(cgroup, "memory.peak", &memory), NULL, 10);
	else
		buf_init(&memory, 0);
	read_small(cgroup, "io.stat", &io);
	r->read_bytes += sum_of(buf_text(&io), "rbytes=");
	r->write_bytes += sum_of(buf_text(&io), "wbytes=");
}

int cgroup_remove(int parent, const char *name)
{
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static void remove_calls(int run)
{
	int copy = openat(run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d && copy >= 0)
		close(copy);
	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			unlinkat(run, e->d_name, AT_REMOVEDIR);
}

int cgroup_sweep(int parent, const char *run, int wait_ms)
{
	const struct timespec pause = { .tv_nsec = 2 * 1000 * 1000 };
	cleanup_fd int fd = openat(parent, run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	cgroup_kill(fd);
	for (;;) {
		remove_calls(fd);
		r = cgroup_remove(parent, run);
		if (r == 0 || r == -ENOENT)
			return 0;
		if (wait_ms <= 0)
			return r;
		nanosleep(&pause, NULL);
		wait_ms -= 2;
	}
}
