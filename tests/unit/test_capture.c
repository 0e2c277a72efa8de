// SPDX-License-Identifier: Apache-2.0
/* Captures from packets to flows (src/capture/capture.h), of packets made by hand. What the flows
 * must be is what the packets are made to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <errno.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "flow/fragments.h"
#include "tests/unit/capture_bench.h"

static const struct packet_end inside = { { 10, 0, 0, 1 }, 40000 };
static const struct packet_end outside = { { 198, 51, 100, 7 }, 80 };
static const struct packet_end resolver = { { 10, 0, 0, 53 }, 53 };

static const char request[] = "GET /path HTTP/1.1\r\nHost: www.example.test\r\n\r\n";
#define REQUEST (sizeof(request) - 1)

static void a_connection_over_every_link(void **state)
{
	static const uint32_t links[] = { 1, 113, 276, 0, 108, 12, 14, 101, 228 };

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct bench *b = bench_new(links[i]);

		make_handshake(&b->m, &inside, &outside);
		make_tcp(&b->m, &inside, &outside, 100, 500, PACKET_ACK, request, REQUEST);
		make_tcp(&b->m, &outside, &inside, 500, 100 + REQUEST, PACKET_ACK,
			 "HTTP/1.1 200 OK", 15);
		make_end(&b->m, &inside, &outside, REQUEST, 15);
		bench_judge(b, 0);
		assert_int_equal(b->count, 1);
		assert_int_equal(b->flows->last.state, FLOW_ENDED);
		assert_int_equal(b->flows->last.error, 0);
		assert_int_equal(b->flows->last.bytes_up, REQUEST);
		assert_int_equal(b->flows->last.bytes_down, 15);
		assert_int_equal(b->flows->last.packets_up, 5);
		assert_int_equal(b->flows->last.packets_down, 3);
		assert_int_equal(b->flows->last.port, 80);
		assert_int_equal(b->flows->last.protocol, PROTOCOL_HTTP);
		assert_string_equal(b->flows->detail, "www.example.test GET /path");
		assert_int_equal(b->flows->last.h.call, 1);
		assert_memory_equal(capture_host(b->c, 1) + 12, inside.address, 4);
		assert_null(capture_host(b->c, 2));
		bench_free(b);
	}
}

static void tags_are_passed_by(void **state)
{
	static const uint8_t frame[] = { 0, 0,	  0,	0, 0, 0,    0, 0, 0, 0,	   0,
					 0, 0x88, 0xa8, 0, 5, 0x81, 0, 0, 7, 0x08, 0 };
	struct bench *b = bench_new(1);

	(void)state;
	packet_add(&b->m, frame, sizeof(frame));
	packet_ip4(&b->m, &inside, &outside, IPPROTO_UDP, 8 + 3, 0, 0);
	packet_udp_header(&b->m, &inside, &outside, 3);
	packet_add(&b->m, "abc", 3);
	packet_end_record(&b->m);
	packet_add(&b->m, frame, sizeof(frame) - 2);
	packet16(&b->m, 0x0806); /* ARP */
	packet_end_record(&b->m);
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->flows->last.bytes_up, 3);
	assert_int_equal(capture_counts(b->c)->other, 1);
	bench_free(b);
}

static void a_link_that_is_not_read_is_named(void **state)
{
	struct bench *b = bench_new(105);

	(void)state;
	make_udp(&b->m, &inside, &outside, "abc", 3);
	bench_judge(b, 0);
	assert_int_equal(b->count, 0);
	assert_int_equal(capture_counts(b->c)->unknown_link, 1);
	assert_int_equal(capture_counts(b->c)->links[0], 105);
	bench_free(b);
}

/* Fragments of a datagram that says 0, 1, 2, … in words of 16 bits. */
#define WHOLE 3000

