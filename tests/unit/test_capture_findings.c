// SPDX-License-Identifier: Apache-2.0
/* What the detectors make of captures: relays between two flows of a host, shells by their prompts,
 * names by TCP, and networks in networks. What must be found, or not, is what the packets say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <netinet/in.h>

#include "base/clock.h"
#include "tests/unit/capture_bench.h"

#define MILLISECOND (NSEC_PER_SEC / 1000)
#define NOTHING (-1)
#define ETHERNET 1
#define COOKED 113
#define TO_US 0
#define FROM_US 4

static const struct packet_end far = { { 198, 51, 100, 7 }, 22 };
static const struct packet_end inner = { { 10, 0, 0, 9 }, 80 };

static void wait(struct bench *b, unsigned milliseconds)
{
	b->m.ns += milliseconds * MILLISECOND;
}

/* A connection, and how much each side has said. */
struct talk {
	struct packet_end from, to;
	uint32_t said[2];
};

static struct talk talk_open(struct bench *b, uint8_t host, uint16_t port,
			     const struct packet_end *to)
{
	struct talk t = { .from = { { 10, 0, 0, host }, port }, .to = *to };

	make_handshake(&b->m, &t.from, &t.to);
	return t;
}

static void say(struct bench *b, struct talk *t, bool back, const void *data, size_t size)
{
	uint32_t mine = 100 + t->said[0], other = 500 + t->said[1];

	make_tcp(&b->m, back ? &t->to : &t->from, back ? &t->from : &t->to, back ? other : mine,
		 back ? mine : other, PACKET_ACK, data, size);
	t->said[back] += (uint32_t)size;
}

static void say_text(struct bench *b, struct talk *t, bool back, const char *text)
{
	say(b, t, back, text, strlen(text));
}

/* As if encrypted. */
static void say_opaque(struct bench *b, struct talk *t, bool back, size_t size)
{
	static uint32_t state = 1;
	uint8_t bytes[4096];

	assert_true(size <= sizeof(bytes));
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
	say(b, t, back, bytes, size);
}

static struct talk ssh_open(struct bench *b, uint8_t host)
{
	struct talk t = talk_open(b, host, 40000, &far);

	say_text(b, &t, false, "SSH-2.0-OpenSSH_9.2\r\n");
	say_text(b, &t, true, "SSH-2.0-OpenSSH_9.2\r\n");
	for (int i = 0; i < 4; i++)
		say_opaque(b, &t, i % 2, 600);
	wait(b, 4000);
	return t;
}

/* A page of the inner server: `asked` and `told` bytes, each so long after the other flow's. */
static void inner_page(struct bench *b, uint8_t host, uint16_t port, size_t asked, size_t told,
		       unsigned lag)
{
	struct talk t = talk_open(b, host, port, &inner);
	char text[4096] = "GET / HTTP/1.1\r\nHost: inner.test\r\n\r\n";

	memset(text + strlen(text), 'x', asked - strlen(text));
	wait(b, lag);
	say(b, &t, false, text, asked);
	memset(text, 'x', told);
	memcpy(text, "HTTP/1.1 200 OK\r\n\r\n", 19);
	say(b, &t, true, text, told);
	make_end(&b->m, &t.from, &t.to, t.said[0], t.said[1]);
}

/* The worst that a detector says, or NOTHING. */
static int worst(const struct bench *b, const char *detector)
{
	const struct finding *f;
	int severity = NOTHING;

	for (size_t i = 0; (f = capture_finding(b->c, i)); i++)
		if (!strcmp(f->detector, detector) && (int)f->severity > severity)
			severity = (int)f->severity;
	return severity;
}

static const struct finding *found(const struct bench *b, const char *detector)
{
	const struct finding *f;

	for (size_t i = 0; (f = capture_finding(b->c, i)); i++)
		if (!strcmp(f->detector, detector) && (int)f->severity == worst(b, detector))
			return f;
	return NULL;
}

/* Somebody far browses the inner server through ssh: pages, each a connection of its own. */
struct visit {
	unsigned pages;
	size_t asked, told; /* of a page; ssh says 140 and 340 */
	unsigned lag;	    /* milliseconds between one flow and the other */
	uint8_t host;	    /* who asks the inner server: 10.0.0.host; ssh runs on 10.0.0.1 */
	uint32_t link;
	uint8_t way; /* of what that host sends, where the link tells */
};

