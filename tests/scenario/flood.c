// SPDX-License-Identifier: Apache-2.0
/* File operations as fast as they go: flood DIR SECONDS [PROCESSES]. Makes, writes and removes
 * files; with PROCESSES that many do nothing but truncate a file of their own, which is the
 * quickest operation that is told each time. Prints how many operations that were and how many a
 * second: the witness against which events are counted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long make_and_remove(double end)
{
	unsigned long operations = 0;

	while (now() < end) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "f%lu", operations % 997);
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 || unlink(name) < 0)
			exit(1);
		operations += 3; /* made, written, removed */
	}
	return operations;
}

static unsigned long truncate_own(double end)
{
	unsigned long operations = 1; /* made */
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "t%d", (int)getpid());
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		exit(1);
	while (now() < end)
		for (int i = 0; i < 1000; i++, operations++)
			if (ftruncate(fd, 0) < 0)
				exit(1);
	return operations;
}

int main(int argc, char **argv)
{
	double begin = now(), end = begin + (argc > 2 ? atof(argv[2]) : 1);
	unsigned long *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int processes = argc > 3 ? atoi(argv[3]) : 0;

	if (argc < 2 || chdir(argv[1]) < 0 || shared == MAP_FAILED)
		return 2;
	if (!processes)
		*shared = make_and_remove(end);
	for (int i = 0; i < processes; i++)
		if (fork() == 0) {
			__atomic_add_fetch(shared, truncate_own(end), __ATOMIC_RELAXED);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	printf("%lu %.0f\n", *shared, (double)*shared / (now() - begin));
	return 0;
}
