// SPDX-License-Identifier: Apache-2.0
/* The verdicts of nftables, and whose a flow is, in a network namespace of our own: connect(),
 * send() and the sockets at which things arrive are the witnesses. The ranges are held against a
 * search for the longest prefix. */
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "base/clock.h"
#include "keeper/verdict_range.h"
#include "network_inside.h"

/* What connect(), or sending a datagram, says: 0 or errno; never later than that. */
static int attempt(int type, const char *text, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t size = address(text, port, &to);
	cleanup_fd int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);
	uint64_t begun = clock_mono_ns();
	int r = connect(fd, (struct sockaddr *)&to, size) < 0 ? errno : 0;

	if (r == 0 && type == SOCK_DGRAM && send(fd, "x", 1, 0) < 0)
		r = errno;
	assert_true(clock_mono_ns() - begun < NSEC_PER_SEC / 2);
	return r;
}

static void arrives(int listener, const char *text, uint16_t port)
{
	struct sockaddr_storage expected, got;
	socklen_t size = address(text, port, &expected), got_size = sizeof(got);
	cleanup_fd int fd = accept4(fds[listener], NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&got, &got_size), 0);
	assert_int_equal(got_size, size);
	assert_memory_equal(&got, &expected, size);
}

static void without_rules_nothing_passes_and_nothing_waits(void **state)
{
	in_force(NULL, 0);
	assert_int_equal(attempt(SOCK_STREAM, "192.0.2.1", 80), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "2001:db8::1", 80), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "::ffff:192.0.2.1", 80), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "fe80::1", 80), EINVAL);
	assert_int_equal(attempt(SOCK_DGRAM, "192.0.2.1", 53), EPERM);
	assert_int_equal(attempt(SOCK_DGRAM, "2001:db8::1", 53), EPERM);
	assert_int_equal(attempt(SOCK_DGRAM, "224.0.0.251", 5353), EPERM);
	assert_int_equal(attempt(SOCK_DGRAM, "255.255.255.255", 67), EACCES);
	nothing_arrives();
}

static void udp_lite_has_no_rule(void **state)
{
	struct egress_entry all = entry("0.0.0.0/0", IPPROTO_UDP, 1, 65535);
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDPLITE);
	struct sockaddr_storage to;
	socklen_t size = address("192.0.2.1", 53, &to);

	in_force(&all, 1);
	if (fd < 0)
		skip();
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size), -1);
	assert_int_equal(errno, EPERM);
	nothing_arrives();
}

static void what_is_allowed_arrives_as_asked_for(void **state)
{
	const struct egress_entry list[] = {
		entry("192.0.2.0/24", IPPROTO_TCP, 80, 90),
		entry("2001:db8::/32", IPPROTO_TCP, 443, 443),
		entry("203.0.113.7", IPPROTO_UDP, 123, 123),
	};

	in_force(list, ARRAY_LENGTH(list));
	for (uint16_t port = 79; port <= 91; port++)
		assert_int_equal(attempt(SOCK_STREAM, "192.0.2.255", port),
				 port == 79 || port == 91 ? ECONNREFUSED : 0);
	for (uint16_t port = 80; port <= 90; port++)
		arrives(TCP4, "192.0.2.255", port);
	assert_int_equal(attempt(SOCK_STREAM, "::ffff:192.0.2.0", 80), 0);
	arrives(TCP4, "192.0.2.0", 80);
	assert_int_equal(attempt(SOCK_STREAM, "2001:db8:ffff::1", 443), 0);
	arrives(TCP6, "2001:db8:ffff::1", 443);
	assert_int_equal(attempt(SOCK_STREAM, "192.0.1.255", 80), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "192.0.3.0", 80), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "2001:db9::", 443), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "203.0.113.7", 123), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_DGRAM, "192.0.2.1", 80), EPERM);
	nothing_arrives();
}

static void a_datagram_tells_where_it_was_going(void **state)
{
	struct egress_entry ntp = entry("203.0.113.7", IPPROTO_UDP, 123, 123);
	struct sockaddr_storage expected;
	socklen_t size = address("203.0.113.7", 123, &expected);
	_Alignas(struct cmsghdr) char room[256];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *c;

	in_force(&ntp, 1);
	assert_int_equal(attempt(SOCK_DGRAM, "203.0.113.7", 123), 0);
	assert_int_equal(recvmsg(fds[REST4], &m, 0), 1);
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_type, IP_ORIGDSTADDR);
	assert_memory_equal(CMSG_DATA(c), &expected, size);
	assert_int_equal(attempt(SOCK_DGRAM, "198.18.0.1", 53), 0);
	assert_int_equal(recv(fds[DNS4], &byte, 1, 0), 1);
	nothing_arrives();
}

