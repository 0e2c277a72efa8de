// SPDX-License-Identifier: Apache-2.0
/* The gate's flows, between clients and servers of the test in a network namespace of its own:
 * what is allowed passes byte for byte and end for end, what is not is reset before the server saw
 * a byte, budgets end at their limits, a new policy cuts what it no longer allows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/clock.h"
#include "flow_bench.h"
#include "gate/flow_event.h"

static char block[1 << 20];

static void passes(void **state)
{
	struct line l = line_open(ANY);
	const struct fake_event *e;

	fake.asked_by = 2;
	say(l.client, "hello there\n");
	assert_true(line_accept(&l, 3000));
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
	assert_true(line_accept(&l, 3000));
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
	assert_true(line_accept(&l, 3000));
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

	assert_true(line_accept(&l, 3000));
	memset(block, 'a', sizeof(block));
	for (int idle = 0; idle < 5;) {
		n = send(l.client, block, sizeof(block), MSG_NOSIGNAL);
		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		fake_gate_serve(&fake, 5);
		assert_true(sent < (100u << 20));
	}
	shutdown(l.client, SHUT_WR);
	for (int idle = 0; idle < 20;) {
		n = recv(l.server, block, sizeof(block), 0);
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
	assert_true(line_accept(&l, 3000));
	line_close(&l);
}

static void narrowed(void **state)
{
	struct line l = line_open("{host: a.test}, {host: '*.test'}, {host: 127.0.0.0/8}");
	uint32_t kept, cut;

	say(l.client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_true(line_accept(&l, 3000));
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
	assert_true(line_accept(&l, 3000));
	fake_gate_policy(&fake, "network: {allow: [{host: a.test}]}\n", &kept, &cut);
	assert_int_equal(cut, 1);
	assert_string_equal(fake_gate_last(&fake)->reason, "loopback");
	line_close(&l);
}

/* A server whose queue is full answers nothing; the next address is tried meanwhile. */
static void stagger(void **state)
{
	struct line l = line_open("{host: a.test}, {host: 127.0.0.0/8}, {host: '::1'}");
	int deaf, queued[4];
	uint16_t port;

	deaf = listen_at("::1", INSIDE_PORT, &port);
	assert_int_equal(listen(deaf, 0), 0);
	for (int i = 0; i < 4; i++)
		queued[i] = connect_to("::1", INSIDE_PORT);
	memset(&fake.answers[1][1], 0, 16);
	fake.answers[1][1].bytes[15] = 1;
	fake.answer_counts[1] = 2;
	say(l.client, "x");
	assert_false(line_accept(&l, 150));
	assert_true(line_accept(&l, 3000));
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake_gate_last(&fake)->flow.out_address[12], 127);
	line_close(&l);
	for (int i = 0; i < 4; i++)
		close(queued[i]);
	close(deaf);
}

/* A program that closes and goes while the outside keeps its end open. */
static void lingers(void **state)
{
	struct line l = line_open(ANY);

	say(l.client, "x");
	assert_true(line_accept(&l, 3000));
	close(l.client);
	l.client = -1;
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "x");
	assert_string_equal(heard(l.server), "END");
	assert_int_equal(fake.event_count, 1);
	fake_gate_close(&fake);
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_ENDED);
	close(l.server);
	close(l.listener);

	/* what still comes from there ends it */
	l = line_open(ANY);
	say(l.client, "x");
	assert_true(line_accept(&l, 3000));
	close(l.client);
	l.client = -1;
	fake_gate_serve(&fake, 20);
	say(l.server, "too late");
	fake_gate_serve(&fake, 20);
	assert_int_equal(fake.event_count, 2);
	assert_string_equal(fake_gate_last(&fake)->reason, "reset inside");
	line_close(&l);
}

static void lives(void **state)
{
	struct line l = line_open(ANY);
	struct timer *minute;
	uint64_t now;

	say(l.client, "x");
	assert_true(line_accept(&l, 3000));
	fake_gate_serve(&fake, 20);
	minute = &flows_first(&fake.g)->minute;
	now = clock_mono_ns();
	assert_in_range(minute->at, now + 50 * NSEC_PER_SEC, now + 60 * NSEC_PER_SEC);
	for (unsigned n = 1; n <= 3; n++) {
		timer_set(&fake.g.timers, minute, n); /* as if it were over */
		timers_serve(&fake.g.timers, now);
		assert_in_range(minute->at, now + 60 * NSEC_PER_SEC, now + 65 * NSEC_PER_SEC);
		assert_int_equal(fake.event_count, n + 1);
		assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_LIVES);
		assert_int_equal(fake_gate_last(&fake)->flow.bytes_up, 1);
	}
	line_close(&l);
}

/* What each side sends in one direction: a running sequence, whose end comes at a random place. */
struct stream {
	int from, to;
	size_t sent, got, size;
	bool over;
};

static bool stream_step(struct stream *s)
{
	size_t most = (size_t)random() % 70000 + 1;
	ssize_t n;

	for (size_t i = 0; i < most; i++)
		block[i] = (char)((s->sent + i) % 251);
	if (most > s->size - s->sent)
		most = s->size - s->sent;
	n = most ? send(s->from, block, most, MSG_NOSIGNAL) : 0;
	s->sent += n > 0 ? (size_t)n : 0;
	if (s->sent == s->size && !s->over) {
		shutdown(s->from, SHUT_WR);
		s->over = true;
	}
	n = recv(s->to, block, (size_t)random() % 70000 + 1, 0);
	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(block[i], (char)((s->got + (size_t)i) % 251));
	s->got += n > 0 ? (size_t)n : 0;
	return n == 0;
}

