// SPDX-License-Identifier: Apache-2.0
/* Unit tests of the sandbox's resolver: who is answered what. */
#include "names_bench.h"

#define TYPE_TXT 16
#define TYPE_HTTPS 65

static void a_name_has_one_address_in_both_families(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(ask("GooD.Test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.2");
	assert_string_equal(t.upstream_last, "good.test");
	assert_int_equal(last_event()->e.index, 1);
	assert_int_equal(last_event()->e.rule, 0);
	assert_int_equal(last_event()->e.verdict, DNS_ANSWERED);
	assert_string_equal(last_event()->name, "GooD.Test");
	/* outside it has no AAAA record; inside nobody needs to know */
	assert_int_equal(ask("good.test", DNS_AAAA, text), 0);
	assert_string_equal(text, "fd77:6569:72::2");
	assert_int_equal(t.asked_count, 1);
	assert_int_equal(t.upstream_count, 2); /* A and AAAA, once */
	/* another name of the same host is another address */
	assert_int_equal(ask("twin.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.3");
	assert_string_equal(names_text(&t.gate, 2), "twin.test");
	assert_null(names_text(&t.gate, 0));
	assert_null(names_text(&t.gate, 3));
}

static void what_is_not_allowed_is_not_asked_outside(void **state)
{
	static const char *const names[] = { "evil.test", "data.evil.test", "good.test.evil.test",
					     "wild.test", "192.0.2.1",	    "0x7f.1",
					     "localhost", "xgood.test",	    "bad_.test" };
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(ask(names[i], DNS_A, text), DNS_NXDOMAIN);
		assert_int_equal(last_event()->e.verdict, DNS_REFUSED);
		assert_int_equal(last_event()->e.rule, EGRESS_NO_RULE);
		assert_true(last_event()->e.reason_size > 0);
	}
	assert_int_equal(ask("data.evil.test", TYPE_TXT, text), DNS_NXDOMAIN);
	assert_int_equal(ask("data.evil.test", DNS_ANY, text), DNS_NXDOMAIN);
	assert_int_equal(ask("", 2, text), DNS_NXDOMAIN);
	assert_int_equal(t.upstream_count, 0);
	assert_int_equal(t.asked_count, 0);
}

static void other_types_of_an_allowed_name_are_empty(void **state)
{
	static const uint16_t types[] = { TYPE_TXT, TYPE_HTTPS, 64, 10, DNS_ANY, 5, 15, 33 };
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(ask("good.test", types[i], text), DNS_NOERROR);
		assert_string_equal(text, "");
		assert_int_equal(last_event()->e.verdict, DNS_MISSING);
	}
	assert_int_equal(t.upstream_count, 0);
}

static void what_is_not_there_is_not_there(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(ask("nx.test", DNS_A, text), DNS_NXDOMAIN);
	assert_int_equal(last_event()->e.verdict, DNS_MISSING);
	assert_int_equal(ask("empty.test", DNS_A, text), DNS_NOERROR);
	assert_string_equal(text, "");
	assert_int_equal(t.asked_count, 0);
}