/* Neither a listener inside that is bound to all addresses, nor one bound to the very address, gets
 * what is the gate's; what they offer on loopback is theirs. */
static void servers_inside_answer_on_loopback_alone(void **state)
{
	struct egress_entry all = entry("0.0.0.0/0", IPPROTO_TCP, 1, 65535);
	static const char *const binds[] = { "0.0.0.0", "192.0.2.1" };

	in_force(&all, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(binds); i++) {
		cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct sockaddr_storage at;
		socklen_t size = address(binds[i], 8080, &at);

		assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
		assert_int_equal(listen(fd, 5), 0);
		assert_int_equal(attempt(SOCK_STREAM, "192.0.2.1", 8080), 0);
		arrives(TCP4, "192.0.2.1", 8080);
		assert_int_equal(attempt(SOCK_STREAM, "127.0.0.1", 8080), i ? ECONNREFUSED : 0);
		in_force(NULL, 0);
		assert_int_equal(attempt(SOCK_STREAM, "192.0.2.1", 8080), ECONNREFUSED);
		in_force(&all, 1);
	}
	nothing_arrives();
}

/* With an address that is bound, a process could speak to others inside as the outside. */
static void nobody_speaks_as_the_outside(void **state)
{
	struct egress_entry all = entry("0.0.0.0/0", IPPROTO_TCP, 1, 65535);
	static const struct {
		const char *from, *to;
		int result;
	} tries[] = {
		{ "192.0.2.1", "127.0.0.1", ECONNREFUSED },
		{ "192.0.2.1", "192.0.2.2", ECONNREFUSED },
		{ "127.0.0.9", "127.0.0.1", 0 },
		{ "::1", "::1", 0 },
	};

	in_force(&all, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
		struct sockaddr_storage from, to;
		socklen_t size = address(tries[i].from, 0, &from);
		cleanup_fd int fd = socket(from.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cleanup_fd int server = socket(from.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		address(tries[i].to, (uint16_t)(8081 + i), &to);
		assert_int_equal(bind(server, (struct sockaddr *)&to, size), 0);
		assert_int_equal(listen(server, 1), 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&from, size), 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&to, size) < 0 ? errno : 0,
				 tries[i].result);
	}
	nothing_arrives();
}

static void no_datagram_does_either(void **state)
{
	struct sockaddr_storage to, from;
	socklen_t size = address("127.0.0.1", 8089, &to);
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(struct in_pktinfo))] = "";
	struct in_pktinfo as = { .ipi_ifindex = 0 };
	cleanup_fd int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_fd int liar = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct iovec iov = { "x", 1 };
	struct msghdr m = { &to, size, &iov, 1, room, sizeof(room), 0 };
	struct cmsghdr *c = (struct cmsghdr *)room;
	char byte;

	in_force(NULL, 0);
	address("198.18.0.1", 53, &from);
	as.ipi_spec_dst = ((struct sockaddr_in *)&from)->sin_addr;
	*c = (struct cmsghdr){ CMSG_LEN(sizeof(as)), IPPROTO_IP, IP_PKTINFO };
	memcpy(CMSG_DATA(c), &as, sizeof(as));
	assert_int_equal(bind(client, (struct sockaddr *)&to, size), 0);
	assert_int_equal(sendmsg(liar, &m, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(sendto(fds[DNS4], "y", 1, 0, (struct sockaddr *)&to, size), 1);
	assert_int_equal(recv(client, &byte, 1, 0), 1);
	assert_int_equal(byte, 'y');
}

static void the_longest_prefix_decides(void **state)
{
	const struct egress_entry list[] = {
		entry("0.0.0.0/0", IPPROTO_TCP, 1, 65535), entry("10.0.0.0/8", 0, 0, 0),
		entry("10.0.0.0/16", IPPROTO_TCP, 22, 22), entry("255.255.255.0/24", 0, 0, 0),
		entry("::/0", IPPROTO_TCP, 1, 1),	   entry("8000::/1", IPPROTO_TCP, 2, 2),
	};

	in_force(list, ARRAY_LENGTH(list));
	assert_int_equal(attempt(SOCK_STREAM, "9.255.255.255", 22), 0);
	arrives(TCP4, "9.255.255.255", 22);
	assert_int_equal(attempt(SOCK_STREAM, "10.0.255.255", 22), 0);
	arrives(TCP4, "10.0.255.255", 22);
	assert_int_equal(attempt(SOCK_STREAM, "10.0.0.0", 23), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "10.1.0.0", 22), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "11.0.0.0", 65535), 0);
	arrives(TCP4, "11.0.0.0", 65535);
	assert_int_equal(attempt(SOCK_STREAM, "7fff::1", 1), 0);
	arrives(TCP6, "7fff::1", 1);
	assert_int_equal(attempt(SOCK_STREAM, "8000::", 1), ECONNREFUSED);
	assert_int_equal(attempt(SOCK_STREAM, "9000::1", 2), 0);
	arrives(TCP6, "9000::1", 2);
	nothing_arrives();
}