static int browse(const struct visit *v)
{
	struct bench *b = bench_new(v->link);
	struct talk ssh;
	const struct finding *f;
	int severity;

	b->m.way = FROM_US;
	ssh = ssh_open(b, 1);
	b->m.way = v->way;
	for (unsigned i = 0; i < v->pages; i++) {
		say_opaque(b, &ssh, true, 140);
		inner_page(b, v->host, (uint16_t)(41000 + i), v->asked, v->told, v->lag);
		wait(b, v->lag);
		say_opaque(b, &ssh, false, 340);
		wait(b, 600);
	}
	bench_judge(b, 0);
	severity = worst(b, "tunnel");
	f = found(b, "tunnel");
	if (severity >= SEVERITY_MEDIUM) {
		assert_true(finding_has_sign(f, SIGN_RELAY));
		assert_int_equal(f->call, 1);
		assert_non_null(strstr(f->summary, "10.0.0.9 port 80, and back"));
	}
	bench_free(b);
	return severity;
}

static void a_relay_between_two_flows(void **state)
{
	static const struct visit visits[] = {
		{ 6, 100, 300, 0, 1, ETHERNET, 0 },
		{ 3, 100, 300, 0, 1, ETHERNET, 0 },
		{ 6, 100, 300, 40, 1, ETHERNET, 0 },
		{ 6, 100, 300, 0, 2, COOKED, FROM_US }, /* another address of the machine */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++)
		assert_int_equal(browse(&visits[i]), SEVERITY_HIGH);
}

static void what_is_no_relay(void **state)
{
	static const struct visit visits[] = {
		{ 2, 100, 300, 0, 1, ETHERNET, 0 },	  /* not often enough */
		{ 6, 100, 300, 60, 1, ETHERNET, 0 },	  /* too late */
		{ 6, 1000, 300, 0, 1, ETHERNET, 0 },	  /* more than was asked */
		{ 6, 100, 3000, 0, 1, ETHERNET, 0 },	  /* more than was told */
		{ 6, 100, 300, 0, 2, ETHERNET, FROM_US }, /* another host, as far as one knows */
		{ 6, 100, 300, 0, 2, COOKED, TO_US },	  /* another host */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(visits) / sizeof(visits[0]); i++)
		assert_true(browse(&visits[i]) <= SEVERITY_LOW);
}

/* The first exchange of two long connections is their whole life. */
static void one_long_copy(void **state)
{
	struct bench *b = bench_new(1);
	struct talk out, in;

	(void)state;
	out = talk_open(b, 1, 40000, &far);
	in = talk_open(b, 1, 40001, &inner);
	wait(b, 5000);
	say_opaque(b, &out, true, 100);
	say_opaque(b, &in, false, 90);
	for (int i = 0; i < 1000; i++) {
		say_opaque(b, &in, true, 1440);
		say_opaque(b, &out, false, 1446);
	}
	bench_judge(b, 0);
	assert_int_equal(worst(b, "tunnel"), SEVERITY_HIGH);
	bench_free(b);
}

/* Both never pause, as two calls by telephone do: what fits, fits by chance. */
static void streams_that_never_pause(void **state)
{
	struct bench *b = bench_new(1);
	struct talk one, other;

	(void)state;
	one = talk_open(b, 1, 40000, &far);
	other = talk_open(b, 1, 40001, &inner);
	for (int i = 0; i < 500; i++) {
		say_opaque(b, &one, true, 172);
		say_opaque(b, &other, false, 172);
		say_opaque(b, &other, true, 172);
		say_opaque(b, &one, false, 172);
		wait(b, 16);
	}
	bench_judge(b, 0);
	assert_true(worst(b, "tunnel") <= SEVERITY_LOW);
	bench_free(b);
}

