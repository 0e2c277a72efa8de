// SPDX-License-Identifier: Apache-2.0
/* Whose a flow is, where the kernel keeps no flow_owners, in a network namespace of our own: the
 * test is every process, and says as a listener would which call it is just now. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "base/clock.h"
#include "network_inside.h"
#include "sensor/notify_process.h"

/* As a listener would tell of it. */
static void seen(int fd, enum event_kind kind, uint32_t call, const char *to, uint16_t port)
{
	struct sockaddr_storage a;
	struct event_net e = { .h = { .size = sizeof(e), .kind = (uint8_t)kind, .call = call } };
	socklen_t size = address(to, port, &a);
	const struct sockaddr_in6 *at6 = (const struct sockaddr_in6 *)&a;
	const struct sockaddr_in *at4 = (const struct sockaddr_in *)&a;
	struct process_facts p = { 0 };

	process_open(&p, getpid());
	e.h.pid = (uint32_t)getpid();
	e.h.start_ns = p.start_ns;
	e.h.mono_ns = clock_mono_ns();
	process_socket(&p, fd, &e.type, &e.protocol, &e.cookie);
	process_close(&p);
	e.family = a.ss_family;
	e.port = port;
	if (a.ss_family == AF_INET)
		memcpy(e.address, &at4->sin_addr, 4);
	else
		memcpy(e.address, &at6->sin6_addr, 16);
	assert_true(size > 0 && e.cookie > 0);
	owners_saw(&keeper, &e.h, sizeof(e));
}

static void end_of(const struct sockaddr_storage *a, uint8_t ret[16], uint16_t *ret_port)
{
	const struct sockaddr_in6 *at6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *at4 = (const struct sockaddr_in *)a;

	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	if (a->ss_family == AF_INET)
		memcpy(ret + 12, &at4->sin_addr, 4);
	else
		memcpy(ret, &at6->sin6_addr, 16);
	*ret_port = ntohs(at4->sin_port);
}

static struct flow_key key_of(int protocol, const struct sockaddr_storage *to,
			      const struct sockaddr_storage *from)
{
	struct flow_key key = { .protocol = (uint8_t)protocol };

	end_of(to, key.to, &key.to_port);
	end_of(from, key.from, &key.from_port);
	return key;
}

/* What the gate sees of the connection that waits. */
static struct flow_key key_accepted(int listener, int *ret_fd)
{
	struct sockaddr_storage to, from;
	socklen_t size = sizeof(to);

	*ret_fd = accept4(fds[listener], NULL, NULL, SOCK_CLOEXEC);
	assert_true(*ret_fd >= 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&to, &size), 0);
	size = sizeof(from);
	assert_int_equal(getpeername(*ret_fd, (struct sockaddr *)&from, &size), 0);
	return key_of(IPPROTO_TCP, &to, &from);
}

/* The call that is answered, 0: none; window: on which basis. */
static uint32_t owner_call(const struct flow_key *key, bool *ret_window)
{
	struct gate_owner o;

	egress_who(&keeper, key, &o);
	*ret_window = o.owner.h.flags & EVENT_WINDOW;
	return o.known ? o.owner.h.call : 0;
}

static int connected(const char *to, uint16_t port, int seen_by)
{
	struct sockaddr_storage a;
	socklen_t size = address(to, port, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (seen_by)
		seen(fd, EVENT_CONNECT, (uint32_t)seen_by, to, port);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, size), 0);
	return fd;
}

static void allow_two(void)
{
	const struct egress_entry list[] = { entry("192.0.2.0/24", IPPROTO_TCP, 1, 65535),
					     entry("2001:db8::/32", IPPROTO_TCP, 1, 65535) };

	in_force(list, ARRAY_LENGTH(list));
}

static void a_flow_is_its_sockets(void **state)
{
	static const char *const to[] = { "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" };
	bool window;

	allow_two();
	for (int i = 0; i < 3; i++) {
		cleanup_fd int first = connected(to[i], 80, 4), other = connected(to[i], 80, 5);
		cleanup_fd int one = -1, two = -1;
		struct flow_key key;

		assert_true(first >= 0 && other >= 0);
		key = key_accepted(i == 1 ? TCP6 : TCP4, &one);

		assert_int_equal(owner_call(&key, &window), 4);
		assert_false(window);
		key = key_accepted(i == 1 ? TCP6 : TCP4, &two);
		assert_int_equal(owner_call(&key, &window), 5);
		assert_false(window);
		key.from_port ^= 1;
		assert_int_equal(owner_call(&key, &window), 0);
	}
	nothing_arrives();
}

