// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/gate/datagram.c and datagram_flow.c, in a network namespace of their own: what
 * waits, what is dropped, who goes at the limits, how a flow ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "base/clock.h"
#include "flow_bench.h"
#include "gate/datagram.h"

#define RULES                                                                          \
	"network: {allow: [{host: a.test, transport: udp, ports: [7000], bytes: %s}, " \
	"{host: 127.0.0.0/8, transport: udp, ports: [7000]}]}\n"

static int server, rest;

/* What answers leave by is made in another sandbox's network, from which nobody here hears. */
void gate_make(struct gate *g, struct gate_socket socket_kind, uint32_t count)
{
	cleanup_fd int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int on = 1, fd;

	assert_int_equal(socket_kind.kind, GATE_SOCKET_UDP);
	assert_int_equal(count, 1);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = socket((int)socket_kind.a, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)), 0);
	datagrams_socket(g, &socket_kind, fd);
}

static int bound(const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, address, &at.sin_addr);
	setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void apply(const char *policy)
{
	uint32_t kept, cut;

	fake_gate_policy(&fake, policy, &kept, &cut);
}

static int begin_with(const char *bytes)
{
	struct gate_socket kind = { GATE_SOCKET_REST, AF_INET };
	char policy[512];

	snprintf(policy, sizeof(policy), RULES, bytes);
	fake_gate_open(&fake, policy);
	fake.names[1] = "a.test";
	fake.answer_counts[1] = 1;
	memcpy(fake.answers[1][0].bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	assert_int_equal(datagrams_open(&fake.g), 0);
	server = bound("127.0.0.1", INSIDE_PORT);
	rest = bound(NAME1, INSIDE_PORT);
	assert_int_equal(datagrams_socket(&fake.g, &kind, rest), 0);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	return begin_with("1M");
}

static int end(void **state)
{
	(void)state;
	datagrams_close(&fake.g, "the run is over");
	close(server);
	close(rest);
	fake_gate_close(&fake);
	return 0;
}

static int client(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(INSIDE_PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, NAME1, &at.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* How many datagrams the server has, and from whom the last came. */
static unsigned arrived(struct sockaddr_in *from)
{
	socklen_t size = sizeof(*from);
	unsigned count = 0;
	char data[2048];

	while (recvfrom(server, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)from, &size) >=
	       0)
		count++;
	return count;
}

static struct datagram_flow *only(void)
{
	assert_int_equal(fake.g.datagrams->count, 1);
	return TAILQ_FIRST(&fake.g.datagrams->order);
}

static void the_first_wait_and_further_ones_are_dropped(void **state)
{
	struct sockaddr_in from;
	int fd = client();

	(void)state;
	/* all of them are read before the name is resolved */
	for (int i = 0; i < DATAGRAM_FIRST_MAX + 2; i++)
		assert_int_equal(send(fd, "12345", 5, 0), 5);
	fake_gate_serve(&fake, 20);
	assert_int_equal(arrived(&from), DATAGRAM_FIRST_MAX);
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_OPENED);
	assert_int_equal(fake_gate_last(&fake)->flow.out_from_port, ntohs(from.sin_port));
	assert_string_equal(fake_gate_last(&fake)->name, "a.test");
	send(fd, "more", 4, 0);
	fake_gate_serve(&fake, 20);
	assert_int_equal(arrived(&from), 1);
	assert_int_equal(only()->meter.bytes[INSIDE], 5 * DATAGRAM_FIRST_MAX + 4);
	assert_int_equal(only()->packets[INSIDE], DATAGRAM_FIRST_MAX + 1);
	close(fd);
}

static void answers_come_from_whom_was_asked(void **state)
{
	struct sockaddr_in from;
	int fd = client(), stranger = bound("127.0.0.1", 0);

	(void)state;
	send(fd, "x", 1, 0);
	fake_gate_serve(&fake, 20);
	assert_int_equal(arrived(&from), 1);
	sendto(server, "right", 5, 0, (struct sockaddr *)&from, sizeof(from));
	sendto(stranger, "wrong", 5, 0, (struct sockaddr *)&from, sizeof(from));
	fake_gate_serve(&fake, 20);
	assert_int_equal(only()->packets[OUTSIDE], 1);
	assert_int_equal(only()->meter.bytes[OUTSIDE], 5);
	close(stranger);
	close(fd);
}

static void what_is_cut_is_told_once(void **state)
{
	int fd = client();

	(void)state;
	fake.nobody = true;
	for (int i = 0; i < 10; i++) {
		send(fd, "x", 1, 0);
		fake_gate_serve(&fake, 5);
	}
	assert_int_equal(fake.event_count, 1);
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_CUT);
	assert_non_null(strstr(fake_gate_last(&fake)->reason, "no process"));
	assert_int_equal(only()->step, DATAGRAM_CUT);
	/* and forgotten after a moment */
	timer_set(&fake.g.timers, &only()->idle, 0);
	fake_gate_serve(&fake, 5);
	assert_int_equal(fake.g.datagrams->count, 0);
	close(fd);
}