static void fragment4(struct packet_maker *m, unsigned id, size_t at, size_t size, bool more)
{
	uint8_t whole[8 + WHOLE] = { 0 };

	whole[0] = (uint8_t)(inside.port >> 8);
	whole[1] = (uint8_t)inside.port;
	whole[3] = 99;
	packet_link(m, 0x0800);
	packet_ip4(m, &inside, &outside, IPPROTO_UDP, size, id,
		   (more ? 0x2000u : 0) | (unsigned)(at / 8));
	packet_add(m, whole + (at < sizeof(whole) ? at : 0), size);
	packet_end_record(m);
}

static void fragments_make_a_packet(void **state)
{
	struct bench *b = bench_new(1);

	(void)state;
	fragment4(&b->m, 1, 2000, WHOLE + 8 - 2000, false); /* the last one first */
	fragment4(&b->m, 1, 0, 1024, true);
	fragment4(&b->m, 1, 0, 1024, true);    /* twice */
	fragment4(&b->m, 1, 512, 1488, true);  /* over what is there */
	fragment4(&b->m, 2, 0, 1024, true);    /* never whole */
	fragment4(&b->m, 3, 65528, 100, true); /* longer than there can be */
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->flows->last.bytes_up, WHOLE);
	assert_int_equal(b->flows->last.packets_up, 1);
	assert_int_equal(b->flows->last.port, 99);
	assert_int_equal(capture_counts(b->c)->fragments_lost, 2);
	bench_free(b);
}

static void fragments_of_the_next_generation(void **state)
{
	struct bench *b = bench_new(229);

	(void)state;
	for (int last = 0; last < 2; last++) {
		packet_ip6(&b->m, &inside, &outside, 0, 8 + 8 + 16); /* hop-by-hop before it */
		packet_byte(&b->m, 44);
		packet_add(&b->m, "\0\1\4\0\0\0\0", 7);
		packet_byte(&b->m, IPPROTO_UDP);
		packet_byte(&b->m, 0);
		packet16(&b->m, last ? 16 : 1);
		packet32(&b->m, 77);
		if (!last)
			packet_udp_header(&b->m, &inside, &outside, 24);
		packet_add(&b->m, "0123456789abcdef", last ? 16 : 8);
		packet_end_record(&b->m);
	}
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->flows->last.bytes_up, 24);
	assert_int_equal(b->flows->last.from[0], 0x20);
	bench_free(b);
}

/* The eldest gives way, and what is given way for is whole all the same. */
static void fragments_have_a_limit(void **state)
{
	struct bench *b = bench_new(1);

	(void)state;
	for (unsigned i = 0; i <= FRAGMENTED_MAX; i++)
		fragment4(&b->m, i, 0, 1504, true);
	for (unsigned i = FRAGMENTED_MAX + 1; i-- > 0;)
		fragment4(&b->m, i, 1504, WHOLE + 8 - 1504, false);
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->flows->last.packets_up, FRAGMENTED_MAX);
	bench_free(b);
}

static void attempts_that_fail(void **state)
{
	static const struct packet_end closed = { { 198, 51, 100, 7 }, 81 },
				       silent = { { 198, 51, 100, 8 }, 82 },
				       dead = { { 198, 51, 100, 9 }, 83 };
	struct bench *b = bench_new(1);

	(void)state;
	make_tcp(&b->m, &inside, &closed, 99, 0, PACKET_SYN, "", 0);
	make_tcp(&b->m, &closed, &inside, 0, 100, PACKET_RST | PACKET_ACK, "", 0);
	make_tcp(&b->m, &inside, &silent, 99, 0, PACKET_SYN, "", 0);
	make_tcp(&b->m, &inside, &silent, 99, 0, PACKET_SYN, "", 0);
	make_tcp(&b->m, &inside, &dead, 99, 0, PACKET_SYN, "", 0);
	packet_link(&b->m, 0x0800); /* a router: no such host */
	packet_ip4(&b->m, &resolver, &inside, IPPROTO_ICMP, 8 + 28, 0, 0);
	packet32(&b->m, 0x03010000);
	packet32(&b->m, 0);
	packet_ip4(&b->m, &inside, &dead, IPPROTO_TCP, 20, 0, 0);
	packet16(&b->m, inside.port);
	packet16(&b->m, dead.port);
	packet32(&b->m, 99);
	packet_end_record(&b->m);
	bench_judge(b, 0);
	assert_int_equal(b->count, 3);
	assert_int_equal(b->flows[0].last.error, ECONNREFUSED);
	assert_int_equal(b->flows[1].last.error, ETIMEDOUT);
	assert_int_equal(b->flows[1].last.packets_up, 2);
	assert_int_equal(b->flows[2].last.error, EHOSTUNREACH);
	for (int i = 0; i < 3; i++)
		assert_int_equal(b->flows[i].last.state, FLOW_CUT);
	bench_free(b);
}

