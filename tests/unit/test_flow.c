// SPDX-License-Identifier: Apache-2.0
/* The gate's flows, between clients and servers of the test in a network namespace of its own:
 * what is allowed passes byte for byte and end for end, what is not is reset before the server saw
 * a byte, budgets end at their limits, a new policy cuts what it no longer allows. */
#include <errno.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "fake_gate.h"

#define NAME1 "198.18.0.2" /* stands for name 1 inside */
#define INSIDE_PORT 7000

static struct fake_gate fake;
static char scratch[1 << 20];

/* One flow: the client's socket, and the server's once it has accepted. */
struct line {
	int client, listener, server;
	uint16_t port;
};

/* A server at 127.0.0.1, and a gate that listens where name 1 leads, at the same port. */
static struct line line_open(const char *policy_format)
{
	struct line l = { .client = -1, .server = -1 };
	char policy[1024];

	l.listener = listen_at("127.0.0.1", INSIDE_PORT, &l.port);
	snprintf(policy, sizeof(policy), "network: {allow: [{host: 127.0.0.1, ports: [1]}, %s]}\n",
		 policy_format);
	fake_gate_open(&fake, policy);
	fake.names[1] = "a.test";
	fake.answer_counts[1] = 1;
	memcpy(fake.answers[1][0].bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	fake_gate_listen(&fake, NAME1, INSIDE_PORT);
	l.client = connect_to(NAME1, INSIDE_PORT);
	return l;
}

static bool line_accept(struct line *l, unsigned ms)
{
	for (unsigned i = 0; i <= ms / 5 && l->server < 0; i++) {
		fake_gate_serve(&fake, 5);
		l->server = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	return l->server >= 0;
}

static void line_close(struct line *l)
{
	close(l->client);
	close(l->listener);
	if (l->server >= 0)
		close(l->server);
	fake_gate_serve(&fake, 20);
	fake_gate_close(&fake);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	fake_gate_serve(&fake, 20);
}

/* What has arrived: text; "" nothing, "END", or "RESET". */
static const char *heard(int fd)
{
	ssize_t n = recv(fd, scratch, sizeof(scratch) - 1, 0);

	if (n == 0)
		return "END";
	if (n < 0)
		return errno == ECONNRESET ? "RESET" : "";
	scratch[n] = 0;
	return scratch;
}

#define ANY "{host: a.test}, {host: 127.0.0.0/8}"

static void passes(void **state)
{
	struct line l = line_open(ANY);
	const struct fake_event *e;

	fake.asked_by = 2;
	say(l.client, "hello there\n");
	assert_true(line_accept(&l, 100));
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "hello there\n");
	say(l.server, "welcome\n");
	assert_string_equal(heard(l.client), "welcome\n");
	e = fake_gate_last(&fake);
	assert_int_equal(fake.event_count, 1);
	assert_int_equal(e->flow.state, FLOW_OPENED);
	assert_int_equal(e->flow.port, INSIDE_PORT);
	assert_int_equal(e->flow.out_port, INSIDE_PORT);
	assert_int_equal(e->flow.h.call, 3);
	assert_int_equal(e->flow.h.label, 5);
	assert_string_equal(e->name, "a.test");
	assert_int_equal(e->edges, 1);
	assert_int_equal(e->edge.call, 2);
	assert_int_equal(e->edge.kind, EDGE_NAME);

	/* each direction ends by itself */
	shutdown(l.client, SHUT_WR);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "END");
	say(l.server, "still talking\n");
	assert_string_equal(heard(l.client), "still talking\n");
	close(l.server);
	l.server = -1;
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.client), "END");
	e = fake_gate_last(&fake);
	assert_int_equal(e->flow.state, FLOW_ENDED);
	assert_int_equal(e->flow.error, 0);
	assert_int_equal(e->flow.bytes_up, 12);
	assert_int_equal(e->flow.bytes_down, 22);
	assert_true(e->flow.packets_up >= 3 && e->flow.packets_down >= 3);
	assert_int_equal(e->flow.flow, 1);
	line_close(&l);
}

static void resets(void **state)
{
	struct linger at_once = { .l_onoff = 1 };
	struct line l = line_open(ANY);

	say(l.client, "x");
	assert_true(line_accept(&l, 100));
	setsockopt(l.server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(l.server);
	l.server = -1;
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.client), "RESET");
	assert_int_equal(fake_gate_last(&fake)->flow.error, ECONNRESET);
	assert_string_equal(fake_gate_last(&fake)->reason, "reset outside");
	line_close(&l);

	l = line_open(ANY);
	say(l.client, "x");
	assert_true(line_accept(&l, 100));
	setsockopt(l.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(l.client);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "x");
	assert_string_equal(heard(l.server), "RESET");
	assert_string_equal(fake_gate_last(&fake)->reason, "reset inside");
	l.client = -1;
	line_close(&l);
}

