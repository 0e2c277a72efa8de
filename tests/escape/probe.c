// SPDX-License-Identifier: Apache-2.0
/* Runs inside: tries every attack of attacks.tbl in a process of its own and prints one line each,
 * "NAME OUTCOME errno", where OUTCOME is what the kernel answered. What must come of it is judged
 * outside, by escape.c. Arguments: the fields of struct targets. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 20 /* an attack may take */

struct targets targets;

static const struct {
	const char *name;
	attack *try;
} attacks[] = {
#define ATTACK(name, user, root, about) { #name, try_##name },
#include "attacks.tbl"
#undef ATTACK
};

int stopped_by(long r)
{
	return r < 0 ? errno : 0;
}

int write_into(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return errno;
	error = stopped_by(write(fd, text, strlen(text)));
	close(fd);
	return error;
}

static void run(const char *name, attack *try)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		alarm(SECONDS);
		_exit(try());
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		printf("%s BROKEN %d\n", name, errno);
	else if (WIFSIGNALED(status))
		printf("%s %s %d\n", name, WTERMSIG(status) == SIGALRM ? "HANGS" : "KILLED",
		       WTERMSIG(status));
	else if (WEXITSTATUS(status) == 0)
		printf("%s WORKS 0\n", name);
	else
		printf("%s %s %d\n", name, WEXITSTATUS(status) == ENOENT ? "ABSENT" : "REFUSED",
		       WEXITSTATUS(status));
	fflush(stdout);
}

/* Prints how many processes there can be, this one included. */
static int forks(void)
{
	int count = 1;

	for (pid_t pid; count < 10000 && (pid = fork()) >= 0; count++) {
		if (pid == 0) {
			pause();
			_exit(0);
		}
	}
	printf("%d\n", count);
	return 0;
}

static int memory(void)
{
	for (int i = 0; i < 256; i++) {
		volatile char *block = malloc(1024 * 1024);

		if (!block)
			return 1;
		/* volatile: a compiler may leave out what nobody reads */
		for (size_t at = 0; at < 1024 * 1024; at += 4096)
			block[at] = (char)(i + 1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return strcmp(argv[1], "forks") == 0 ? forks() : memory();
	if (argc != 7)
		return 2;
	targets = (struct targets){ .canary = argv[1],
				    .unix_path = argv[2],
				    .unix_abstract = argv[3],
				    .tcp_port = atoi(argv[4]),
				    .shm_key = atoi(argv[5]),
				    .host_pid = atoi(argv[6]) };
	for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		run(attacks[i].name, attacks[i].try);
	return 0;
}
