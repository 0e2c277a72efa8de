// SPDX-License-Identifier: Apache-2.0
/* Unit tests of the sandbox's resolver: its limits, questions over TCP, and the next gate. */
#include "names_bench.h"

static void the_next_gate_goes_on_with_the_names(void **state)
{
	char *texts[] = { (char *)"a.wild.test", (char *)"b.wild.test", NULL };
	struct gate_names names = { .first = 1, .count = 2, .names = texts };
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	names_earlier(&t.gate, &names);
	assert_int_equal(ask("b.wild.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.3");
	assert_int_equal(t.asked_count, 0);
	assert_int_equal(ask("c.wild.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.4");
	/* a list with a gap: what is known is answered, nothing more is given */
	names.first = 7;
	names_earlier(&t.gate, &names);
	assert_int_equal(ask("d.wild.test", DNS_A, text), DNS_NXDOMAIN);
	assert_int_equal(ask("c.wild.test", DNS_A, text), 0);
}

static void names_end_at_their_limit(void **state)
{
	char text[EGRESS_ADDRESS_TEXT], name[32];
	char *texts[] = { name, NULL };
	struct gate_names names = { .count = 1, .names = texts };

	(void)state;
	for (uint32_t i = 1; i < EGRESS_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.wild.test", i);
		names.first = i;
		names_earlier(&t.gate, &names);
	}
	assert_int_equal(ask("last.wild.test", DNS_A, text), 0);
	assert_string_equal(text, "198.19.0.1");
	assert_int_equal(ask("more.wild.test", DNS_A, text), DNS_NXDOMAIN);
	assert_string_equal(last_event()->reason, "no address is left for a further name");
	assert_int_equal(ask("n65535.wild.test", DNS_AAAA, text), 0);
	assert_string_equal(text, "fd77:6569:72::1:0");
}

static void questions_in_flight_end_at_their_limit(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	t.owner_waits = true;
	for (int i = 0; i < QUESTIONS_MAX; i++) {
		send_query("evil.test", DNS_A);
		turn(clock_mono_ns() + 1000000);
	}
	while (t.waiting_count < QUESTIONS_MAX)
		turn(clock_mono_ns() + 1000000);
	assert_int_equal(t.event_count, 0);
	assert_int_equal(ask("good.test", DNS_A, text), DNS_SERVFAIL);
	assert_string_equal(last_event()->reason, "too many questions at once");
	owners_answer();
	for (int i = 0; i < 100; i++)
		assert_int_equal(receive(100, text), DNS_NXDOMAIN);
}

static void lookups_end_at_their_limit(void **state)
{
	char text[EGRESS_ADDRESS_TEXT], name[64];
	int refused = 0;

	(void)state;
	/* 1100 names that are known, of which 1024 are remembered */
	for (int i = 0; i < 1100; i++) {
		snprintf(name, sizeof(name), "k%d.wild.test", i);
		assert_int_equal(ask(name, DNS_A, text), 0);
	}
	t.upstream_count = 0;
	assert_int_equal(ask("k1099.wild.test", DNS_A, text), 0);
	assert_int_equal(t.upstream_count, 0);
	assert_int_equal(ask("k0.wild.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.2");
	assert_int_equal(t.upstream_count, 2);
	/* 256 that are asked for at once */
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "silent%d.wild.test", i);
		send_query(name, DNS_A);
		turn(clock_mono_ns() + 1000000);
	}
	while (receive(100, text) == DNS_SERVFAIL)
		refused++;
	assert_int_equal(refused, 300 - 256);
	/* what is remembered is answered all the same */
	assert_int_equal(ask("k1099.wild.test", DNS_A, text), 0);
}

static void questions_over_tcp_come_in_any_pieces(void **state)
{
	uint8_t data[1024], answer[1024];
	size_t one, all;
	int fd = connected();

	(void)state;
	one = 2 + query(data + 2, 1, "good.test", DNS_A);
	data[0] = 0;
	data[1] = (uint8_t)(one - 2);
	memcpy(data + one, data, one);
	data[one + 3] = 2;
	memcpy(data + 2 * one, data, one);
	data[2 * one + 3] = 3;
	all = 3 * one;
	for (size_t i = 0; i < one; i++) {
		assert_int_equal(send(fd, data + i, 1, 0), 1);
		turn(clock_mono_ns() + 10000000);
	}
	assert_int_equal(send(fd, data + one, all - one, 0), all - one);
	for (uint8_t i = 1; i <= 3; i++) {
		assert_int_equal(read_stream(fd, answer, one + 16), one + 16);
		assert_int_equal(answer[3], i);
		assert_memory_equal(answer + one + 12, "\xc6\x12\0\x02", 4);
	}
	assert_int_equal(last_event()->e.transport, IPPROTO_TCP);
	close(fd);
	turn(clock_mono_ns() + 10000000);
	assert_int_equal(t.gate.names->client_count, 0);
}

static void clients_that_break_the_rules_are_closed(void **state)
{
	static const struct {
		const char *data;
		size_t size;
	} wrong[] = { { "\xff\xff", 2 },
		      { "\0\x04xxxx", 6 },
		      { "\0\0", 2 },
		      { "\0\x0c\0\0\x81\0\0\x01\0\0\0\0\0\0", 14 } };
	uint8_t data[16];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int fd = connected();

		assert_int_equal(send(fd, wrong[i].data, wrong[i].size, 0), wrong[i].size);
		assert_int_equal(read_stream(fd, data, 1), 0);
		close(fd);
	}
	assert_int_equal(t.gate.names->client_count, 0);
}