static struct egress_entry name_entry(uint32_t index, bool v6, uint16_t port)
{
	struct egress_entry e = { .prefix = 128, .count = 1 };

	egress_name_address(index, v6, &e.address);
	e.ports[0] = (struct egress_port){ .low = port, .high = port, .transport = IPPROTO_TCP };
	return e;
}

static void names_come_one_by_one(void **state)
{
	struct egress_entry e;
	char text[EGRESS_ADDRESS_TEXT];

	in_force(NULL, 0);
	for (uint32_t i = 1; i <= 300; i++) {
		e = name_entry(i, i % 2, (uint16_t)(1000 + i % 7));
		assert_int_equal(verdict_nft.add(verdict, &e), 0);
	}
	for (uint32_t i = 1; i <= 310; i++) {
		e = name_entry(i, i % 2, 0);
		egress_address_text(&e.address, text);
		assert_int_equal(attempt(SOCK_STREAM, text, (uint16_t)(1000 + i % 7)),
				 i <= 300 ? 0 : ECONNREFUSED);
		assert_int_equal(attempt(SOCK_STREAM, text, (uint16_t)(1001 + i % 7)),
				 ECONNREFUSED);
		if (i <= 300)
			arrives(i % 2 ? TCP6 : TCP4, text, (uint16_t)(1000 + i % 7));
	}
	nothing_arrives();
}

/* As many as a run may have, in both families: more than one datagram can say. */
static void all_names_of_a_run_change_at_once(void **state)
{
	cleanup_free struct egress_entry *list = calloc(EGRESS_NAMES_MAX * 2, sizeof(*list));

	assert_non_null(list);
	for (uint32_t i = 0; i < EGRESS_NAMES_MAX * 2; i++)
		list[i] = name_entry(i / 2 + 1, i % 2, 443);
	in_force(list, EGRESS_NAMES_MAX * 2);
	assert_int_equal(attempt(SOCK_STREAM, "198.18.0.2", 443), 0);
	arrives(TCP4, "198.18.0.2", 443);
	assert_int_equal(attempt(SOCK_STREAM, "198.19.0.1", 443), 0);
	arrives(TCP4, "198.19.0.1", 443);
	assert_int_equal(attempt(SOCK_STREAM, "198.19.0.2", 443), ECONNREFUSED);
	in_force(NULL, 0);
	assert_int_equal(attempt(SOCK_STREAM, "198.18.0.2", 443), ECONNREFUSED);
	nothing_arrives();
}

/* What both the old and the new rules allow is allowed at every moment: another process sends all
 * the time, and each datagram that is refused is EPERM. */
static void between_two_sets_of_rules_nothing_is_lost(void **state)
{
	const struct egress_entry list[] = { entry("203.0.113.0/24", IPPROTO_UDP, 123, 123),
					     entry("198.51.100.0/24", IPPROTO_UDP, 1, 99) };
	struct sockaddr_storage to;
	socklen_t size = address("203.0.113.7", 123, &to);
	uint32_t refused = 0;
	char byte;
	pid_t pid;
	int ends[2];

	in_force(list, 1);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		for (uint64_t end = clock_mono_ns() + NSEC_PER_SEC; clock_mono_ns() < end;)
			refused += sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size) < 0;
		_exit(write(ends[1], &refused, sizeof(refused)) != sizeof(refused));
	}
	assert_true(pid > 0);
	for (uint64_t end = clock_mono_ns() + NSEC_PER_SEC; clock_mono_ns() < end;)
		in_force(list, 1 + (size_t)(clock_mono_ns() & 1));
	assert_int_equal(read(ends[0], &refused, sizeof(refused)), sizeof(refused));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(refused, 0);
	while (recv(fds[REST4], &byte, 1, 0) == 1)
		;
}

