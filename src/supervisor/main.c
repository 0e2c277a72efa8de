// SPDX-License-Identifier: Apache-2.0
/* weir-supervisor STORE: one per store, started by the first run (descriptor 3: the pipe into which
 * it says "ready", or why it cannot serve), gone after a minute of idleness. Owns the lock that
 * makes it the only one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "call/cgroup.h"
#include "call/place.h"
#include "sandbox/sandbox.h"
#include "supervisor/supervisor.h"

#define READY_FD 3
#define IDLE_NS (60 * NSEC_PER_SEC)
#define LOCK_TRIES 3000 /* of 5 ms */
#define LOG_MAX (1024 * 1024)

int supervisor_spawn(struct supervisor *s, const char *name, int fd, struct fail *f)
{
	cleanup_free char *path = place_executable(name, f);
	char *argv[] = { (char *)name, (char *)s->store, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t ignored;
	pid_t pid;
	int r;

	if (!path)
		return -f->code;
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);
	sigaddset(&ignored, SIGCHLD);
	sigaddset(&ignored, SIGINT);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &ignored);
	posix_spawn_file_actions_adddup2(&actions, fd, READY_FD);
	r = posix_spawn(&pid, path, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r ? fail(f, r, "cannot start %s", path) : 0;
}

static void say(const char *word)
{
	file_write_all(READY_FD, word, strlen(word));
}

/* Errors of the store's processes go to STORE/log, which begins anew when it has become large. */
static void open_log(const char *store)
{
	char path[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/log", store);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > LOG_MAX && ftruncate(fd, 0) < 0)
		log_warn("%s cannot be cut", path);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* 0: we are the store's supervisor; 1: another one is and answers; -errno. */
static int become_the_only_one(struct supervisor *s, struct fail *f)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	int lock = openat(s->place, PLACE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0)
		return fail(f, errno, "cannot open %s/run/" PLACE_LOCK, s->store);
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd;

		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return 0; /* the lock lives as long as we do */
		if (errno != EWOULDBLOCK)
			return fail(f, errno, "cannot lock %s/run/" PLACE_LOCK, s->store);
		fd = channel_connect(s->place, PLACE_SUPERVISOR);
		if (fd >= 0) {
			close(fd);
			return 1;
		}
		nanosleep(&pause, NULL);
	}
	return fail_text(f, EBUSY, "another supervisor of %s does not answer", s->store);
}

static int listen_here(struct supervisor *s, struct fail *f)
{
	unlinkat(s->place, PLACE_SUPERVISOR, 0);
	s->listener.fd = channel_listen(s->place, PLACE_SUPERVISOR);
	s->listener.events = EPOLLIN;
	s->listener.ready = runs_listener_ready;
	if (s->listener.fd < 0)
		return fail(f, -s->listener.fd, "cannot make the socket %s/run/" PLACE_SUPERVISOR,
			    s->store);
	return loop_add(&s->loop, &s->listener);
}

/* 1: serving; 0: another one serves; -errno. */
static int open_supervisor(struct supervisor *s, const char *store, struct fail *f)
{
	struct fail why = { .code = 0 };
	int r;

	*s = (struct supervisor){
		.store = store,
		.cgroup = -1,
		.detach_ns = UINT64_MAX,
		.spare_ns = UINT64_MAX,
		.sweep_ns = UINT64_MAX,
		.recorder = { .fd = -1, .self = PARTY_SUPERVISOR, .peer = PARTY_RECORDER },
		.recorder_retry_ns = UINT64_MAX,
		.idle_ns = clock_mono_ns()
	};
	s->place = place_open_existing(store, f);
	if (s->place < 0)
		return s->place;
	r = become_the_only_one(s, f);
	if (r != 0)
		return r < 0 ? r : 0;
	r = loop_open(&s->loop);
	if (r < 0)
		return fail(f, -r, "epoll");
	s->build_id = place_build_id();
	s->cgroup = cgroup_root_open(&why);
	if (s->cgroup < 0)
		log_info("calls have no cgroups here: %s", why.text);
	runs_find(s);
	sandbox_sweep();
	/* these two start while the sensors are loaded */
	runs_spare_start(s);
	recorder_start(s);
	r = sense_open(s, f);
	if (r < 0)
		return r;
	recorder_rings(s);
	runs_quiet(s);
	r = listen_here(s, f);
	return r < 0 ? r : 1;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Does what is due and returns when the next thing is. */
static uint64_t due(struct supervisor *s, uint64_t now)
{
	if (s->detach_ns <= now)
		sense_detach(s);
	if (s->sweep_ns <= now) {
		s->sweep_ns = UINT64_MAX;
		sandbox_sweep();
	}
	if (s->spare_ns <= now)
		runs_spare_start(s);
	if (s->recorder_retry_ns <= now)
		recorder_start(s);
	if (runs_any(s))
		s->idle_ns = UINT64_MAX;
	else if (s->idle_ns == UINT64_MAX)
		s->idle_ns = now;
	return earliest(earliest(earliest(s->detach_ns, s->sweep_ns), s->spare_ns),
			earliest(s->recorder_retry_ns,
				 s->idle_ns == UINT64_MAX ? UINT64_MAX : s->idle_ns + IDLE_NS));
}

/* Takes the socket away first: whoever connected before that is still served. */
static bool leave(struct supervisor *s)
{
	struct pollfd p = { .fd = s->listener.fd, .events = POLLIN };
	struct fail f = { .code = 0 };

	unlinkat(s->place, PLACE_SUPERVISOR, 0);
	if (poll(&p, 1, 0) <= 0)
		return true;
	runs_listener_ready(&s->listener, EPOLLIN);
	loop_remove(&s->loop, &s->listener);
	close(s->listener.fd);
	if (listen_here(s, &f) < 0)
		log_error("%s", f.text);
	return false;
}

static void serve(struct supervisor *s)
{
	for (;;) {
		uint64_t now = clock_mono_ns();
		uint64_t next = due(s, now);

		if (s->idle_ns != UINT64_MAX && s->idle_ns + IDLE_NS <= now && leave(s))
			return;
		if (loop_once(&s->loop, next) < 0)
			return;
	}
}

static int serve_store(const char *store)
{
	struct fail f = { .code = 0 };
	struct supervisor s;
	int r;

	open_log(store);
	fcntl(READY_FD, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* nobody's exit status is of interest */
	signal(SIGINT, SIG_IGN);
	r = open_supervisor(&s, store, &f);
	if (r < 0) {
		log_error("%s", f.text);
		say(f.text);
		return 1;
	}
	say("ready");
	close(READY_FD);
	if (r == 0)
		return 0;
	serve(&s);
	sense_detach(&s);
	sensors_close(s.sensors);
	return 0;
}

int main(int argc, char **argv)
{
	log_open("weir-supervisor");
	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return probe_print();
	if (argc != 2 || argv[1][0] != '/') {
		log_error("weir-supervisor is started by weir: weir-supervisor STORE");
		return 2;
	}
	/* into the background, so that whoever starts us need not reap us later */
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		setsid();
		if (chdir("/") < 0)
			return 1;
		return serve_store(argv[1]);
	default:
		_exit(0);
	}
}
