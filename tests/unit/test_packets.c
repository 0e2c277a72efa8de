// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/gate/packets.c and packet_*.c: flows of network.veth, made of packets that are
 * written here byte by byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "base/clock.h"
#include "flow_bench.h"
#include "gate/packet.h"

#define FIN SEGMENT_FIN
#define SYN SEGMENT_SYN
#define RST SEGMENT_RST
#define ACK SEGMENT_ACK
#define HEADERS 40

static struct packets *packets;

static int setup(void **state)
{
	fake_gate_open(&fake, "network: {veth: true, allow: [{host: 198.51.100.7}]}\n");
	assert_int_equal(packets_open(&fake.g), 0);
	packets = fake.g.packets;
	packets->now_ns = clock_mono_ns();
	return 0;
}

static int teardown(void **state)
{
	packets_close(&fake.g, "the run is over");
	fake_gate_close(&fake);
	return 0;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

/* IPv4 between 100.127.240.2 and 198.51.100.7. */
static void put_ip(uint8_t *at, enum meter_side side, uint8_t protocol, size_t size)
{
	static const uint8_t ends[2][4] = { { 100, 127, 240, 2 }, { 198, 51, 100, 7 } };

	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, (uint16_t)size);
	at[9] = protocol;
	memcpy(at + 12, ends[side], 4);
	memcpy(at + 16, ends[!side], 4);
}

struct sent {
	uint16_t port; /* inside; 443 outside */
	uint8_t flags;
	uint32_t sequence, acknowledged;
	const char *text;
};

static void tcp(enum meter_side side, struct sent s)
{
	uint8_t bytes[2048];
	size_t length = s.text ? strlen(s.text) : 0;

	put_ip(bytes, side, IPPROTO_TCP, HEADERS + length);
	memset(bytes + 20, 0, 20);
	put16(bytes + 20, side == INSIDE ? s.port : 443);
	put16(bytes + 22, side == INSIDE ? 443 : s.port);
	put32(bytes + 24, s.sequence);
	put32(bytes + 28, s.acknowledged);
	bytes[32] = 0x50;
	bytes[33] = s.flags;
	if (length)
		memcpy(bytes + HEADERS, s.text, length);
	packet_arrived(packets, (struct octets){ bytes, HEADERS + length, HEADERS + length }, side);
}

static void udp(enum meter_side side, uint16_t port, size_t length)
{
	uint8_t bytes[2048] = { 0 };
	size_t size = 28 + length;

	put_ip(bytes, side, IPPROTO_UDP, size);
	put16(bytes + 20, side == INSIDE ? port : 53);
	put16(bytes + 22, side == INSIDE ? 53 : port);
	put16(bytes + 24, (uint16_t)(8 + length));
	packet_arrived(packets, (struct octets){ bytes, size, size }, side);
}

static void open_connection(uint16_t port)
{
	tcp(INSIDE, (struct sent){ port, SYN, 99, 0, NULL });
	tcp(OUTSIDE, (struct sent){ port, SYN | ACK, 499, 100, NULL });
	tcp(INSIDE, (struct sent){ port, ACK, 100, 500, NULL });
}

static void assert_last(enum flow_state state, uint64_t up, uint64_t down, int error)
{
	const struct event_flow *f = &fake_gate_last(&fake)->flow;

	assert_int_equal(f->state, state);
	assert_int_equal(f->bytes_up, up);
	assert_int_equal(f->bytes_down, down);
	assert_int_equal(f->error, error);
}