static void names_that_lead_inside_are_refused(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(ask("inner.test", DNS_A, text), DNS_NXDOMAIN);
	assert_int_equal(last_event()->e.verdict, DNS_REFUSED);
	assert_int_equal(t.asked_count, 0);
	/* one address that may be reached is enough; the flow takes that one */
	assert_int_equal(ask("mixed.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.2");
	/* allowed by address as well */
	assert_int_equal(ask("lan.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.3");
}

static void a_silent_server_costs_a_bounded_time(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];
	uint64_t start = clock_mono_ns();

	(void)state;
	send_query("silent.test", DNS_A);
	/* others are served meanwhile */
	assert_int_equal(ask("good.test", DNS_A, text), 0);
	assert_true(clock_mono_ns() - start < NSEC_PER_SEC);
	assert_int_equal(receive(6000, text), DNS_SERVFAIL);
	assert_in_range((clock_mono_ns() - start) / 1000000, 4400, 4990);
	assert_int_equal(last_event()->e.verdict, DNS_FAILED);
	/* and for some seconds nobody waits again */
	start = clock_mono_ns();
	assert_int_equal(ask("silent.test", DNS_AAAA, text), DNS_SERVFAIL);
	assert_true(clock_mono_ns() - start < NSEC_PER_SEC / 2);
}

static void an_address_has_its_name(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(ask("2.0.18.198.in-addr.arpa", DNS_PTR, text), DNS_NXDOMAIN);
	assert_int_equal(ask("good.test", DNS_A, text), 0);
	assert_int_equal(ask("2.0.18.198.in-addr.arpa", DNS_PTR, text), 0);
	assert_int_equal(ask("1.0.18.198.in-addr.arpa", DNS_PTR, text), DNS_NXDOMAIN);
	assert_int_equal(ask("3.0.18.198.in-addr.arpa", DNS_PTR, text), DNS_NXDOMAIN);
	assert_int_equal(ask("1.2.0.192.in-addr.arpa", DNS_PTR, text), DNS_NXDOMAIN);
	assert_int_equal(last_event()->e.verdict, DNS_MISSING);
	assert_int_equal(ask("secret.in-addr.arpa", DNS_PTR, text), DNS_NXDOMAIN);
	assert_int_equal(last_event()->e.verdict, DNS_REFUSED);
	assert_int_equal(t.upstream_count, 2);
}

static void equal_questions_are_counted(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	for (int i = 0; i < 5; i++)
		ask(i % 2 ? "evil.test" : "EVIL.test", DNS_A, text);
	assert_int_equal(t.event_count, 3);
	assert_int_equal(last_event()->e.count, 4);
	t.call = 2;
	ask("evil.test", DNS_A, text);
	assert_int_equal(t.event_count, 4);
	assert_int_equal(last_event()->e.count, 1);
	assert_int_equal(last_event()->e.h.call, 2);
	assert_int_equal(last_event()->e.h.run, 42);
	assert_int_equal(last_event()->e.h.pid, 77);
}

static void nobodys_question_is_refused(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	t.owner_unknown = true;
	assert_int_equal(ask("good.test", DNS_A, text), DNS_NXDOMAIN);
	assert_int_equal(last_event()->e.h.pid, 0);
	assert_int_equal(t.upstream_count, 0);
}

static void who_asked_is_remembered(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(names_asked_by(&t.gate, 1, 5), -1);
	t.call = 2;
	ask("good.test", DNS_A, text);
	assert_int_equal(names_asked_by(&t.gate, 1, 2), -1);
	assert_int_equal(names_asked_by(&t.gate, 1, 5), 2);
	t.call = 3;
	ask("good.test", DNS_AAAA, text);
	assert_int_equal(names_asked_by(&t.gate, 1, 5), 3);
	assert_int_equal(names_asked_by(&t.gate, 1, 2), -1);
	for (uint32_t call = 100; call < 100 + CALLERS_MAX; call++)
		names_heard(t.gate.names, 1, call);
	assert_int_equal(names_asked_by(&t.gate, 1, 100), -1);
	assert_int_equal(names_asked_by(&t.gate, 1, 3), 100 + CALLERS_MAX - 1);
}

static void the_keeper_has_the_last_word(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	t.keeper_error = EACCES;
	assert_int_equal(ask("good.test", DNS_A, text), DNS_NXDOMAIN);
	assert_null(names_text(&t.gate, 1));
	t.keeper_error = EIO;
	assert_int_equal(ask("good.test", DNS_A, text), DNS_SERVFAIL);
	t.keeper_error = 0;
	assert_int_equal(ask("good.test", DNS_A, text), 0);
	assert_string_equal(text, "198.18.0.2");
}

static void names_are_given_one_after_the_other(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	t.keeper_waits = true;
	send_query("good.test", DNS_A);
	send_query("twin.test", DNS_A);
	send_query("good.test", DNS_AAAA);
	assert_int_equal(receive(300, text), -1);
	assert_int_equal(t.asked_count, 1);
	assert_string_equal(t.asked_name, "good.test");
	names_named(&t.gate, 2, 0); /* not what was asked for */
	assert_int_equal(receive(50, text), -1);
	names_named(&t.gate, 1, 0);
	assert_int_equal(receive(300, text), 0);
	assert_string_equal(text, "198.18.0.2");
	assert_int_equal(receive(300, text), 0);
	assert_string_equal(text, "fd77:6569:72::2");
	assert_int_equal(t.asked_count, 2);
	assert_int_equal(t.asked_index, 2);
	assert_string_equal(t.asked_name, "twin.test");
	names_named(&t.gate, 2, 0);
	assert_int_equal(receive(300, text), 0);
	assert_string_equal(text, "198.18.0.3");
}

static void a_policy_that_narrows_reaches_what_is_in_flight(void **state)
{
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	t.keeper_waits = true;
	send_query("good.test", DNS_A);
	assert_int_equal(receive(200, text), -1);
	set_policy("version: 1\nnetwork: {allow: [{host: twin.test}]}\n");
	names_named(&t.gate, 1, 0);
	assert_int_equal(receive(300, text), DNS_NXDOMAIN);
	assert_int_equal(last_event()->e.verdict, DNS_REFUSED);
}

static void odd_names_are_refused(void **state)
{
	static const char *const labels[] = { "good\0test",  "good\\test", "go od",
					      "g\xc3\xb6od", "good%00",	   "good\n" };
	static const size_t sizes[] = { 9, 9, 5, 5, 7, 5 };
	char text[EGRESS_ADDRESS_TEXT];
	uint8_t data[512];

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		uint8_t *at = data + 12;

		query(data, 9, "", DNS_A);
		*at++ = (uint8_t)sizes[i];
		memcpy(at, labels[i], sizes[i]);
		at += sizes[i];
		memcpy(at, "\x04test\0\0\x01\0\x01", 10);
		assert_true(sendto(t.asker, data, (size_t)(at + 10 - data), 0,
				   (struct sockaddr *)&t.inside[0], sizeof(t.inside[0])) > 0);
		assert_int_equal(receive(1000, text), DNS_NXDOMAIN);
		assert_string_equal(last_event()->reason, "no host has such a name");
	}
	assert_int_equal(t.upstream_count, 0);
	/* what is no question at all gets a word, or none */
	assert_true(sendto(t.asker, "\0\0\x01\0\0\x02\0\0\0\0\0\0", 12, 0,
			   (struct sockaddr *)&t.inside[0], sizeof(t.inside[0])) > 0);
	assert_int_equal(receive(1000, text), DNS_FORMERR);
	assert_true(sendto(t.asker, "\0\0\x81\0\0\x01\0\0\0\0\0\0", 12, 0,
			   (struct sockaddr *)&t.inside[0], sizeof(t.inside[0])) > 0);
	assert_int_equal(receive(100, text), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_name_has_one_address_in_both_families),
		TEST(what_is_not_allowed_is_not_asked_outside),
		TEST(other_types_of_an_allowed_name_are_empty),
		TEST(what_is_not_there_is_not_there),
		TEST(names_that_lead_inside_are_refused),
		TEST(a_silent_server_costs_a_bounded_time),
		TEST(an_address_has_its_name),
		TEST(equal_questions_are_counted),
		TEST(nobodys_question_is_refused),
		TEST(who_asked_is_remembered),
		TEST(the_keeper_has_the_last_word),
		TEST(names_are_given_one_after_the_other),
		TEST(a_policy_that_narrows_reaches_what_is_in_flight),
		TEST(odd_names_are_refused),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