static void who_is_silent_ends(void **state)
{
	struct sockaddr_in from;
	int fd = client();

	(void)state;
	send(fd, "x", 1, 0);
	fake_gate_serve(&fake, 20);
	assert_int_equal(arrived(&from), 1);
	timer_set(&fake.g.timers, &only()->idle, 0);
	fake_gate_serve(&fake, 5);
	assert_int_equal(only()->step, DATAGRAM_OPEN); /* it spoke a moment ago */
	only()->last_ns -= DATAGRAM_IDLE_NS;
	timer_set(&fake.g.timers, &only()->idle, 0);
	fake_gate_serve(&fake, 5);
	assert_int_equal(fake.g.datagrams->count, 0);
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_ENDED);
	close(fd);
}

static void nobody_there_is_an_error(void **state)
{
	int fd = client();

	(void)state;
	close(server);
	for (int i = 0; i < 3; i++) {
		send(fd, "x", 1, 0);
		fake_gate_serve(&fake, 20);
	}
	assert_int_equal(only()->error, ECONNREFUSED);
	server = bound("127.0.0.1", INSIDE_PORT);
	close(fd);
}

static void bytes_end_at_their_limit(void **state)
{
	struct sockaddr_in from;
	int fd;

	end(state);
	begin_with("100B");
	fd = client();
	/* whole datagrams: the third would pass the limit */
	for (int i = 0; i < 3; i++) {
		send(fd, "0123456789012345678901234567890123456789", 40, 0);
		fake_gate_serve(&fake, 20);
	}
	assert_int_equal(arrived(&from), 2);
	assert_int_equal(only()->step, DATAGRAM_CUT);
	assert_int_equal(only()->meter.bytes[INSIDE], 80);
	assert_non_null(strstr(fake_gate_last(&fake)->reason, "spent"));
	close(fd);
}

static void a_narrower_policy_cuts(void **state)
{
	struct sockaddr_in from;
	uint32_t kept, cut;
	int fd = client();

	(void)state;
	send(fd, "x", 1, 0);
	fake_gate_serve(&fake, 20);
	assert_int_equal(arrived(&from), 1);
	datagrams_policy(&fake.g, &kept, &cut);
	assert_int_equal(kept, 1);
	assert_int_equal(cut, 0);
	apply("network: {allow: [{host: a.test, ports: [7000]}]}\n");
	datagrams_policy(&fake.g, &kept, &cut);
	assert_int_equal(kept, 0);
	assert_int_equal(cut, 1);
	send(fd, "x", 1, 0);
	fake_gate_serve(&fake, 20);
	assert_int_equal(arrived(&from), 0);
	close(fd);
}

static void flows_end_at_their_limit(void **state)
{
	static int fds[DATAGRAM_FLOWS_MAX + 1];
	struct rlimit files = { 4096, 4096 };
	struct sockaddr_in from;

	(void)state;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		skip();
	for (int i = 0; i <= DATAGRAM_FLOWS_MAX; i++) {
		fds[i] = client();
		assert_int_equal(send(fds[i], "x", 1, 0), 1);
		fake_gate_serve(&fake, 1);
		if (i == DATAGRAM_FLOWS_MAX - 1) {
			/* the first speaks again, so the second is silent longest */
			assert_int_equal(fake.g.datagrams->count, DATAGRAM_FLOWS_MAX);
			send(fds[0], "y", 1, 0);
			fake_gate_serve(&fake, 5);
		}
	}
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake.g.datagrams->count, DATAGRAM_FLOWS_MAX);
	assert_true(arrived(&from) > 0);
	for (size_t i = 1; i <= 2; i++) {
		const struct fake_event *e = &fake.events[(fake.event_count - i) % FAKE_EVENTS];

		if (e->flow.state != FLOW_ENDED)
			continue;
		assert_string_equal(e->reason, "the most silent of too many");
		assert_int_equal(e->flow.flow, 2);
	}
	for (int i = 0; i <= DATAGRAM_FLOWS_MAX; i++)
		close(fds[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_first_wait_and_further_ones_are_dropped),
		TEST(answers_come_from_whom_was_asked),
		TEST(what_is_cut_is_told_once),
		TEST(who_is_silent_ends),
		TEST(nobody_there_is_an_error),
		TEST(bytes_end_at_their_limit),
		TEST(a_narrower_policy_cuts),
		TEST(flows_end_at_their_limit),
	};

	return flow_bench_begin() ? cmocka_run_group_tests_name("datagram", tests, NULL, NULL) : 0;
}
