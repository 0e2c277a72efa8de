// SPDX-License-Identifier: Apache-2.0
/* See network_inside.h. It plays the launcher. */
#include "network_inside.h"

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

static const struct gate_socket kinds[SOCKETS] = {
	{ GATE_SOCKET_TCP, AF_INET },  { GATE_SOCKET_TCP, AF_INET6 },
	{ GATE_SOCKET_REST, AF_INET }, { GATE_SOCKET_REST, AF_INET6 },
	{ GATE_SOCKET_DNS, AF_INET },
};
int fds[SOCKETS];
struct verdict *verdict;
struct keeper keeper;

/* In the place of the launcher's. */
int sandbox_make_sockets(struct sandbox *s, const struct gate_socket *kind, size_t count, int *ret,
			 struct fail *f)
{
	for (size_t i = 0; i < count; i++)
		ret[i] = gate_socket_open(kind, 0);
	return 0;
}

int inside_setup(void **state)
{
	struct work w = { 0 };
	struct fail f = { 0 };

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 0; /* each test skips itself */
	assert_int_equal(step_loopback(&w, &(struct step){ 0 }), 0);
	assert_int_equal(step_local_route(&w, &(struct step){ .a = AF_INET }), 0);
	assert_int_equal(step_local_route(&w, &(struct step){ .a = AF_INET6 }), 0);
	for (int i = 0; i < SOCKETS; i++) {
		fds[i] = gate_socket_open(&kinds[i], 0);
		assert_true(fds[i] >= 0);
	}
	if (verdict_nft.open(&keeper, fds, kinds, SOCKETS, &verdict, &f) < 0)
		assert_string_equal(f.text, "");
	return 0;
}

int inside_teardown(void **state)
{
	if (verdict)
		verdict_nft.close(verdict);
	for (int i = 0; verdict && i < SOCKETS; i++)
		close(fds[i]);
	return 0;
}

struct egress_entry entry(const char *text, uint8_t transport, uint16_t low, uint16_t high)
{
	struct egress_entry e = { .count = low ? 1 : 0 };

	assert_int_equal(egress_address_parse(text, &e.address, &e.prefix), 0);
	e.ports[0] = (struct egress_port){ .low = low, .high = high, .transport = transport };
	return e;
}

void in_force(const struct egress_entry *list, size_t count)
{
	struct fail f = { 0 };

	if (!verdict)
		skip();
	if (verdict_nft.replace(verdict, NETWORK_ALLOWLIST, list, count, 1, &f) < 0)
		assert_string_equal(f.text, "");
}

socklen_t address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *at4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *at6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &at4->sin_addr) == 1) {
		at4->sin_family = AF_INET;
		at4->sin_port = htons(port);
		return sizeof(*at4);
	}
	at6->sin6_family = AF_INET6;
	at6->sin6_port = htons(port);
	assert_int_equal(inet_pton(AF_INET6, text, &at6->sin6_addr), 1);
	return sizeof(*at6);
}

void nothing_arrives(void)
{
	for (int i = 0; i < SOCKETS; i++) {
		char byte;
		int r = i <= TCP6 ? accept4(fds[i], NULL, NULL, SOCK_CLOEXEC)
				  : (int)recv(fds[i], &byte, 1, 0);

		assert_int_equal(r, -1);
		assert_int_equal(errno, EAGAIN);
	}
}
