// SPDX-License-Identifier: Apache-2.0
/* Times commands side by side: timing ROUNDS NAME COMMAND [NAME COMMAND...]. A command is split at
 * blanks and started without a shell. Each round runs every command once, beginning with another
 * one each time, so that what disturbs the machine disturbs all of them. Prints one line a command,
 * tab separated: name, median, first and third quartile of milliseconds from spawn to exit, and the
 * median of the rounds' ratios to the first command.
 * timing syscall LOOPS prints the nanoseconds of one getppid(2), which no sensor looks at, and of
 * one connect(2) that fails at once, at which they look whose it is: medians of 21 loops each. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define ROUNDS_MAX 10000
#define WORDS_MAX 64

extern char **environ;

struct command {
	const char *name;
	char *words[WORDS_MAX + 1];
	double *ms; /* by round */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value below which `part` of n values lie; sorts them. */
static double quantile(double *values, int n, double part)
{
	qsort(values, (size_t)n, sizeof(*values), by_value);
	return values[(int)(part * (n - 1) + 0.5)];
}

static double run_once(const struct command *c, posix_spawn_file_actions_t *actions)
{
	uint64_t begun = now_ns();
	int status, err;
	pid_t pid;

	err = posix_spawnp(&pid, c->words[0], actions, NULL, c->words, environ);
	if (err) {
		fprintf(stderr, "timing: %s: %s\n", c->words[0], strerror(err));
		exit(1);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "timing: %s failed, wait status %d\n", c->name, status);
		exit(1);
	}
	return (double)(now_ns() - begun) / 1e6;
}

static void split(struct command *c, char *text)
{
	int n = 0;

	for (char *word = strtok(text, " "); word && n < WORDS_MAX; word = strtok(NULL, " "))
		c->words[n++] = word;
}

static void print_command(const struct command *c, const struct command *base, int rounds)
{
	double *copy = malloc((size_t)rounds * sizeof(*copy));
	double *ratio = malloc((size_t)rounds * sizeof(*ratio));

	if (!copy || !ratio)
		exit(1);
	memcpy(copy, c->ms, (size_t)rounds * sizeof(*copy));
	for (int i = 0; i < rounds; i++)
		ratio[i] = c->ms[i] / base->ms[i];
	printf("%s\t%.3f\t%.3f\t%.3f\t%.3f\n", c->name, quantile(copy, rounds, 0.5),
	       quantile(copy, rounds, 0.25), quantile(copy, rounds, 0.75),
	       quantile(ratio, rounds, 0.5));
	free(copy);
	free(ratio);
}

static int compare(int rounds, int count, char **pairs)
{
	struct command commands[COMMANDS_MAX] = { 0 };
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < count; i++) {
		commands[i].name = pairs[2 * i];
		split(&commands[i], pairs[2 * i + 1]);
		commands[i].ms = malloc((size_t)rounds * sizeof(double));
		if (!commands[i].ms || !commands[i].words[0])
			return 1;
		run_once(&commands[i], &actions);
	}
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++) {
			struct command *c = &commands[(round + i) % count];

			c->ms[round] = run_once(c, &actions);
		}
	for (int i = 0; i < count; i++)
		print_command(&commands[i], &commands[0], rounds);
	for (int i = 0; i < count; i++)
		free(commands[i].ms);
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}

static double time_syscall(long number, long loops)
{
	double ns[21];

	for (int i = 0; i < 21; i++) {
		uint64_t begun = now_ns();

		for (long n = 0; n < loops; n++)
			syscall(number, -1, 0, 0);
		ns[i] = (double)(now_ns() - begun) / (double)loops;
	}
	return quantile(ns, 21, 0.5);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0;

	if (argc == 3 && strcmp(argv[1], "syscall") == 0 && atol(argv[2]) > 0) {
		printf("%.2f %.2f\n", time_syscall(SYS_getppid, atol(argv[2])),
		       time_syscall(SYS_connect, atol(argv[2])));
		return 0;
	}
	if (argc < 4 || argc % 2 || rounds < 1 || rounds > ROUNDS_MAX ||
	    argc / 2 - 1 > COMMANDS_MAX) {
		fprintf(stderr, "usage: timing ROUNDS NAME COMMAND [NAME COMMAND...]\n");
		return 2;
	}
	return compare(rounds, argc / 2 - 1, argv + 2);
}
