// SPDX-License-Identifier: Apache-2.0
/* File operations as fast as they go: flood DIR SECONDS. Makes, writes and removes files, and
 * prints how many operations that were: the witness against which events are counted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double begin = now(), end = begin + (argc > 2 ? atof(argv[2]) : 1);
	unsigned long operations = 0;

	if (argc < 2 || chdir(argv[1]) < 0)
		return 2;
	while (now() < end) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "f%lu", operations % 997);
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 || unlink(name) < 0)
			return 1;
		operations += 3; /* made, written, removed */
	}
	printf("%lu %.0f\n", operations, (double)operations / (now() - begin));
	return 0;
}