static void a_connection(void **state)
{
	const struct fake_event *e;

	tcp(INSIDE, (struct sent){ 1024, SYN, 99, 0, NULL });
	assert_int_equal(fake.event_count, 0);
	tcp(OUTSIDE, (struct sent){ 1024, SYN | ACK, 499, 100, NULL });
	assert_last(FLOW_OPENED, 0, 0, 0);
	tcp(INSIDE, (struct sent){ 1024, ACK, 100, 500, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n" });
	tcp(OUTSIDE, (struct sent){ 1024, ACK, 500, 132, "HTTP/1.1 200 OK\r\n\r\n" });
	tcp(OUTSIDE, (struct sent){ 1024, FIN | ACK, 519, 132, NULL });
	tcp(INSIDE, (struct sent){ 1024, FIN | ACK, 132, 520, NULL });
	tcp(OUTSIDE, (struct sent){ 1024, ACK, 520, 133, NULL });
	assert_last(FLOW_ENDED, 32, 19, 0);
	e = fake_gate_last(&fake);
	assert_int_equal(e->flow.protocol, PROTOCOL_HTTP);
	assert_int_equal(e->flow.packets_up, 3);
	assert_int_equal(e->flow.packets_down, 4);
	assert_int_equal(e->flow.port, 443);
	assert_int_equal(e->flow.out_port, 443);
	assert_int_equal(e->flow.from_port, 1024);
	assert_int_equal(e->flow.rule, 0);
	assert_string_equal(e->detail, "a.test GET /");
}

static void disorder_and_loss(void **state)
{
	open_connection(1024);
	tcp(INSIDE, (struct sent){ 1024, ACK, 104, 500, "efgh" });
	tcp(INSIDE, (struct sent){ 1024, ACK, 100, 500, "abcd" });
	tcp(INSIDE, (struct sent){ 1024, ACK, 102, 500, "cdef" }); /* again */
	tcp(INSIDE, (struct sent){ 1024, ACK, 110, 500, "kl" });
	tcp(OUTSIDE, (struct sent){ 1024, ACK, 500, 112, NULL });
	packets->now_ns += NSEC_PER_SEC;
	tcp(OUTSIDE, (struct sent){ 1024, ACK, 500, 112, "x" });
	tcp(OUTSIDE, (struct sent){ 1024, RST | ACK, 501, 112, NULL });
	assert_last(FLOW_ENDED, 12, 1, ECONNRESET); /* two that nobody read are counted */
	assert_true(FLOW_HAS(&fake_gate_last(&fake)->flow.signs, UNREAD));
}

static void what_does_not_answer(void **state)
{
	tcp(INSIDE, (struct sent){ 1024, SYN, 99, 0, NULL });
	tcp(OUTSIDE, (struct sent){ 1024, RST | ACK, 0, 100, NULL });
	assert_last(FLOW_CUT, 0, 0, ECONNREFUSED);
	assert_int_equal(fake_gate_last(&fake)->flow.out_port, 0);
	tcp(INSIDE, (struct sent){ 1025, SYN, 99, 0, NULL });
	packets->now_ns += 31 * NSEC_PER_SEC;
	tcp(INSIDE, (struct sent){ 1026, SYN, 99, 0, NULL });
	assert_last(FLOW_CUT, 0, 0, ETIMEDOUT);
}

static void from_the_middle(void **state)
{
	tcp(INSIDE, (struct sent){ 1024, ACK, 100, 500, NULL });
	tcp(INSIDE, (struct sent){ 1024, FIN | ACK, 100, 500, NULL });
	tcp(OUTSIDE, (struct sent){ 1024, RST, 500, 100, NULL });
	tcp(OUTSIDE, (struct sent){ 1024, SYN, 500, 100, NULL });
	assert_int_equal(packets->count, 0);
	tcp(OUTSIDE, (struct sent){ 1024, ACK, 500, 100, "hello" });
	assert_int_equal(packets->count, 1);
	tcp(INSIDE, (struct sent){ 1024, RST | ACK, 100, 505, NULL });
	assert_last(FLOW_ENDED, 0, 5, ECONNRESET);
	assert_int_equal(fake_gate_last(&fake)->flow.from_port, 1024);
	assert_true(FLOW_HAS(&fake_gate_last(&fake)->flow.signs, MIDSTREAM));
}

/* A reset that the receiver would not take ends nothing for good. */
static void forged_reset(void **state)
{
	open_connection(1024);
	tcp(OUTSIDE, (struct sent){ 1024, RST | ACK, 500 + (1u << 20), 100, NULL });
	tcp(INSIDE, (struct sent){ 1024, ACK, 100, 500, "abc" });
	tcp(INSIDE, (struct sent){ 1024, RST | ACK, 103, 500, NULL });
	assert_last(FLOW_ENDED, 3, 0, ECONNRESET);
}

static void ports_again(void **state)
{
	open_connection(1024);
	tcp(INSIDE, (struct sent){ 1024, ACK, 100, 500, "abc" });
	tcp(INSIDE, (struct sent){ 1024, SYN, 7777, 0, NULL });
	assert_last(FLOW_ENDED, 3, 0, 0);
	tcp(OUTSIDE, (struct sent){ 1024, SYN | ACK, 9999, 7778, NULL });
	assert_last(FLOW_OPENED, 0, 0, 0);
	assert_int_equal(fake_gate_last(&fake)->flow.flow, 2);
	assert_int_equal(packets->count, 1);
}

static void datagrams(void **state)
{
	udp(INSIDE, 1024, 30);
	assert_last(FLOW_OPENED, 0, 0, 0);
	udp(OUTSIDE, 1024, 100);
	udp(OUTSIDE, 1024, 0);
	packets->now_ns += 121 * NSEC_PER_SEC;
	udp(INSIDE, 1025, 1);
	assert_int_equal(fake.events[1].flow.state, FLOW_ENDED);
	assert_int_equal(fake.events[1].flow.bytes_up, 30);
	assert_int_equal(fake.events[1].flow.bytes_down, 100);
	assert_int_equal(fake.events[1].flow.packets_down, 2);
}

static void many(void **state)
{
	const struct fake_event *e;

	for (uint32_t i = 0; i <= PACKET_FLOWS_MAX; i++, packets->now_ns++)
		open_connection((uint16_t)(1024 + i));
	assert_int_equal(packets->count, PACKET_FLOWS_MAX);
	e = &fake.events[(fake.event_count - 2) % FAKE_EVENTS];
	assert_string_equal(e->reason, "given up: the memory for flows was full");
	assert_int_equal(e->flow.from_port, 1024);
}

/* Segments that wait for one that never comes, of many connections. */
static void memory(void **state)
{
	char text[1025];

	memset(text, 'a', 1024);
	text[1024] = '\0';
	for (uint32_t n = 0; n < 4096; n++)
		for (uint32_t i = 0; i < 24; i++) {
			uint16_t port = (uint16_t)(1024 + n);

			if (i == 0)
				open_connection(port);
			tcp(OUTSIDE, (struct sent){ port, ACK, 501 + 2048 * i, 100, text });
			assert_true(packets->account.used <= PACKET_MEMORY + 65536);
		}
	assert_true(packets->count < 4096);
}

static void the_end_of_the_run(void **state)
{
	open_connection(1024);
	udp(INSIDE, 1024, 30);
	packets_close(&fake.g, "the run is over");
	assert_last(FLOW_CUT, 0, 0, ECANCELED);
	assert_int_equal(fake.events[fake.event_count - 2].flow.state, FLOW_ENDED);
	assert_int_equal(packets_open(&fake.g), 0);
	packets = fake.g.packets;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(disorder_and_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(from_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(forged_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(ports_again, setup, teardown),
		cmocka_unit_test_setup_teardown(datagrams, setup, teardown),
		cmocka_unit_test_setup_teardown(many, setup, teardown),
		cmocka_unit_test_setup_teardown(memory, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_of_the_run, setup, teardown),
	};

	return cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