static void a_datagram_is_its_sockets(void **state)
{
	cleanup_fd int first = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_fd int other = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage to, mapped, from;
	socklen_t size = address("198.18.0.1", 53, &to), from_size = sizeof(from);
	socklen_t mapped_size = address("::ffff:198.18.0.1", 53, &mapped);
	struct flow_key key;
	bool window;
	char byte;

	in_force(NULL, 0);
	seen(first, EVENT_SEND, 4, "198.18.0.1", 53);
	assert_int_equal(sendto(first, "x", 1, 0, (struct sockaddr *)&to, size), 1);
	seen(other, EVENT_CONNECT, 5, "::ffff:198.18.0.1", 53);
	assert_int_equal(connect(other, (struct sockaddr *)&mapped, mapped_size), 0);
	assert_int_equal(send(other, "y", 1, 0), 1);
	for (uint32_t call = 4; call <= 5; call++) {
		assert_int_equal(
			recvfrom(fds[DNS4], &byte, 1, 0, (struct sockaddr *)&from, &from_size), 1);
		key = key_of(IPPROTO_UDP, &to, &from);
		assert_int_equal(owner_call(&key, &window), call);
		assert_false(window);
	}
}

/* Not seen to connect (sendmsg() with MSG_FASTOPEN), or by a claim that was not true. */
static void else_it_is_who_holds_the_socket(void **state)
{
	cleanup_fd int unseen = -1, liar = -1, one = -1, two = -1;
	struct flow_key key;
	bool window;

	allow_two();
	unseen = connected("192.0.2.1", 81, 0);
	key = key_accepted(TCP4, &one);
	seen(unseen, EVENT_CONNECT, 7, "203.0.113.1", 1);
	assert_int_equal(owner_call(&key, &window), 7);
	assert_false(window);
	liar = connected("192.0.2.1", 82, 0);
	key = key_accepted(TCP4, &two);
	assert_int_equal(owner_call(&key, &window), 7);
	assert_false(window);
}

static void what_was_closed_in_order_keeps_its_number(void **state)
{
	cleanup_fd int accepted = -1;
	struct flow_key key;
	bool window;

	allow_two();
	close(connected("192.0.2.9", 1000, 4));
	key = key_accepted(TCP4, &accepted);
	assert_int_equal(owner_call(&key, &window), 4);
	assert_false(window);
}

/* Reset before the gate looked: the socket is no more. other: the call that wants to go there too.
 */
static uint32_t owner_of_reset(uint16_t port, int other, bool *ret_window)
{
	const struct linger at_once = { .l_onoff = 1 };
	cleanup_fd int kept = -1, one = -1, two = -1;
	int fd = connected("192.0.2.9", port, 4);
	struct flow_key key = key_accepted(TCP4, &one);

	if (other) {
		kept = connected("192.0.2.9", port, other);
		key_accepted(TCP4, &two);
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	return owner_call(&key, ret_window);
}

static void what_has_gone_is_whose_claim_stands_alone(void **state)
{
	bool window;

	allow_two();
	assert_int_equal(owner_of_reset(1001, 0, &window), 4);
	assert_true(window);
	assert_int_equal(owner_of_reset(1002, 4, &window), 4);
	assert_true(window);
	assert_int_equal(owner_of_reset(1003, 5, &window), 0);
	nothing_arrives();
}

/* A listener's connections come from outside: its port is published. */
static void a_listener_is_its_holders(void **state)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at, nobody;
	socklen_t size = address("127.0.0.1", 8082, &at);
	struct flow_key key;
	bool window;

	address("0.0.0.0", 0, &nobody);
	in_force(NULL, 0);
	seen(fd, EVENT_BIND, 4, "127.0.0.1", 8082);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	key = key_of(IPPROTO_TCP, &nobody, &at);
	assert_int_equal(owner_call(&key, &window), 4);
	assert_false(window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_its_sockets),
		cmocka_unit_test(a_datagram_is_its_sockets),
		cmocka_unit_test(else_it_is_who_holds_the_socket),
		cmocka_unit_test(what_was_closed_in_order_keeps_its_number),
		cmocka_unit_test(what_has_gone_is_whose_claim_stands_alone),
		cmocka_unit_test(a_listener_is_its_holders),
	};

	return cmocka_run_group_tests_name("owner", tests, inside_setup, inside_teardown);
}