/* Who answered is not asked again: an error about a living connection may be anybody's. */
static void a_forged_error_ends_nothing(void **state)
{
	struct bench *b = bench_new(1);

	(void)state;
	make_handshake(&b->m, &inside, &outside);
	packet_link(&b->m, 0x0800);
	packet_ip4(&b->m, &resolver, &inside, IPPROTO_ICMP, 8 + 28, 0, 0);
	packet32(&b->m, 0x03030000);
	packet32(&b->m, 0);
	packet_ip4(&b->m, &inside, &outside, IPPROTO_TCP, 20, 0, 0);
	packet16(&b->m, inside.port);
	packet16(&b->m, outside.port);
	packet32(&b->m, 99);
	packet_end_record(&b->m);
	make_tcp(&b->m, &outside, &inside, 0x40000000, 100, PACKET_RST, "",
		 0); /* out of its window */
	make_tcp(&b->m, &inside, &outside, 100, 500, PACKET_ACK, request, REQUEST);
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->flows->last.state, FLOW_LIVES);
	assert_int_equal(b->flows->last.bytes_up, REQUEST);
	bench_free(b);
}

static void a_capture_that_begins_in_the_middle(void **state)
{
	struct bench *b = bench_new(1);

	(void)state;
	make_tcp(&b->m, &outside, &inside, 5000, 100, PACKET_ACK, "the middle of an answer", 23);
	make_tcp(&b->m, &inside, &outside, 100, 5023, PACKET_ACK, request, REQUEST);
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->flows->last.from_port, inside.port); /* the higher one opened */
	assert_int_equal(b->flows->last.bytes_down, 23);
	assert_true(b->flows->last.signs.traits & 1u << FLOW_TRAIT_MIDSTREAM);
	bench_free(b);
}

static void ends_that_are_used_again_are_another_flow(void **state)
{
	struct bench *b = bench_new(1);

	(void)state;
	for (int i = 0; i < 3; i++) {
		make_handshake(&b->m, &inside, &outside);
		make_tcp(&b->m, &inside, &outside, 100, 500, PACKET_ACK, request, REQUEST);
		if (i != 1)
			make_end(&b->m, &inside, &outside, REQUEST, 0);
	}
	/* the second one had not ended, but what it said before its handshake came again */
	bench_judge(b, 0);
	assert_int_equal(b->count, 3);
	for (size_t i = 0; i < b->count; i++)
		assert_int_equal(b->flows[i].last.bytes_up, REQUEST);
	bench_free(b);
}

static void a_name_server_names(void **state)
{
	static const char question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\4test\0\0\1\0\1";
	static const char answer[] =
		"\x12\x34\x81\x80\0\1\0\2\0\0\0\0\3www\7example\4test\0\0\1\0\1"
		"\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x10"
		"\xc0\x10\0\1\0\1\0\0\0\1\0\4\xc6\x33\x64\x07";
	struct packet_end asker = inside;
	struct bench *b = bench_new(1);

	(void)state;
	asker.port = 50000;
	make_udp(&b->m, &asker, &resolver, question, sizeof(question) - 1);
	make_udp(&b->m, &resolver, &asker, answer, sizeof(answer) - 1);
	make_handshake(&b->m, &inside, &outside);
	make_tcp(&b->m, &inside, &outside, 100, 500, PACKET_ACK, request, REQUEST);
	bench_judge(b, 0);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->flows[0].last.protocol, PROTOCOL_DNS);
	assert_string_equal(b->flows[1].name, "www.example.test");
	bench_free(b);
}