/* Nothing listens there any more. */
static void unreachable(void **state)
{
	struct line l = line_open(ANY);

	close(l.listener);
	say(l.client, "x");
	fake_gate_serve(&fake, 50);
	assert_string_equal(heard(l.client), "RESET");
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_CUT);
	assert_int_equal(fake_gate_last(&fake)->flow.error, ECONNREFUSED);
	assert_int_equal(fake_gate_last(&fake)->flow.out_port, INSIDE_PORT);
	line_close(&l);
}

/* A server that reads nothing holds the client back; nothing is kept in between, and it all comes
 * in the end. */
static void holds_back(void **state)
{
	struct line l = line_open(ANY);
	size_t sent = 0, got = 0;
	ssize_t n;

	assert_true(line_accept(&l, 400));
	memset(scratch, 'a', sizeof(scratch));
	for (int idle = 0; idle < 5;) {
		n = send(l.client, scratch, sizeof(scratch), MSG_NOSIGNAL);
		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		fake_gate_serve(&fake, 5);
		assert_true(sent < (100u << 20));
	}
	shutdown(l.client, SHUT_WR);
	for (int idle = 0; idle < 20;) {
		n = recv(l.server, scratch, sizeof(scratch), 0);
		if (n == 0)
			break;
		got += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		fake_gate_serve(&fake, 2);
	}
	assert_int_equal(got, sent);
	line_close(&l);
	assert_int_equal(fake_gate_last(&fake)->flow.bytes_up, sent);
}

static void expect_cut(struct line *l, const char *reason)
{
	const struct fake_event *e = fake_gate_last(&fake);

	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l->client), "RESET");
	assert_int_equal(e->flow.state, FLOW_CUT);
	assert_non_null(strstr(e->reason, reason));
}

static void refused(void **state)
{
	struct line l = line_open("{host: b.test}, {host: 127.0.0.0/8}");

	fake_gate_serve(&fake, 20);
	expect_cut(&l, "no rule");
	assert_false(line_accept(&l, 50));
	line_close(&l);

	l = line_open(ANY);
	fake.nobody = true;
	fake_gate_serve(&fake, 20);
	expect_cut(&l, "no process");
	line_close(&l);

	/* a name that leads to an address which no rule allows */
	l = line_open("{host: a.test}");
	say(l.client, "x");
	fake_gate_serve(&fake, 20);
	expect_cut(&l, "loopback");
	assert_false(line_accept(&l, 50));
	assert_int_equal(fake_gate_last(&fake)->flow.out_port, 0);
	line_close(&l);

	/* not even a rule leads to what stands for names */
	l = line_open("{host: a.test}, {host: 198.18.0.0/15}");
	memcpy(fake.answers[1][0].bytes + 12, "\306\022\0\3", 4);
	say(l.client, "x");
	fake_gate_serve(&fake, 20);
	expect_cut(&l, "stands for names");
	line_close(&l);

	/* a public address of this host */
	l = line_open("{host: a.test}");
	memcpy(fake.answers[1][0].bytes + 12, "\010\010\010\010", 4);
	say(l.client, "x");
	fake_gate_serve(&fake, 20);
	expect_cut(&l, "of this host");
	line_close(&l);

	/* an address that stands for no name */
	l = line_open(ANY);
	fake.names[1] = NULL;
	fake_gate_serve(&fake, 20);
	expect_cut(&l, "no name");
	line_close(&l);
}

/* The second address is allowed, the first is not. */
static void many_answers(void **state)
{
	struct line l = line_open(ANY);

	memcpy(fake.answers[1][1].bytes, fake.answers[1][0].bytes, 16);
	memcpy(fake.answers[1][0].bytes + 12, "\251\376\251\376", 4); /* 169.254.169.254 */
	fake.answer_counts[1] = 2;
	say(l.client, "x");
	assert_true(line_accept(&l, 100));
	line_close(&l);
}

#define ONLY(protocol) "{host: a.test, protocol: " protocol "}, {host: 127.0.0.0/8}"

