// SPDX-License-Identifier: Apache-2.0
/* The sockets of the way out, made as a launcher makes them, in a network namespace of our own:
 * whatever address is asked for, the packets arrive there. The kernel hands over; here the one that
 * is bound to all addresses, or to the right one, is the witness. */
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
#include "sandbox/plan.h"
#include "sensor/lookup.h"

static struct gate_socket sockets[SANDBOX_SOCKETS_MAX];
static struct outcome outcome;
static struct work work = { .sockets = sockets, .outcome = &outcome };

static int fd_of(uint32_t kind, uint32_t a)
{
	for (size_t i = 0; i < work.socket_count; i++)
		if (sockets[i].kind == kind && sockets[i].a == a)
			return work.socket_fds[i];
	return -1;
}

/* The steps of the plan that concern the network are carried out here. */
static int setup(void **state)
{
	struct policy policy;
	struct sandbox_plan *plan;
	struct plan_image *image;
	struct fail f = { 0 };
	uint32_t kept = 0;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 0; /* each test skips itself */
	assert_int_equal(policy_builtin(&policy), 0);
	policy.network.standard = DEFAULT_ALLOW;
	policy.network.carry.items = malloc(sizeof(char *));
	policy.network.carry.items[0] = strdup("8080=192.0.2.1:80");
	policy.network.carry.count = 1;
	free(policy.files.workspace);
	policy.files.workspace = strdup("/tmp");
	policy.degrade.count = 0;
	if (sandbox_plan_make(&policy, &plan, &f) < 0)
		assert_string_equal(f.text, "");
	image = plan->image;
	for (uint32_t i = 0; i < image->step_count; i++) {
		struct step *s = &image->steps[i];

		if (s->op == STEP_LOOPBACK || s->op == STEP_LOCAL_ROUTE ||
		    s->op == STEP_GATE_SOCKET) {
			s->stage = STAGE_BUILD;
			image->steps[kept++] = *s;
		}
	}
	image->step_count = kept;
	work.image = image;
	assert_int_equal(steps_run(&work, STAGE_BUILD), 0);
	sandbox_plan_free(plan);
	policy_free(&policy);
	return 0;
}

static int teardown(void **state)
{
	while (work.socket_count > 0)
		close(work.socket_fds[--work.socket_count]);
	return 0;
}

static struct sockaddr_storage address(const char *text, uint16_t port, socklen_t *ret_size)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *at4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *at6 = (struct sockaddr_in6 *)&a;

	if (strchr(text, ':')) {
		at6->sin6_family = AF_INET6;
		at6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, text, &at6->sin6_addr), 1);
		*ret_size = sizeof(*at6);
	} else {
		at4->sin_family = AF_INET;
		at4->sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, text, &at4->sin_addr), 1);
		*ret_size = sizeof(*at4);
	}
	return a;
}