/* Whatever sizes, pauses and buffers: every byte in its place, every end behind the last. */
static void any_traffic(void **state)
{
	srandom(5);
	for (int round = 0; round < 12; round++) {
		struct line l = line_open(ANY);
		int small = 100000;
		struct stream up, down;
		bool up_over = false, down_over = false;

		say(l.client, "x");
		assert_true(line_accept(&l, 3000));
		fake_gate_serve(&fake, 5);
		assert_string_equal(heard(l.server), "x");
		if (round % 2)
			setsockopt(l.server, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		up = (struct stream){ .from = l.client, .to = l.server };
		down = (struct stream){ .from = l.server, .to = l.client };
		up.size = (size_t)random() % 3000000;
		down.size = (size_t)random() % 3000000;
		for (int step = 0; step < 20000 && !(up_over && down_over); step++) {
			up_over = up_over || stream_step(&up);
			down_over = down_over || stream_step(&down);
			if (random() % 4)
				fake_gate_serve(&fake, 0);
			else
				fake_gate_serve(&fake, 1);
		}
		assert_true(up_over && down_over);
		assert_int_equal(up.got, up.size);
		assert_int_equal(down.got, down.size);
		fake_gate_serve(&fake, 20);
		assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_ENDED);
		assert_int_equal(fake_gate_last(&fake)->flow.bytes_up, up.size + 1);
		assert_int_equal(fake_gate_last(&fake)->flow.bytes_down, down.size);
		line_close(&l);
	}
}

/* A socket of a host whose queue is full is tried again. */
static void carried(void **state)
{
	struct gate_socket s = { .kind = GATE_SOCKET_CARRY };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/tmp/weir-test-flow" };
	int deaf = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), clients[4], fd;
	uint16_t port;

	unlink(un.sun_path);
	assert_int_equal(bind(deaf, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(deaf, 0), 0);
	fake_gate_open(&fake,
		       "network: {carry: ['7001=unix:/tmp/weir-test-flow', '127.0.0.1:1']}\n");
	assert_int_equal(flows_socket(&fake.g, &s, listen_at("127.0.0.1", 7001, &port)), 0);
	s.a = 1;
	assert_int_equal(flows_socket(&fake.g, &s, listen_at("127.0.0.1", 7002, &port)), 0);
	s.a = 2;
	fd = listen_at("127.0.0.1", 7003, &port);
	assert_true(flows_socket(&fake.g, &s, fd) < 0);
	for (int i = 0; i < 3; i++)
		clients[i] = connect_to("127.0.0.1", 7001);
	fake_gate_serve(&fake, 30);
	for (int i = 0; i < 3; i++) {
		fd = accept4(deaf, NULL, NULL, SOCK_CLOEXEC);
		assert_true(fd >= 0);
		close(fd);
		fake_gate_serve(&fake, 50);
		assert_string_equal(heard(clients[i]), "END");
		close(clients[i]);
	}
	clients[3] = connect_to("127.0.0.1", 7002);
	fake_gate_serve(&fake, 30);
	assert_string_equal(heard(clients[3]), "RESET");
	close(clients[3]);
	assert_string_equal(fake_gate_last(&fake)->name, "127.0.0.1:1");
	fake_gate_close(&fake);
	assert_int_equal(fake.notices, 1);
	assert_string_equal(fake.notice, "carried socket 1: 1 of 1 connections did not reach "
					 "127.0.0.1:1: Connection refused");
	close(deaf);
	unlink(un.sun_path);
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

/* What the reader learns is told soon, together, and the flow is still what it was. */
static void news(void **state)
{
	struct line l = line_open(ANY);
	const struct fake_event *e;

	(void)state;
	say(l.client, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n");
	assert_true(line_accept(&l, 3000));
	fake_gate_serve(&fake, 20);
	say(l.server, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1\",2]}\n");
	fake_gate_serve(&fake, 100);
	assert_int_equal(fake.event_count, 1);
	fake_gate_serve(&fake, 400);
	e = fake_gate_last(&fake);
	assert_int_equal(fake.event_count, 2);
	assert_int_equal(e->flow.state, FLOW_LIVES);
	assert_int_equal(e->flow.protocol, PROTOCOL_STRATUM);
	assert_int_equal(e->flow.signs.traits,
			 1u << FLOW_TRAIT_STRATUM_ASKED | 1u << FLOW_TRAIT_STRATUM_PUSHED);
	assert_int_equal(e->flow.signs.turns[OUTSIDE], 1);
	say(l.server, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"2\",2]}\n");
	fake_gate_serve(&fake, 400);
	assert_int_equal(fake.event_count, 2);
	line_close(&l);
}

/* What is told between the minutes has an end. */
static void news_at_the_limit(void **state)
{
	struct gate g = { .begun = false };
	struct timer minute = { .due = NULL };
	uint64_t hour = clock_mono_ns() + 3600 * NSEC_PER_SEC;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 25; i++) {
		assert_int_equal(timer_set(&g.timers, &minute, hour), 0);
		flow_event_soon(&g, &minute, &count);
		assert_int_equal(minute.at < hour, i < 20);
	}
	timer_stop(&g.timers, &minute);
	flow_event_soon(&g, &minute, &count); /* a flow that is over */
	assert_int_equal(minute.place, 0);
	timers_free(&g.timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes),
		cmocka_unit_test(resets),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(holds_back),
		cmocka_unit_test(refused),
		cmocka_unit_test(many_answers),
		cmocka_unit_test(narrowed),
		cmocka_unit_test(resolver),
		cmocka_unit_test(stagger),
		cmocka_unit_test(lives),
		cmocka_unit_test(lingers),
		cmocka_unit_test(any_traffic),
		cmocka_unit_test(carried),
		cmocka_unit_test(news),
		cmocka_unit_test(news_at_the_limit),
	};

	return flow_bench_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
