// SPDX-License-Identifier: Apache-2.0
/* An agent that starts `./mark N KIND` in every way in which one program can start another:
 *   starter WAY:N:KIND...
 * Each is one call, whose effects carry N (mark.c). What the agent does itself, in forks without
 * an exec too, carries the word "own". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *program[] = { (char *)"mark", NULL, NULL, NULL };

static void leave(const char *name, const char *n)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), name, n);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	if (fd >= 0) {
		if (write(fd, "true\n", 5) != 5)
			perror(path);
		close(fd);
	}
}

static void become(void)
{
	execv("./mark", program);
	_exit(127);
}

static void *spawn(void *unused)
{
	pid_t child;

	if (posix_spawn(&child, "./mark", NULL, NULL, program, environ) == 0)
		waitpid(child, NULL, 0);
	return unused;
}

static void by_spawn(void)
{
	spawn(NULL);
}

static void by_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, spawn, NULL) == 0)
		pthread_join(t, NULL);
}

static void by_vfork(void)
{
	pid_t child = vfork();

	if (child == 0)
		become();
	waitpid(child, NULL, 0);
}

/* Forks, and lets `act` go on in the child. */
static void forked(void (*act)(void))
{
	pid_t child = fork();

	if (child == 0) {
		act();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void by_fork(void)
{
	forked(become);
}

/* Left alone: waited for by nobody here. */
static void by_parallel(void)
{
	if (fork() == 0)
		become();
}

static void *thread_become(void *unused)
{
	become();
	return unused;
}

static void wait_for_end(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread_become, NULL) == 0)
		pthread_join(t, NULL);
}

static void by_nonleader(void)
{
	forked(wait_for_end);
}

static void leave_and_become(void)
{
	setsid();
	if (fork() == 0)
		become();
}

static void by_setsid(void)
{
	forked(leave_and_become);
}

static void become_descriptor(void)
{
	int fd = open("./mark", O_RDONLY | O_CLOEXEC);

	fexecve(fd, program, environ);
	_exit(127);
}

static void by_descriptor(void)
{
	forked(become_descriptor);
}

static void become_link(void)
{
	int fd = open("./mark", O_RDONLY);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execv(path, program);
	_exit(127);
}

static void by_link(void)
{
	forked(become_link);
}

/* A worker of the agent's, which becomes a program when it has done its own part. */
static void work_and_become(void)
{
	leave("own-worker-%s", program[1]);
	become();
}

static void by_worker(void)
{
	forked(work_and_become);
}

static void work(void)
{
	leave("own-fork-%s", program[1]);
}

static void by_nothing(void)
{
	forked(work);
}

/* The search along PATH, and paths that lead nowhere. */
static void search(void)
{
	execvp("there-is-no-such-program", program);
	execv("./missing/mark", program);
	execv("/proc/there-is-no-such-file", program);
	execv("mark/", program);
	leave("own-search-%s", program[1]);
}

static void by_missing(void)
{
	forked(search);
}

/* It is there, and cannot be executed: what the process does then is the call's. */
static void try_and_act(void)
{
	char path[64];

	snprintf(path, sizeof(path), "own-text-%s", program[1]);
	leave("own-text-%s", program[1]);
	execv(path, program);
	leave("mark-%s-afterwards-0", program[1]);
}

static void by_failure(void)
{
	forked(try_and_act);
}

static const struct way {
	const char *name;
	void (*start)(void);
} ways[] = {
	{ "spawn", by_spawn },		 { "thread", by_thread },
	{ "vfork", by_vfork },		 { "fork", by_fork },
	{ "parallel", by_parallel },	 { "nonleader", by_nonleader },
	{ "setsid", by_setsid },	 { "link", by_link },
	{ "descriptor", by_descriptor }, { "worker", by_worker },
	{ "nothing", by_nothing },	 { "missing", by_missing },
	{ "failure", by_failure },	 { NULL, NULL },
};

int main(int argc, char **argv)
{
	leave("own-%s", "agent");
	for (int i = 1; i < argc; i++) {
		char *name = strtok(argv[i], ":");

		program[1] = strtok(NULL, ":");
		program[2] = strtok(NULL, ":");
		for (const struct way *w = ways; w->name; w++)
			if (strcmp(w->name, name) == 0)
				w->start();
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	usleep(1500000); /* survivors and orphans act meanwhile */
	return 5;
}