static void hello(void **state)
{
	struct line l = line_open(ONLY("http"));

	/* nothing is dialled before a client that has to lead spoke; in pieces */
	assert_false(line_accept(&l, 400));
	say(l.client, "GET / HTTP/1.1\r\nHo");
	assert_false(line_accept(&l, 50));
	say(l.client, "st: a.test\r\n\r\n");
	assert_true(line_accept(&l, 100));
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_int_equal(fake_gate_last(&fake)->flow.protocol, PROTOCOL_HTTP);
	assert_non_null(strstr(fake_gate_last(&fake)->detail, "a.test"));
	line_close(&l);

	l = line_open(ONLY("http"));
	say(l.client, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n");
	assert_false(line_accept(&l, 50));
	assert_string_equal(heard(l.client), "RESET");
	line_close(&l);

	l = line_open(ONLY("http"));
	say(l.client, "SSH-2.0-OpenSSH_9.2\r\n");
	assert_false(line_accept(&l, 50));
	assert_string_equal(heard(l.client), "RESET");
	line_close(&l);

	l = line_open(ONLY("http"));
	shutdown(l.client, SHUT_WR);
	assert_false(line_accept(&l, 50));
	assert_string_equal(heard(l.client), "END");
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_ENDED);
	line_close(&l);
}

/* Byte for byte, more pieces than are looked at one by one. */
static void hello_in_bytes(void **state)
{
	static const char text[] = "GET /0123456789012345678901234567890123456789 HTTP/1.1\r\n"
				   "Accept: */*\r\nHost: a.test\r\n\r\n";
	struct line l = line_open(ONLY("http"));

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(send(l.client, text + i, 1, MSG_NOSIGNAL), 1);
		fake_gate_serve(&fake, 1);
	}
	assert_true(line_accept(&l, 100));
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), text);
	line_close(&l);
}

static void server_leads(void **state)
{
	struct line l = line_open(ONLY("smtp"));

	assert_true(line_accept(&l, 50)); /* at once */
	say(l.client, "EHLO early\r\n");  /* waits for the server's greeting */
	assert_string_equal(heard(l.server), "");
	say(l.server, "220 mail.a.test ESMTP\r\n");
	assert_string_equal(heard(l.client), "220 mail.a.test ESMTP\r\n");
	assert_string_equal(heard(l.server), "EHLO early\r\n");
	line_close(&l);

	l = line_open(ONLY("smtp"));
	assert_true(line_accept(&l, 50));
	say(l.server, "HTTP/1.1 200 OK\r\n\r\n");
	assert_string_equal(heard(l.client), "RESET");
	line_close(&l);
}

