// SPDX-License-Identifier: Apache-2.0
/* A client and a server that time the network between them; bench/egress starts them.
 *
 *   net serve PORT           accepts for ever. A connection's first byte says what it is:
 *                            e: every byte comes back; s: they are swallowed; b: bytes are sent
 *   net connect HOST PORT N  microseconds of connect()
 *   net refused HOST PORT N  the same of one that fails at once
 *   net rtt HOST PORT N      microseconds of one byte there and back
 *   net up HOST PORT MB      Gbit/s of one connection; down: the other way
 *   net dns SERVER NAME N    microseconds of a question over UDP
 *   net many HOST PORT FLOWS PACKETS SECONDS   so many packets a second over so many connections,
 * half of them answers; says "begin", and after it how many came back a second
 *
 * Prints one number, the median where it is of many. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (256 * 1024)
#define UNANSWERED 2000 /* messages on their way at once */

static char block[BLOCK];
static struct sockaddr_storage where;
static socklen_t where_size;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "net: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_median(double *of, size_t count)
{
	qsort(of, count, sizeof(*of), compare);
	printf("%.2f\n", of[count / 2]);
}

static void find(const char *host, const char *port, int type)
{
	struct addrinfo hints = { .ai_socktype = type }, *list;
	int r = getaddrinfo(host, port, &hints, &list);

	if (r) {
		fprintf(stderr, "net: %s: %s\n", host, gai_strerror(r));
		exit(1);
	}
	memcpy(&where, list->ai_addr, list->ai_addrlen);
	where_size = list->ai_addrlen;
}

static int open_to(char kind)
{
	int fd = socket(where.ss_family, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&where, where_size) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (write(fd, &kind, 1) != 1)
		die("write");
	return fd;
}

/* --- the server: one epoll loop, so that it is one CPU at most */
struct peer {
	int fd;
	char kind;
};

static void serve_peer(int epoll, struct peer *p)
{
	ssize_t n;

	if (!p->kind) {
		struct epoll_event sends = { .events = EPOLLOUT, .data.ptr = p };

		n = read(p->fd, &p->kind, 1);
		if (n == 1 && p->kind == 'b')
			epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &sends);
		if (n == 1)
			return;
	} else if (p->kind == 'b') {
		n = send(p->fd, block, BLOCK, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0 || errno == EAGAIN)
			return;
	} else {
		n = read(p->fd, block, BLOCK);
		if (n > 0 && p->kind == 'e' && send(p->fd, block, (size_t)n, MSG_NOSIGNAL) < 0)
			n = 0;
		if (n > 0)
			return;
	}
	close(p->fd);
	free(p);
}

static void serve(const char *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)atoi(port)) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), epoll = epoll_create1(0), one = 1;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, 4096) < 0)
		die("listen");
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	while (epoll_wait(epoll, &e, 1, -1) >= 0) {
		struct peer *p = e.data.ptr;

		if (p) {
			serve_peer(epoll, p);
			continue;
		}
		p = calloc(1, sizeof(*p));
		p->fd = accept(listener, NULL, NULL);
		if (p->fd < 0) {
			free(p);
			continue;
		}
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		e = (struct epoll_event){ .events = EPOLLIN, .data.ptr = p };
		epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &e);
	}
}

/* --- the client */
static void connects(size_t count, bool refused)
{
	double *us = calloc(count, sizeof(*us));

	for (size_t i = 0; i < count; i++) {
		int fd = socket(where.ss_family, SOCK_STREAM, 0);
		double begin = now_us();
		int r = connect(fd, (struct sockaddr *)&where, where_size);

		us[i] = now_us() - begin;
		if ((r < 0) != refused)
			die(refused ? "it was not refused" : "connect");
		/* the server is to see the connection, as a real one does */
		if (!refused &&
		    (write(fd, "e", 1) != 1 || write(fd, "x", 1) != 1 || read(fd, block, 1) != 1))
			die("the connection does not serve");
		close(fd);
	}
	print_median(us, count);
}

static void round_trips(size_t count)
{
	double *us = calloc(count, sizeof(*us));
	int fd = open_to('e');

	for (size_t i = 0; i < count; i++) {
		double begin = now_us();

		if (write(fd, "x", 1) != 1 || read(fd, block, 1) != 1)
			die("round trip");
		us[i] = now_us() - begin;
	}
	print_median(us, count);
}