/* A server that asks another one for what it is asked, as much and as soon. */
static void a_proxy_is_no_tunnel(void **state)
{
	static const struct packet_end proxy = { { 10, 0, 0, 1 }, 8080 };
	struct bench *b = bench_new(1);

	(void)state;
	for (uint16_t i = 0; i < 8; i++) {
		struct talk client = talk_open(b, 20, (uint16_t)(50000 + i), &proxy);

		say_text(b, &client, false, "GET / HTTP/1.1\r\nHost: inner.test\r\n\r\n");
		inner_page(b, 1, (uint16_t)(41000 + i), 60, 300, 0);
		say_text(b, &client, true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		wait(b, 500);
	}
	bench_judge(b, 0);
	assert_int_equal(worst(b, "tunnel"), NOTHING);
	bench_free(b);
}

/* What the far end says, line by line, and what comes of each. */
static int session(const char *line, const char *const *answers, size_t count, bool from_server)
{
	struct packet_end to = { { 198, 51, 100, 7 }, 4444 };
	struct bench *b = bench_new(1);
	struct talk t = talk_open(b, 1, 40000, &to);
	int severity;

	say_text(b, &t, from_server, answers[0]);
	wait(b, 4000);
	for (size_t i = 1; i < count; i++) {
		say_text(b, &t, !from_server, line);
		say_text(b, &t, from_server, answers[i]);
		wait(b, 900);
	}
	bench_judge(b, 0);
	severity = worst(b, "reverse_shell");
	bench_free(b);
	return severity;
}

static void a_shell_by_its_lines(void **state)
{
	static const char *const plain[] = { "$ ", "a\nb\n$ ", "c\n$ ", "d\n$ ", "e\n$ " };
	static const char *const coloured[] = { "\033[?2004h\033[1mroot# \033[0m",
						"ls -l\r\nx\r\n\033[1mroot# \033[0m",
						"ls -l\r\ny\r\n\033[1mroot# \033[0m",
						"ls -l\r\nz\r\n\033[1mroot# \033[0m" };
	static const char *const none[] = { "hello\n", "one\n", "two\n", "three\n", "four\n" };

	(void)state;
	assert_int_equal(session("id\n", plain, 5, false), SEVERITY_HIGH);
	assert_int_equal(session("id\n", coloured, 4, false), SEVERITY_HIGH);
	assert_int_equal(session("id\n", plain, 5, true), NOTHING);  /* telnet: the server's */
	assert_int_equal(session("id\n", plain, 2, false), NOTHING); /* for one line alone */
	assert_int_equal(session("ls -l\n", none, 5, false), SEVERITY_MEDIUM);
	assert_int_equal(session("uname; id\n", none, 5, false), SEVERITY_MEDIUM);
	assert_int_equal(session("ls -l\n", none, 5, true), NOTHING);
	assert_int_equal(session("How are you - and who?\n", none, 5, false), SEVERITY_LOW);
	assert_int_equal(session("PING :irc.test -x\n", none, 5, false), SEVERITY_LOW);
	assert_int_equal(session("ping\n", none, 5, false), SEVERITY_LOW);
}

static void names_by_tcp(void **state)
{
	static const char question[] =
		"\0\x22\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\4test\0\0\1\0\1";
	static const char answer[] =
		"\0\x32\x12\x34\x81\x80\0\1\0\1\0\0\0\0\3www\7example\4test\0\0\1"
		"\0\1\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc6\x33\x64\x07";
	static const struct packet_end resolver = { { 10, 0, 0, 53 }, 53 };
	struct bench *b = bench_new(1);
	struct talk t, web;

	(void)state;
	t = talk_open(b, 1, 50000, &resolver);
	for (int i = 0; i < 2; i++) { /* the second one with a length in two segments */
		say(b, &t, false, question, i ? 1 : 20);
		say(b, &t, false, question + (i ? 1 : 20), sizeof(question) - 1 - (i ? 1 : 20));
	}
	say(b, &t, true, answer, sizeof(answer) - 1);
	web = talk_open(b, 1, 40000, &far);
	say_text(b, &web, false, "GET / HTTP/1.1\r\n\r\n");
	bench_judge(b, 0);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->flows[0].last.protocol, PROTOCOL_DNS);
	assert_string_equal(b->flows[1].name, "www.example.test");
	bench_free(b);
}

/* A datacentre's networks: worth a word, no more. */
static void networks_in_networks(void **state)
{
	static const struct packet_end host = { { 10, 0, 0, 1 }, 40000 },
				       other = { { 10, 0, 0, 2 }, 4789 };
	static const uint8_t packet[28] = { 0x45, 0,	0,  28, 0, 0, 0,  0, 64, 17,
					    0x66, 0xcf, 10, 1,	0, 1, 10, 1, 0,	 2 };
	struct bench *b = bench_new(1);

	(void)state;
	for (int i = 0; i < 8; i++) {
		char vxlan[8 + 14 + sizeof(packet)] = { 8 };

		memcpy(vxlan + 22, packet, sizeof(packet));
		make_udp(&b->m, &host, &other, vxlan, sizeof(vxlan));
		packet_link(&b->m, 0x0800);
		packet_ip4(&b->m, &host, &other, IPPROTO_GRE, 4 + sizeof(packet), 0, 0);
		packet32(&b->m, 0x0800);
		packet_add(&b->m, packet, sizeof(packet));
		packet_end_record(&b->m);
	}
	bench_judge(b, 0);
	assert_int_equal(b->count, 2);
	for (size_t i = 0; i < b->count; i++)
		assert_int_equal(b->flows[i].last.signs.traits, 1u << FLOW_TRAIT_OVERLAY);
	assert_int_equal(worst(b, "tunnel"), SEVERITY_LOW);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_between_two_flows),
		cmocka_unit_test(what_is_no_relay),
		cmocka_unit_test(one_long_copy),
		cmocka_unit_test(streams_that_never_pause),
		cmocka_unit_test(a_proxy_is_no_tunnel),
		cmocka_unit_test(a_shell_by_its_lines),
		cmocka_unit_test(names_by_tcp),
		cmocka_unit_test(networks_in_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