static void address_is(const struct sockaddr_storage *a, const char *text, uint16_t port)
{
	socklen_t size;
	struct sockaddr_storage b = address(text, port, &size);
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)&b;

	assert_int_equal(a->ss_family, b.ss_family);
	if (a->ss_family == AF_INET) {
		assert_memory_equal(a, &b, size);
		return;
	}
	assert_int_equal(a6->sin6_port, b6->sin6_port);
	assert_memory_equal(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t size = sizeof(a);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void possible(void)
{
	if (work.socket_count == 0)
		skip();
}

static bool has_ipv6(void)
{
	return fd_of(GATE_SOCKET_TCP, AF_INET6) >= 0;
}

static void connects(int listener, const char *to, const char *source)
{
	socklen_t size, local_size = sizeof(struct sockaddr_storage);
	uint16_t port = port_of(listener);
	struct sockaddr_storage a = address(to, port, &size), local;
	cleanup_fd int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_fd int accepted = -1;

	assert_int_equal(connect(fd, (struct sockaddr *)&a, size), 0);
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	assert_int_equal(getsockname(accepted, (struct sockaddr *)&local, &local_size), 0);
	address_is(&local, to, port);
	local_size = sizeof(local);
	assert_int_equal(getpeername(accepted, (struct sockaddr *)&local, &local_size), 0);
	address_is(&local, source, port_of(fd));
}

static void a_connection_to_any_address_arrives(void **state)
{
	possible();
	connects(fd_of(GATE_SOCKET_TCP, AF_INET), "192.0.2.7", "127.0.0.1");
	connects(fd_of(GATE_SOCKET_TCP, AF_INET), "198.18.0.1", "127.0.0.1");
	connects(fd_of(GATE_SOCKET_CARRY, 0), "127.0.0.1", "127.0.0.1");
	if (has_ipv6()) {
		connects(fd_of(GATE_SOCKET_TCP, AF_INET6), "2001:db8::7", "::1");
		connects(fd_of(GATE_SOCKET_TCP, AF_INET6), "fd77:6569:72::1", "::1");
	}
}

/* From `to` comes an answer, by a socket of its own where it is not the resolver. */
static void asks(int fd, const char *to, uint16_t port)
{
	socklen_t size, from_size = sizeof(struct sockaddr_storage);
	struct sockaddr_storage a = address(to, port, &size), from;
	cleanup_fd int client = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte;

	assert_int_equal(sendto(client, "q", 1, 0, (struct sockaddr *)&a, size), 1);
	assert_int_equal(recvfrom(fd, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size),
			 1);
	assert_int_equal(sendto(fd, "a", 1, 0, (struct sockaddr *)&from, from_size), 1);
	from_size = sizeof(from);
	assert_int_equal(
		recvfrom(client, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size), 1);
	assert_int_equal(byte, 'a');
	address_is(&from, to, port);
}

static void the_resolver_answers(void **state)
{
	possible();
	asks(fd_of(GATE_SOCKET_DNS, AF_INET), "198.18.0.1", 53);
	if (has_ipv6())
		asks(fd_of(GATE_SOCKET_DNS, AF_INET6), "fd77:6569:72::1", 53);
}

static void anybody_can_be_answered_for(void **state)
{
	static const struct {
		uint32_t family;
		const char *text;
	} far[] = { { AF_INET, "192.0.2.9" }, { AF_INET6, "2001:db8::9" } };

	possible();
	for (size_t i = 0; i < (has_ipv6() ? 2 : 1); i++) {
		struct gate_socket kind = { GATE_SOCKET_UDP, far[i].family };
		cleanup_fd int fd = gate_socket_open(&kind, 0);
		socklen_t size;
		struct sockaddr_storage a = address(far[i].text, 123, &size);

		assert_true(fd >= 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
		asks(fd, far[i].text, 123);
	}
}

/* Each kind that can be asked for later is a socket of its family, and no other. */
static void more_can_be_made(void **state)
{
	static const struct {
		struct gate_socket kind;
		int domain, type;
	} more[] = {
		{ { GATE_SOCKET_UDP, AF_INET }, AF_INET, SOCK_DGRAM },
		{ { GATE_SOCKET_DIAL, AF_INET }, AF_INET, SOCK_STREAM },
		{ { GATE_SOCKET_DIAG, 0 }, AF_NETLINK, SOCK_RAW },
		{ { GATE_SOCKET_RULES, 0 }, AF_NETLINK, SOCK_RAW },
	};
	struct gate_socket wrong = { GATE_SOCKET_KIND_COUNT, 0 };

	possible();
	for (size_t i = 0; i < ARRAY_LENGTH(more); i++) {
		cleanup_fd int fd = gate_socket_open(&more[i].kind, 0);
		socklen_t size = sizeof(int);
		int domain, type;

		assert_true(fd >= 0);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size), 0);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0);
		assert_int_equal(domain, more[i].domain);
		assert_int_equal(type, more[i].type);
	}
	assert_int_equal(gate_socket_open(&wrong, 0), -EINVAL);
}

/* From here on as in root mode: a program hands over, and not the address. */

static int lookup = -1;

static void handed_over(void)
{
	struct fail f = { 0 };

	possible();
	if (lookup < 0)
		lookup = lookup_open(work.socket_fds, sockets, work.socket_count, &f);
	if (lookup < 0 && f.code == EPERM)
		skip();
	assert_string_equal(f.text, "");
}

static int listens(const char *at, uint16_t port)
{
	socklen_t size;
	struct sockaddr_storage a = address(at, port, &size);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* -errno of the connection. */
static int reaches(const char *to, uint16_t port)
{
	socklen_t size;
	struct sockaddr_storage a = address(to, port, &size);
	cleanup_fd int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&a, size) < 0 ? -errno : 0;
}

/* Who was asked for, as the one who accepts sees it. */
static void arrives(int listener, const char *to, uint16_t port)
{
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);
	cleanup_fd int fd = -1;

	assert_int_equal(reaches(to, port), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &size), 0);
	address_is(&local, to, port);
}