static void bulk(size_t megabytes, bool up)
{
	int fd = open_to(up ? 's' : 'b');
	size_t left = megabytes << 20;
	double begin = now_us();

	while (left) {
		size_t n = left < BLOCK ? left : BLOCK;
		ssize_t r = up ? write(fd, block, n) : read(fd, block, n);

		if (r <= 0)
			die(up ? "write" : "read");
		left -= (size_t)r;
	}
	if (up) { /* until the other side has taken it all and closed */
		shutdown(fd, SHUT_WR);
		if (read(fd, block, 1) != 0)
			die("the end");
	}
	printf("%.3f\n", (double)(megabytes << 20) * 8 / (now_us() - begin) / 1e3);
}

static void questions(const char *name, size_t count)
{
	unsigned char query[300] = { 1, 2, 1, 0, 0, 1 }, answer[1500];
	double *us = calloc(count, sizeof(*us));
	int fd = socket(where.ss_family, SOCK_DGRAM, 0);
	size_t size = 12;

	if (connect(fd, (struct sockaddr *)&where, where_size) < 0)
		die("connect");
	for (const char *at = name; *at; at += strcspn(at, ".") + (at[strcspn(at, ".")] == '.')) {
		size_t n = strcspn(at, ".");

		query[size++] = (unsigned char)n;
		memcpy(query + size, at, n);
		size += n;
	}
	memcpy(query + size, "\0\0\1\0\1", 5);
	size += 5;
	for (size_t i = 0; i < count; i++) {
		double begin = now_us();

		if (send(fd, query, size, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 12)
			die("question");
		us[i] = now_us() - begin;
		if (answer[3] & 15)
			die("no answer");
	}
	print_median(us, count);
}

static size_t take_answers(int epoll)
{
	struct epoll_event ready[256];
	int n = epoll_wait(epoll, ready, 256, 1);
	size_t count = 0;

	for (int i = 0; i < n; i++)
		count += (size_t)recv(ready[i].data.fd, block, BLOCK, 0) / 64;
	return count;
}

/* Messages of 64 bytes in turn over all connections, as many as are due by the clock; where the way
 * there does not keep up, no more than it does. */
static void many(size_t flows, size_t packets, size_t seconds)
{
	int *fds = calloc(flows, sizeof(*fds)), epoll = epoll_create1(0);
	size_t sent = 0, back = 0, due;
	double begun, now;

	for (size_t i = 0; i < flows; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		fds[i] = e.data.fd = open_to('e');
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e);
	}
	sleep(4); /* what is told of the openings is written by then */
	printf("begin\n");
	fflush(stdout);
	begun = now_us();
	do {
		now = now_us();
		due = (size_t)((now - begun) / 1e6 * (double)packets / 2);
		for (; sent < due && sent - back < UNANSWERED; sent++)
			send(fds[sent % flows], block, 64, MSG_NOSIGNAL);
		back += take_answers(epoll);
	} while (now < begun + (double)seconds * 1e6);
	printf("%.0f\n", 2e6 * (double)back / (now_us() - begun));
	fflush(stdout);
	sleep(4); /* whoever measures looks now */
	free(fds);
}

static void all_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void measure(char **argv, size_t n)
{
	const char *what = argv[1];

	if (strcmp(what, "connect") == 0 || strcmp(what, "refused") == 0)
		connects(n, what[0] == 'r');
	else if (strcmp(what, "rtt") == 0)
		round_trips(n);
	else if (strcmp(what, "up") == 0 || strcmp(what, "down") == 0)
		bulk(n, what[0] == 'u');
	else if (strcmp(what, "many") == 0)
		many(n, strtoul(argv[5], NULL, 10), strtoul(argv[6], NULL, 10));
	else
		questions(argv[3], n);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;

	all_descriptors();
	if (argc == 3 && strcmp(what, "serve") == 0) {
		serve(argv[2]);
		return 1;
	}
	if (argc != (strcmp(what, "many") == 0 ? 7 : 5) || !n) {
		fprintf(stderr, "usage: net serve PORT | connect|refused|rtt|up|down HOST "
				"PORT N | dns SERVER NAME N | "
				"many HOST PORT FLOWS PACKETS SECONDS\n");
		return 2;
	}
	find(argv[2], strcmp(what, "dns") == 0 ? "53" : argv[3],
	     strcmp(what, "dns") == 0 ? SOCK_DGRAM : SOCK_STREAM);
	measure(argv, n);
	return 0;
}