static void echo(struct packet_maker *m, bool request_, const char *text)
{
	packet_link(m, 0x0800);
	packet_ip4(m, request_ ? &inside : &outside, request_ ? &outside : &inside, IPPROTO_ICMP,
		   8 + strlen(text), 0, 0);
	packet32(m, request_ ? 0x08000000 : 0);
	packet32(m, 0x12340001);
	packet_add(m, text, strlen(text));
	packet_end_record(m);
}

static void an_echo_that_says_something_of_its_own(void **state)
{
	(void)state;
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		struct bench *b = bench_new(1);

		for (int i = 0; i < 3; i++) {
			echo(&b->m, true, "0123456789");
			echo(&b->m, false, tunnel ? "another thing" : "0123456789");
		}
		bench_judge(b, 0);
		assert_int_equal(b->count, 1);
		assert_int_equal(b->flows->last.transport, IPPROTO_ICMP);
		assert_int_equal(b->flows->last.signs.traits >> FLOW_TRAIT_PACKETS & 1, tunnel);
		bench_free(b);
	}
}

/* More flows than there is memory for: what is given up is told as what it was. */
static void memory_has_a_limit(void **state)
{
	const struct capture_counts *n;
	struct packet_end from = inside;
	struct bench *b = bench_new(1);

	(void)state;
	for (int i = 0; i < 3000; i++) {
		from.port = (uint16_t)(10000 + i);
		make_handshake(&b->m, &from, &outside);
		make_tcp(&b->m, &from, &outside, 100, 500, PACKET_ACK, request, REQUEST);
	}
	bench_judge(b, 1u << 20);
	n = capture_counts(b->c);
	assert_int_equal(n->flows, 3000);
	assert_true(n->given_up > 500 && n->given_up < 3000);
	assert_int_equal(b->count, 1000); /* the table's limit */
	assert_int_equal(n->flows_dropped, 2000);
	for (size_t i = 0; i < b->count; i++)
		assert_int_equal(b->flows[i].last.bytes_up, REQUEST);
	bench_free(b);
}

static void time_never_goes_back(void **state)
{
	struct bench *b = bench_new(1);

	(void)state;
	make_handshake(&b->m, &inside, &outside);
	b->m.ns -= 3600 * NSEC_PER_SEC;
	make_tcp(&b->m, &inside, &outside, 100, 500, PACKET_ACK, request, REQUEST);
	bench_judge(b, 0);
	assert_int_equal(b->count, 1);
	assert_int_equal(capture_counts(b->c)->backwards, 1);
	assert_true(b->flows->last.h.mono_ns >= b->flows->last.started_mono_ns);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_over_every_link),
		cmocka_unit_test(tags_are_passed_by),
		cmocka_unit_test(a_link_that_is_not_read_is_named),
		cmocka_unit_test(fragments_make_a_packet),
		cmocka_unit_test(fragments_of_the_next_generation),
		cmocka_unit_test(fragments_have_a_limit),
		cmocka_unit_test(attempts_that_fail),
		cmocka_unit_test(a_forged_error_ends_nothing),
		cmocka_unit_test(a_capture_that_begins_in_the_middle),
		cmocka_unit_test(ends_that_are_used_again_are_another_flow),
		cmocka_unit_test(a_name_server_names),
		cmocka_unit_test(an_echo_that_says_something_of_its_own),
		cmocka_unit_test(memory_has_a_limit),
		cmocka_unit_test(time_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
