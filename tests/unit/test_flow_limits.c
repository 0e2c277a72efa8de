// SPDX-License-Identifier: Apache-2.0
/* The limits of the gate's flows, each tried at the limit: a rule's bytes and connections, flows at
 * once, what an idle flow holds. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "flow_bench.h"

static char block[64];

static void budget_of_bytes(void **state)
{
	struct line l = line_open("{host: a.test, bytes: 100B}, {host: 127.0.0.0/8}");

	memset(block, 'b', 60);
	block[60] = 0;
	say(l.client, block);
	assert_true(line_accept(&l, 3000));
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
	memset(block, 'b', 60);
	block[60] = 0;
	say(l.client, block);
	assert_true(line_accept(&l, 3000));
	shutdown(l.client, SHUT_WR);
	close(l.server);
	l.server = -1;
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake_gate_last(&fake)->flow.bytes_up, 60);
	line_close(&l);

	/* more at once than is left */
	l = line_open("{host: a.test, bytes: 10B}, {host: 127.0.0.0/8}");
	say(l.client, "0123456789abc");
	assert_true(line_accept(&l, 3000));
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
	assert_true(line_accept(&l, 3000));
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

#define IDLE 500

/* What an idle flow costs the gate, opened from both sides and with something said. */
static void idle_flows(void **state)
{
	struct line l = line_open(ANY);
	static int clients[IDLE], servers[IDLE];
	size_t before, each;

	say(l.client, "x"); /* not one of those that follow */
	assert_true(line_accept(&l, 3000));
	before = mallinfo2().uordblks;
	for (int i = 0; i < IDLE; i++) {
		struct line one = { .listener = l.listener, .server = -1 };

		clients[i] = connect_to(NAME1, INSIDE_PORT);
		assert_int_equal(send(clients[i], "hello", 5, 0), 5);
		assert_true(line_accept(&one, 3000));
		servers[i] = one.server;
	}
	each = (mallinfo2().uordblks - before) / IDLE;
	print_message("# an idle flow: %zu bytes\n", each);
	assert_true(each < 1536);
	for (int i = 0; i < IDLE; i++) {
		close(clients[i]);
		close(servers[i]);
	}
	fake_gate_serve(&fake, 300);
	assert_int_equal(fake.event_count, 2 * IDLE + 1);
	line_close(&l);
}

/* At the limit the next is reset and told; when one ends, there is room again. */
static void too_many(void **state)
{
	enum { MOST = (800 - 256) / 2 };
	static int clients[MOST];
	struct rlimit before, files;
	struct line l;
	int next;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	files = before;
	files.rlim_cur = 800;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	l = line_open(ONLY("tls"));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < MOST - 1; i++)
		clients[i] = connect_to(NAME1, INSIDE_PORT);
	fake_gate_serve(&fake, 100);
	assert_int_equal(fake.event_count, 0);
	next = connect_to(NAME1, INSIDE_PORT);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(next), "RESET");
	assert_string_equal(fake_gate_last(&fake)->reason, "too many flows at once");
	close(next);
	close(clients[0]);
	fake_gate_serve(&fake, 20);
	next = connect_to(NAME1, INSIDE_PORT);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(next), "");
	close(next);
	for (int i = 1; i < MOST - 1; i++)
		close(clients[i]);
	line_close(&l);
}

#define STUCK 8

/* Servers that read nothing: what lies in the kernel is bounded, and it is those with the most that
 * are cut. */
static void stuck(void **state)
{
	static char much[1 << 18];
	struct line l = line_open(ANY);
	int clients[STUCK], servers[STUCK];
	const char *seen;
	size_t before;

	say(l.client, "x"); /* not one of those that follow */
	assert_true(line_accept(&l, 3000));
	for (int i = 0; i < STUCK; i++) {
		struct line one = { .listener = l.listener, .server = -1 };

		clients[i] = connect_to(NAME1, INSIDE_PORT);
		assert_int_equal(send(clients[i], "hello", 5, 0), 5);
		assert_true(line_accept(&one, 3000));
		servers[i] = one.server;
		fake_gate_serve(&fake, 60);
		assert_string_equal(heard(servers[i]), "hello");
	}
	for (int turn = 0; turn < 30; turn++)
		for (int i = 1; i < STUCK; i++) {
			send(clients[i], much, sizeof(much), MSG_NOSIGNAL);
			fake_gate_serve(&fake, 1);
		}
	for (struct flow *f = flows_first(&fake.g); f; f = f->next)
		assert_in_range(pair_waiting(&f->pair), 0, 1 << 20);
	before = fake.event_count;
	flows_relieve(&fake.g, 1 << 30, 1 << 30);
	flows_relieve(&fake.g, 1 << 20, 1 << 30);
	assert_int_equal(fake.event_count, before); /* less of each, none is cut */
	flows_relieve(&fake.g, 1 << 20, 1 << 20);
	assert_in_range(fake.event_count, before + 3, before + STUCK - 1);
	assert_int_equal(fake_gate_last(&fake)->flow.error, ENOBUFS);
	assert_string_equal(heard(clients[0]), ""); /* the one that did nothing lives */
	assert_int_equal(send(clients[0], "still", 5, MSG_NOSIGNAL), 5);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(servers[0]), "still");
	seen = heard(clients[1]);
	assert_true(strcmp(seen, "RESET") == 0 || strcmp(seen, "") == 0);
	for (int i = 0; i < STUCK; i++) {
		close(clients[i]);
		close(servers[i]);
	}
	line_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_of_bytes), cmocka_unit_test(budget_of_connections),
		cmocka_unit_test(idle_flows),	   cmocka_unit_test(too_many),
		cmocka_unit_test(stuck),
	};

	return flow_bench_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