static void every_port_is_handed_over(void **state)
{
	int tcp4, tcp6;

	handed_over();
	tcp4 = fd_of(GATE_SOCKET_TCP, AF_INET);
	tcp6 = fd_of(GATE_SOCKET_TCP, AF_INET6);
	arrives(tcp4, "192.0.2.1", 1);
	arrives(tcp4, "255.255.255.254", 65535);
	arrives(tcp4, "128.0.0.1", 443);
	arrives(tcp4, "126.255.255.255", 443);
	arrives(tcp4, "198.18.0.1", 53);
	if (!has_ipv6())
		return;
	arrives(tcp6, "2001:db8::1", 1);
	arrives(tcp6, "::2", 443);
	arrives(tcp6, "::1:0:0:1", 443);
	arrives(tcp6, "fd77:6569:72::1", 53);
}

/* A server on all addresses answers for loopback alone. */
static void servers_inside_answer_for_loopback_alone(void **state)
{
	cleanup_fd int any4 = -1, any6 = -1;

	handed_over();
	any4 = listens("0.0.0.0", 7000);
	arrives(any4, "127.0.0.1", 7000);
	arrives(any4, "127.9.9.9", 7000);
	assert_int_equal(reaches("0.0.0.0", 7000), 0);
	arrives(fd_of(GATE_SOCKET_TCP, AF_INET), "192.0.2.1", 7000);
	assert_int_equal(reaches("127.0.0.1", 7001), -ECONNREFUSED);
	arrives(fd_of(GATE_SOCKET_CARRY, 0), "127.0.0.1", 8080);
	if (!has_ipv6())
		return;
	close(take_fd(&any4));
	any6 = listens("::", 7000);
	arrives(any6, "::1", 7000);
	arrives(fd_of(GATE_SOCKET_TCP, AF_INET6), "2001:db8::1", 7000);
	assert_int_equal(reaches("::1", 7001), -ECONNREFUSED);
}

/* A datagram comes to this socket with the address that it was sent to. */
static void datagram_arrives(uint32_t kind, const char *to, uint16_t port)
{
	socklen_t size;
	struct sockaddr_storage a = address(to, port, &size), told = { 0 };
	cleanup_fd int client = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = fd_of(kind, a.ss_family);
	_Alignas(struct cmsghdr) char control[256];
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };

	assert_int_equal(sendto(client, "q", 1, 0, (struct sockaddr *)&a, size), 1);
	assert_int_equal(recvmsg(fd, &m, MSG_DONTWAIT), 1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == IP_RECVORIGDSTADDR || c->cmsg_type == IPV6_RECVORIGDSTADDR)
			memcpy(&told, CMSG_DATA(c), size);
	}
	if (kind == GATE_SOCKET_REST)
		address_is(&told, to, port);
}

static void datagrams_are_handed_over(void **state)
{
	handed_over();
	datagram_arrives(GATE_SOCKET_DNS, "198.18.0.1", 53);
	datagram_arrives(GATE_SOCKET_REST, "198.18.0.1", 54);
	datagram_arrives(GATE_SOCKET_REST, "198.18.0.2", 53);
	datagram_arrives(GATE_SOCKET_REST, "192.0.2.1", 53);
	if (!has_ipv6())
		return;
	datagram_arrives(GATE_SOCKET_DNS, "fd77:6569:72::1", 53);
	datagram_arrives(GATE_SOCKET_REST, "fd77:6569:72::1", 123);
	datagram_arrives(GATE_SOCKET_REST, "2001:db8::1", 53);
}

/* The last test: nobody holds the sockets any more, as when keeper and gate have died. */
static void without_a_holder_all_is_refused(void **state)
{
	handed_over();
	teardown(NULL);
	assert_int_equal(reaches("192.0.2.1", 80), -ECONNREFUSED);
	assert_int_equal(reaches("198.18.0.1", 53), -ECONNREFUSED);
	close(listens("127.0.0.1", 7000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_to_any_address_arrives),
		cmocka_unit_test(the_resolver_answers),
		cmocka_unit_test(anybody_can_be_answered_for),
		cmocka_unit_test(more_can_be_made),
		cmocka_unit_test(every_port_is_handed_over),
		cmocka_unit_test(servers_inside_answer_for_loopback_alone),
		cmocka_unit_test(datagrams_are_handed_over),
		cmocka_unit_test(without_a_holder_all_is_refused),
	};

	return cmocka_run_group_tests_name("sockets", tests, setup, teardown);
}
