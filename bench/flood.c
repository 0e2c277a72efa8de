// SPDX-License-Identifier: Apache-2.0
/* Makes events as fast as one thread can, for so many seconds: flood SECONDS file|connect [RATE].
 * With RATE (events a second) it spreads them evenly. Prints how many it made and in how long. A
 * file operation is the creation or removal of a file in /tmp. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void make_file(uint64_t n)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/tmp/flood-%llu", (unsigned long long)(n % 512));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd >= 0)
		close(fd);
	else
		unlink(path);
}

static void make_connect(int fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(9) };

	(void)!connect(fd, (struct sockaddr *)&to, sizeof(to));
}

int main(int argc, char **argv)
{
	uint64_t begun = now_ns(), made = 0, end, rate;
	int is_file, fd;

	if (argc < 3) {
		fprintf(stderr, "usage: flood SECONDS file|connect [RATE]\n");
		return 2;
	}
	end = begun + (uint64_t)(atof(argv[1]) * 1e9);
	is_file = strcmp(argv[2], "file") == 0;
	rate = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	while (now_ns() < end) {
		if (rate && made * 1000000000ull / rate > now_ns() - begun)
			continue;
		if (is_file)
			make_file(made);
		else
			make_connect(fd);
		made++;
	}
	printf("%llu %.3f\n", (unsigned long long)made, (double)(now_ns() - begun) / 1e9);
	return 0;
}
