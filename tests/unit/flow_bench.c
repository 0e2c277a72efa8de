// SPDX-License-Identifier: Apache-2.0
/* A client, a gate and a server in one process; see flow_bench.h. */
#include "flow_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"

struct fake_gate fake;
static char scratch[1 << 20];

struct line line_open(const char *rules)
{
	struct line l = { .client = -1, .server = -1 };
	char policy[1024];

	l.listener = listen_at("127.0.0.1", INSIDE_PORT, &l.port);
	snprintf(policy, sizeof(policy), "network: {allow: [{host: 127.0.0.1, ports: [1]}, %s]}\n",
		 rules);
	fake_gate_open(&fake, policy);
	fake.names[1] = "a.test";
	fake.answer_counts[1] = 1;
	memcpy(fake.answers[1][0].bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	fake_gate_listen(&fake, NAME1, INSIDE_PORT);
	l.client = connect_to(NAME1, INSIDE_PORT);
	return l;
}

bool line_accept(struct line *l, unsigned ms)
{
	for (unsigned i = 0; i <= ms / 5 && l->server < 0; i++) {
		fake_gate_serve(&fake, 5);
		l->server = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	return l->server >= 0;
}

void line_close(struct line *l)
{
	close(l->client);
	close(l->listener);
	if (l->server >= 0)
		close(l->server);
	fake_gate_serve(&fake, 20);
	fake_gate_close(&fake);
}

void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	fake_gate_serve(&fake, 20);
}

const char *heard(int fd)
{
	ssize_t n = recv(fd, scratch, sizeof(scratch) - 1, 0);

	if (n == 0)
		return "END";
	if (n < 0)
		return errno == ECONNRESET ? "RESET" : "";
	scratch[n] = 0;
	return scratch;
}

static void bring_up(const char *name, const char *address)
{
	struct ifreq r = { .ifr_flags = 0 };
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&r.ifr_addr, &in, sizeof(in));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
	r.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
}

bool flow_bench_begin(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		printf("1..0 # SKIP no network namespace of the test's own: %s\n", strerror(errno));
		return false;
	}
	bring_up("lo", "127.0.0.1");
	bring_up("lo:1", "198.18.0.1");
	bring_up("lo:2", NAME1);
	bring_up("lo:3", "8.8.8.8");
	return true;
}
