// SPDX-License-Identifier: Apache-2.0
/* The meeting place of a store's processes; see place.h. Trusts the store directory, which is the
 * user's own (0700) and never visible in a sandbox. */
#include "call/place.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "call/channel.h"

#define START_WAIT_MS 20000 /* a supervisor that loads its sensors on a slow, busy machine */

/* Makes every missing directory of path; the last one is ours alone. */
static int make_directories(const char *path, struct fail *f)
{
	char part[PATH_MAX];
	size_t size = strlen(path);

	if (size == 0 || size >= sizeof(part))
		return fail(f, ENAMETOOLONG, "store directory %s", path);
	for (size_t i = 1; i <= size; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, i == size ? 0700 : 0755) < 0 && errno != EEXIST)
			return fail(f, errno, "cannot make the store directory %s", part);
	}
	return 0;
}

int place_open_existing(const char *store, struct fail *f)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/run", store) >= (int)sizeof(path))
		return fail(f, ENAMETOOLONG, "store directory %s", store);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(f, errno, "cannot open %s", path) : fd;
}

int place_open(const char *store, struct fail *f)
{
	char path[PATH_MAX];
	int fd = place_open_existing(store, NULL);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return place_open_existing(store, f);
	if (make_directories(store, f) < 0)
		return -f->code;
	if (snprintf(path, sizeof(path), "%s/run", store) < (int)sizeof(path) &&
	    mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail(f, errno, "cannot make %s", path);
	return place_open_existing(store, f);
}

void place_run_socket(const char *run_id, char name[PLACE_SOCKET_MAX])
{
	snprintf(name, PLACE_SOCKET_MAX, "%s.sock", run_id);
}

bool place_is_run_socket(const char *name, char run_id[RUN_ID_SIZE])
{
	if (strlen(name) != RUN_ID_SIZE - 1 + strlen(".sock") ||
	    strcmp(name + RUN_ID_SIZE - 1, ".sock") != 0)
		return false;
	memcpy(run_id, name, RUN_ID_SIZE - 1);
	run_id[RUN_ID_SIZE - 1] = '\0';
	return run_id_valid(run_id);
}

char *place_executable(const char *name, struct fail *f)
{
	/* a build tree, another executable of libexec, an installed weir */
	static const char *const places[] = { "/libexec", "", "/../libexec/weir" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path = malloc(PATH_MAX * 2);

	if (n < 0 || !path) {
		fail(f, n < 0 ? errno : ENOMEM, "cannot look for %s", name);
		free(path);
		return NULL;
	}
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		snprintf(path, PATH_MAX * 2, "%s%s/%s", self, places[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	free(path);
	fail_text(f, ENOENT, "%s is not installed: looked in %s/libexec and %s/../libexec/weir",
		  name, self, self);
	return NULL;
}

int place_spawn(char *const argv[], int fd, pid_t *ret, struct fail *f)
{
	cleanup_free char *path = place_executable(argv[0], f);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	if (!path)
		return -f->code;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, 0, 2);
	posix_spawn_file_actions_adddup2(&actions, fd >= 0 ? fd : 0, 3);
	r = posix_spawn(ret, path, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r ? fail(f, r, "cannot start %s", path) : 0;
}

/* Runs the supervisor with ready_fd as its descriptor 3 (-1: none). It puts itself into the
 * background, so its first process ends at once and is reaped here. */
static int spawn_supervisor(const char *store, int ready_fd, struct fail *f)
{
	char *argv[] = { "weir-supervisor", (char *)store, NULL };
	pid_t pid;
	int r = place_spawn(argv, ready_fd, &pid, f);

	while (r == 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int place_supervisor_start(const char *store, struct fail *f)
{
	return spawn_supervisor(store, -1, f);
}

/* The supervisor writes what it has to say into the pipe: "ready", or why it cannot serve. */
static int wait_ready(int fd, struct fail *f)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char word[FAIL_TEXT_MAX];
	ssize_t n = 0;
	int r;

	do
		r = poll(&p, 1, START_WAIT_MS);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		n = read(fd, word, sizeof(word) - 1);
	if (r == 0)
		return fail_text(f, ETIMEDOUT, "the supervisor did not become ready in %d s",
				 START_WAIT_MS / 1000);
	if (n <= 0)
		return fail_text(f, EPIPE, "the supervisor died while it started");
	word[n] = '\0';
	return strcmp(word, "ready") == 0 ? 0 : fail_text(f, EIO, "%s", word);
}

static int start_and_connect(int place, const char *store, struct fail *f)
{
	cleanup_fd int lock =
		openat(place, PLACE_START, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	cleanup_fd int ready = -1;
	int pipe_fds[2];
	int r, fd;

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return fail(f, errno, "cannot lock %s/run/%s", store, PLACE_START);
	fd = channel_connect(place, PLACE_SUPERVISOR);
	if (fd >= 0)
		return fd;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return fail(f, errno, "cannot make a pipe");
	ready = pipe_fds[0];
	r = spawn_supervisor(store, pipe_fds[1], f);
	close(pipe_fds[1]);
	if (r == 0)
		r = wait_ready(ready, f);
	if (r < 0)
		return fail_wrap(f, "cannot start the supervisor");
	fd = channel_connect(place, PLACE_SUPERVISOR);
	return fd < 0 ? fail(f, -fd, "cannot reach the supervisor of %s", store) : fd;
}

int place_supervisor(int place, const char *store, struct fail *f)
{
	int fd = channel_connect(place, PLACE_SUPERVISOR);

	if (fd == -ECONNREFUSED || fd == -ENOENT)
		return start_and_connect(place, store, f);
	return fd < 0 ? fail(f, -fd, "cannot reach the supervisor of %s", store) : fd;
}

static char *build_id_text(const unsigned char *id, size_t size)
{
	char *text = malloc(sizeof("build-id:") + size * 2);
	size_t at = sizeof("build-id:") - 1;

	if (!text)
		return NULL;
	memcpy(text, "build-id:", at);
	for (size_t i = 0; i < size; i++)
		at += (size_t)sprintf(text + at, "%02x", id[i]);
	text[at] = '\0';
	return text;
}

/* Called for the executable first; a note segment is a row of headers, each followed by name and
 * bytes. */
static int find_build_id(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + p->p_vaddr);
		const char *end = at + p->p_memsz;

		while (p->p_type == PT_NOTE && end - at >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const void *)at;
			const char *name = at + sizeof(*note);
			const char *bytes = name + ((note->n_namesz + 3u) & ~3u);

			if (note->n_type == NT_GNU_BUILD_ID && memcmp(name, "GNU", 4) == 0) {
				*(char **)ret = build_id_text((const void *)bytes, note->n_descsz);
				return 1;
			}
			at = bytes + ((note->n_descsz + 3u) & ~3u);
		}
	}
	return 1;
}

char *place_build_id(void)
{
	char *text = NULL;

	dl_iterate_phdr(find_build_id, &text);
	return text;
}
