// SPDX-License-Identifier: Apache-2.0
/* The first bytes of the gate's flows: in pieces, from either side, late, and before it is known
 * whose the flow is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "flow_bench.h"

static void hello(void **state)
{
	struct line l = line_open(ONLY("http"));

	/* nothing is dialled before a client that has to lead spoke; in pieces */
	assert_false(line_accept(&l, 400));
	say(l.client, "GET / HTTP/1.1\r\nHo");
	assert_false(line_accept(&l, 50));
	say(l.client, "st: a.test\r\n\r\n");
	assert_true(line_accept(&l, 3000));
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
	assert_true(line_accept(&l, 3000));
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
	assert_int_equal(fake_gate_last(&fake)->flow.protocol, PROTOCOL_SMTP);

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
	assert_true(line_accept(&l, 3000));
	say(l.server, "220 welcome\r\n");
	assert_string_equal(heard(l.client), "220 welcome\r\n");
	say(l.client, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n");
	assert_string_equal(heard(l.client), "RESET");
	assert_string_equal(heard(l.server), "RESET");
	line_close(&l);

	l = line_open(ANY);
	assert_true(line_accept(&l, 3000));
	say(l.client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_string_equal(heard(l.server), "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(l.server, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(heard(l.client), "HTTP/1.1 200 OK\r\n");
	line_close(&l);
}

/* What comes, and who goes, before it is known whose flow it is. */
static void slow_owner(void **state)
{
	struct linger at_once = { .l_onoff = 1 };
	struct line l = line_open(ONLY("http"));

	fake.slow = true;
	say(l.client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_false(line_accept(&l, 50));
	fake_gate_answer(&fake);
	assert_true(line_accept(&l, 3000));
	line_close(&l);

	l = line_open(ONLY("http"));
	fake.slow = true;
	say(l.client, "GET /");
	setsockopt(l.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(l.client);
	l.client = -1;
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake.event_count, 0);
	fake_gate_answer(&fake);
	fake_gate_answer(&fake); /* nobody asked for this one */
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake.event_count, 1);
	line_close(&l);

	/* no answer: nobody's */
	l = line_open(ANY);
	fake.slow = true;
	say(l.client, "x");
	fake_gate_serve(&fake, 2200);
	assert_string_equal(heard(l.client), "RESET");
	line_close(&l);
}

/* Where nothing is demanded, and where only a name is, what is spoken is known all the same. */
static void for_the_record(void **state)
{
	struct line l = line_open(ANY);
	struct gate_socket s = { .kind = GATE_SOCKET_CARRY };
	uint16_t port;
	int client;

	assert_true(line_accept(&l, 3000));
	fake_gate_serve(&fake, 20);
	say(l.server, "220 mail.a.test ESMTP\r\n");
	say(l.client, "EHLO x\r\n");
	assert_string_equal(heard(l.server), "EHLO x\r\n");
	line_close(&l);
	assert_int_equal(fake_gate_last(&fake)->flow.protocol, PROTOCOL_SMTP);

	l.listener = listen_at("127.0.0.1", INSIDE_PORT, &l.port);
	l.server = -1;
	fake_gate_open(&fake, "network: {carry: ['7001=127.0.0.1:7000']}\n");
	assert_int_equal(flows_socket(&fake.g, &s, listen_at("127.0.0.1", 7001, &port)), 0);
	for (int client_first = 0; client_first < 2; client_first++) {
		client = l.client = connect_to("127.0.0.1", 7001);
		assert_true(line_accept(&l, 3000));
		fake_gate_serve(&fake, 20);
		if (client_first)
			say(client, "GET / HTTP/1.1\r\nHost: any.test\r\n\r\n");
		say(l.server, "SSH-2.0-x\r\n");
		assert_string_equal(heard(client), "SSH-2.0-x\r\n");
		say(client, "HELO\r\n");
		close(l.server);
		l.server = -1;
		close(client);
		fake_gate_serve(&fake, 20);
		assert_int_equal(fake_gate_last(&fake)->flow.protocol,
				 client_first ? PROTOCOL_HTTP : PROTOCOL_SSH);
	}
	close(l.listener);
	fake_gate_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),	cmocka_unit_test(hello_in_bytes),
		cmocka_unit_test(server_leads), cmocka_unit_test(silence),
		cmocka_unit_test(slow_owner),	cmocka_unit_test(for_the_record),
	};

	return flow_bench_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