static void clients_end_at_their_limit(void **state)
{
	int fds[CLIENTS_MAX], last;
	uint8_t data[512];
	size_t size = 2 + query(data + 2, 1, "evil.test", DNS_A);

	(void)state;
	data[0] = 0;
	data[1] = (uint8_t)(size - 2);
	for (int i = 0; i < CLIENTS_MAX; i++)
		fds[i] = connected();
	assert_int_equal(send(fds[0], data, size, 0), size);
	assert_int_equal(read_stream(fds[0], data, size), size);
	last = connected(); /* in the place of the second */
	assert_int_equal(read_stream(fds[1], data, 1), 0);
	assert_int_equal(t.gate.names->client_count, CLIENTS_MAX);
	for (int i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
	close(last);
}

static void a_client_that_goes_costs_nothing(void **state)
{
	uint8_t data[512];
	size_t size = 2 + query(data + 2, 1, "good.test", DNS_A);
	int fd = connected();

	(void)state;
	data[0] = 0;
	data[1] = (uint8_t)(size - 2);
	t.keeper_waits = true;
	assert_int_equal(send(fd, data, size, 0), size);
	while (t.asked_count == 0)
		turn(clock_mono_ns() + 10000000);
	close(fd);
	while (t.gate.names->client_count)
		turn(clock_mono_ns() + 10000000);
	names_named(&t.gate, 1, 0);
	assert_int_equal(t.gate.names->questions, 0);
	assert_int_equal(last_event()->e.index, 1);
}

static void tallies_end_at_their_limit(void **state)
{
	struct tally y;
	char name[32];

	(void)state;
	assert_int_equal(tally_open(&y), 0);
	for (unsigned i = 0; i < TALLY_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(tally_count(&y, 1, name, 1), 1);
	}
	assert_int_equal(tally_count(&y, 1, "N7", 1), 2);
	assert_int_equal(tally_count(&y, 1, "further", 1), 1);
	assert_int_equal(tally_count(&y, 1, "another", 1), 2);
	for (uint32_t call = 2; call <= TALLY_CALLS_MAX; call++)
		assert_int_equal(tally_count(&y, call, "further", 1), 1);
	assert_int_equal(tally_count(&y, 100000, "further", 1), 1);
	assert_int_equal(tally_count(&y, 100001, "further", 1), 2);
	free(y.slots);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_next_gate_goes_on_with_the_names),
		TEST(names_end_at_their_limit),
		TEST(questions_in_flight_end_at_their_limit),
		TEST(lookups_end_at_their_limit),
		TEST(questions_over_tcp_come_in_any_pieces),
		TEST(clients_that_break_the_rules_are_closed),
		TEST(clients_end_at_their_limit),
		TEST(a_client_that_goes_costs_nothing),
		cmocka_unit_test(tallies_end_at_their_limit),
	};

	return cmocka_run_group_tests_name("names_limits", tests, NULL, NULL);
}