/* More kinds of destinations than there is room for: the old rules hold on. */
static void what_is_refused_changes_nothing(void **state)
{
	const size_t count = 5000;
	cleanup_free struct egress_entry *list = calloc(count, sizeof(*list));
	struct egress_entry good = entry("192.0.2.1", IPPROTO_TCP, 80, 80);
	struct fail f = { 0 };

	assert_non_null(list);
	in_force(&good, 1);
	for (uint32_t i = 0; i < count; i++)
		list[i] = name_entry(i + 1, false, (uint16_t)(i + 1));
	assert_int_equal(verdict_nft.replace(verdict, NETWORK_ALLOWLIST, list, count, 2, &f),
			 -E2BIG);
	assert_int_equal(attempt(SOCK_STREAM, "192.0.2.1", 80), 0);
	arrives(TCP4, "192.0.2.1", 80);
	assert_int_equal(attempt(SOCK_STREAM, "198.18.0.2", 1), ECONNREFUSED);
	in_force(NULL, 0);
	assert_int_equal(attempt(SOCK_STREAM, "192.0.2.1", 80), ECONNREFUSED);
	nothing_arrives();
}

static const struct egress_entry *longest(const struct egress_entry *list, size_t count,
					  const struct egress_address *a)
{
	const struct egress_entry *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (egress_covers(&list[i].address, list[i].prefix, a) &&
		    (!best || list[i].prefix > best->prefix))
			best = &list[i];
	return best && best->count ? best : NULL;
}

static const struct egress_entry *by_ranges(const struct verdict_range *ranges, size_t count,
					    const struct egress_address *a)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&ranges[i].first, a, sizeof(*a)) <= 0 &&
		    (!ranges[i].has_next || memcmp(a, &ranges[i].next, sizeof(*a)) < 0))
			return ranges[i].entry;
	return NULL;
}

static bool is_double(const struct egress_entry *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].prefix == list[count].prefix &&
		    memcmp(&list[i].address, &list[count].address, sizeof(list->address)) == 0)
			return true;
	return false;
}

/* Prefixes of a small space at the very end, the beginning and elsewhere, so that they nest often.
 */
static size_t random_entries(struct egress_entry *list, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < max; i++) {
		struct egress_entry *e = &list[count];
		unsigned bits = (unsigned)random() % 9;
		uint8_t value = (uint8_t)((unsigned)random() & 0xff00u >> bits);

		*e = (struct egress_entry){ .prefix = 120 + bits, .count = (size_t)random() % 2 };
		memset(&e->address, random() % 2 ? 0xff : 0, sizeof(e->address));
		e->address.bytes[15] = value;
		if (random() % 20 == 0)
			*e = (struct egress_entry){ .count = 1 };
		count += !is_double(list, count);
	}
	return count;
}

static void ranges_are_the_longest_prefix(void **state)
{
	struct egress_entry list[24];

	srandom(7);
	for (int round = 0; round < 400; round++) {
		size_t count = random_entries(list, (size_t)random() % ARRAY_LENGTH(list)), found;
		struct verdict_range *ranges;
		struct egress_address a;

		assert_int_equal(verdict_ranges(list, count, &ranges, &found), 0);
		for (unsigned i = 0; i < 1024; i++) {
			memset(&a, i & 256 ? 0xff : 0, sizeof(a));
			a.bytes[15] = (uint8_t)i;
			a.bytes[14] = (uint8_t)(a.bytes[14] ^ (i >> 9));
			assert_ptr_equal(by_ranges(ranges, found, &a), longest(list, count, &a));
		}
		free(ranges);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_the_longest_prefix),
		cmocka_unit_test(without_rules_nothing_passes_and_nothing_waits),
		cmocka_unit_test(udp_lite_has_no_rule),
		cmocka_unit_test(what_is_allowed_arrives_as_asked_for),
		cmocka_unit_test(a_datagram_tells_where_it_was_going),
		cmocka_unit_test(servers_inside_answer_on_loopback_alone),
		cmocka_unit_test(nobody_speaks_as_the_outside),
		cmocka_unit_test(no_datagram_does_either),
		cmocka_unit_test(the_longest_prefix_decides),
		cmocka_unit_test(names_come_one_by_one),
		cmocka_unit_test(all_names_of_a_run_change_at_once),
		cmocka_unit_test(between_two_sets_of_rules_nothing_is_lost),
		cmocka_unit_test(what_is_refused_changes_nothing),
	};

	return cmocka_run_group_tests_name("verdict_nft", tests, inside_setup, inside_teardown);
}