/* A client that is silent gets to the server; what it says later is judged all the same. */
static void silence(void **state)
{
	struct line l = line_open(ANY);

	assert_false(line_accept(&l, 100));
	assert_true(line_accept(&l, 400));
	say(l.server, "220 welcome\r\n");
	assert_string_equal(heard(l.client), "220 welcome\r\n");
	say(l.client, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n");
	assert_string_equal(heard(l.client), "RESET");
	assert_string_equal(heard(l.server), "RESET");
	line_close(&l);

	l = line_open(ANY);
	assert_true(line_accept(&l, 400));
	say(l.client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_string_equal(heard(l.server), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(l.server, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(heard(l.client), "HTTP/1.1 200 OK\r\n");
	line_close(&l);
}

static void budget_of_bytes(void **state)
{
	struct line l = line_open("{host: a.test, bytes: 100B}, {host: 127.0.0.0/8}");

	memset(scratch, 'b', 60);
	scratch[60] = 0;
	say(l.client, scratch);
	assert_true(line_accept(&l, 100));
	fake_gate_serve(&fake, 20);
	assert_int_equal(strlen(heard(l.server)), 60);
	say(l.server, "0123456789012345678901234567890123456789"); /* the 100th byte */
	assert_int_equal(strlen(heard(l.client)), 40);
	assert_string_equal(heard(l.client), "");
	say(l.client, "c");
	assert_string_equal(heard(l.server), "RESET");
	assert_string_equal(heard(l.client), "RESET");
	assert_int_equal(fake_gate_last(&fake)->flow.bytes_up, 60);
	assert_int_equal(fake_gate_last(&fake)->flow.bytes_down, 40);
	assert_int_equal(fake_gate_last(&fake)->flow.error, EDQUOT);
	fake_gate_serve(&fake, 300);
	assert_int_equal(fake.last_spent.of[1].bytes, 100);
	line_close(&l);

	/* exactly the budget, and then the end: in order */
	l = line_open("{host: a.test, bytes: 60B}, {host: 127.0.0.0/8}");
	memset(scratch, 'b', 60);
	scratch[60] = 0;
	say(l.client, scratch);
	assert_true(line_accept(&l, 100));
	shutdown(l.client, SHUT_WR);
	close(l.server);
	l.server = -1;
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake_gate_last(&fake)->flow.bytes_up, 60);
	line_close(&l);

	/* more at once than is left */
	l = line_open("{host: a.test, bytes: 10B}, {host: 127.0.0.0/8}");
	say(l.client, "0123456789abc");
	assert_true(line_accept(&l, 100));
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "0123456789");
	assert_string_equal(heard(l.server), "RESET");
	line_close(&l);
}

static void budget_of_connections(void **state)
{
	struct line l = line_open("{host: a.test, connections: 2}, {host: 127.0.0.0/8}");
	int more[2];

	say(l.client, "x");
	assert_true(line_accept(&l, 100));
	for (int i = 0; i < 2; i++) {
		more[i] = connect_to(NAME1, INSIDE_PORT);
		fake_gate_serve(&fake, 10);
		say(more[i], "y");
	}
	fake_gate_serve(&fake, 50);
	assert_string_equal(heard(more[0]), "");
	assert_string_equal(heard(more[1]), "RESET");
	assert_string_equal(fake_gate_last(&fake)->reason, "the rule's connections are spent");
	close(more[0]);
	close(more[1]);
	line_close(&l);
}

static void narrowed(void **state)
{
	struct line l = line_open("{host: a.test}, {host: '*.test'}, {host: 127.0.0.0/8}");
	uint32_t kept, cut;

	say(l.client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_true(line_accept(&l, 100));
	fake_gate_policy(&fake, "network: {allow: [{host: '*.test'}, {host: 127.0.0.1}]}\n", &kept,
			 &cut);
	assert_int_equal(kept, 1);
	assert_int_equal(cut, 0);
	heard(l.server);
	say(l.client, "still");
	assert_string_equal(heard(l.server), "still");
	/* what was said is not forgotten */
	fake_gate_policy(&fake,
			 "network: {allow: [{host: a.test, protocol: http}, {host: "
			 "127.0.0.1}]}\n",
			 &kept, &cut);
	assert_int_equal(kept, 1);
	fake_gate_policy(&fake,
			 "network: {allow: [{host: a.test, protocol: tls}, {host: "
			 "127.0.0.1}]}\n",
			 &kept, &cut);
	assert_int_equal(cut, 1);
	assert_string_equal(heard(l.client), "RESET");
	assert_string_equal(heard(l.server), "RESET");
	line_close(&l);

	/* the name is still allowed, the address it led to is not */
	l = line_open(ANY);
	say(l.client, "x");
	assert_true(line_accept(&l, 100));
	fake_gate_policy(&fake, "network: {allow: [{host: a.test}]}\n", &kept, &cut);
	assert_int_equal(cut, 1);
	assert_string_equal(fake_gate_last(&fake)->reason, "loopback");
	line_close(&l);
}

static void resolver(void **state)
{
	struct line l = line_open(ANY);
	uint16_t port;
	int client;

	port = fake_gate_listen(&fake, "198.18.0.1", 53);
	client = connect_to("198.18.0.1", port);
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake.connections, 1);
	close(client);
	port = fake_gate_listen(&fake, "198.18.0.1", 5353);
	client = connect_to("198.18.0.1", port);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(client), "RESET");
	close(client);
	line_close(&l);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes),	   cmocka_unit_test(resets),
		cmocka_unit_test(unreachable),	   cmocka_unit_test(holds_back),
		cmocka_unit_test(refused),	   cmocka_unit_test(many_answers),
		cmocka_unit_test(hello),	   cmocka_unit_test(hello_in_bytes),
		cmocka_unit_test(server_leads),	   cmocka_unit_test(silence),
		cmocka_unit_test(budget_of_bytes), cmocka_unit_test(budget_of_connections),
		cmocka_unit_test(narrowed),	   cmocka_unit_test(resolver),
	};

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		printf("1..0 # SKIP no network namespace of the test's own: %s\n", strerror(errno));
		return 0;
	}
	bring_up("lo", "127.0.0.1");
	bring_up("lo:1", "198.18.0.1");
	bring_up("lo:2", NAME1);
	bring_up("lo:3", "8.8.8.8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
