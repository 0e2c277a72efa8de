// SPDX-License-Identifier: Apache-2.0
/* Effects that name the call they belong to, in every way a process can come to be: mark N KIND.
 * Each effect carries N where weir has no say: in the program's arguments, in a file's name and in
 * a port of loopback (20000 + N). Every effect is also counted by one byte appended to ledger-N,
 * the test's own witness. The expected call of an effect is its N. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHAIN_LENGTH 50
#define THREADS 4

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* One effect of each sort: a file, a connection attempt, a byte in the ledger. */
static void effect(const char *n, const char *kind)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((unsigned short)(20000 + atoi(n))) };
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "mark-%s-%s-%d", n, kind, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		connect(fd, (struct sockaddr *)&to, sizeof(to));
		close(fd);
	}
	snprintf(path, sizeof(path), "ledger-%s", n);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0) {
		if (write(fd, "x", 1) != 1)
			perror(path);
		close(fd);
	}
}

static void become(const char *n, const char *kind, const char *left)
{
	execl("/proc/self/exe", "mark", n, kind, left, NULL);
	_exit(127);
}

static void later(const char *n, const char *kind, long ms)
{
	pause_ms(ms);
	effect(n, kind);
	_exit(0);
}

static int survivor(const char *n)
{
	if (fork() == 0)
		later(n, "survivor", 700);
	return 0;
}

static int double_fork(const char *n)
{
	pid_t child = fork();

	if (child == 0) {
		setsid();
		if (fork() == 0)
			later(n, "setsid", 700);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return 0;
}

static int vfork_exec(const char *n)
{
	pid_t child = vfork();

	if (child == 0)
		become(n, "plain", NULL);
	waitpid(child, NULL, 0);
	return 0;
}

static void *thread_effect(void *n)
{
	effect(n, "thread");
	return NULL;
}

static void *thread_exec(void *n)
{
	become(n, "plain", NULL);
	return NULL;
}

static int threads(char *n)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, thread_effect, n))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	/* A thread that is not the leader becomes another program. */
	if (pthread_create(&t[0], NULL, thread_exec, n))
		return 1;
	pthread_join(t[0], NULL);
	return 1;
}

/* Executes itself again and again, one effect each time. */
static int chain(const char *n, int left)
{
	char text[16];

	effect(n, "chain");
	if (left <= 1)
		return 0;
	snprintf(text, sizeof(text), "%d", left - 1);
	become(n, "chain", text);
	return 1;
}

/* Effects spread over half a second, so that calls side by side interleave. */
static int overlap(const char *n)
{
	for (int i = 0; i < 25; i++) {
		pid_t child = fork();

		if (child == 0)
			become(n, "plain", NULL);
		waitpid(child, NULL, 0);
		pause_ms(20);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 2 ? argv[2] : "";

	if (strcmp(kind, "plain") == 0) {
		effect(argv[1], kind);
		return 0;
	}
	if (strcmp(kind, "survivor") == 0)
		return survivor(argv[1]);
	if (strcmp(kind, "setsid") == 0)
		return double_fork(argv[1]);
	if (strcmp(kind, "vfork") == 0)
		return vfork_exec(argv[1]);
	if (strcmp(kind, "threads") == 0)
		return threads(argv[1]);
	if (strcmp(kind, "chain") == 0)
		return chain(argv[1], argc > 3 ? atoi(argv[3]) : CHAIN_LENGTH);
	if (strcmp(kind, "overlap") == 0)
		return overlap(argv[1]);
	fprintf(stderr, "usage: mark N plain|survivor|setsid|vfork|threads|chain|overlap\n");
	return 2;
}
