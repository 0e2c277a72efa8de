// SPDX-License-Identifier: Apache-2.0
/* Exfiltration: what was read and sent, and ordinary uploads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "detect_bench.h"
#include "policy/setting.h"

#define KEY "/home/user/.ssh/id_ed25519"

/* Rule 0 has files.test for itself, rule 1 budget.test with 1 GB, rule 2 every name, rule 3 those
 * of one domain, rule 4 those of half the world. */
static struct bench *with_rules(void)
{
	static const char *const hosts[] = { "files.test", "budget.test", "*", "*.bucket.test",
					     "*.test" };
	struct bench *b = bench_new();

	for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
		struct network_rule rule = NETWORK_RULE_NEW;

		rule.host = strdup(hosts[i]);
		rule.bytes = i == 1 ? 1000000000 : rule.bytes;
		assert_int_equal(network_rule_add(&b->policy, &rule), 0);
	}
	b->policy.network.run = NETWORK_ALLOWLIST;
	bench_again(b);
	return b;
}

/* A flow that has ended. */
static struct event_flow sent(struct bench *b, uint16_t rule, uint64_t up, uint64_t down)
{
	static uint64_t number;
	struct event_flow f = { .flow = ++number,
				.started_mono_ns = b->m.mono_ns,
				.transport = IPPROTO_TCP,
				.protocol = PROTOCOL_TLS,
				.rule = rule,
				.port = 443,
				.address = { [10] = 0xff, 0xff, 198, 18, 0, 2 },
				.out_port = 443,
				.bytes_up = up,
				.bytes_down = down,
				.state = FLOW_ENDED };

	return f;
}

static void tell(struct bench *b, const struct event_flow *f, const char *name)
{
	detection_event(b->d, make_flow(&b->m, f, name, "", ""));
}

static void upload(struct bench *b, uint16_t rule, const char *name, uint64_t up, uint64_t down)
{
	struct event_flow f = sent(b, rule, up, down);

	tell(b, &f, name);
}

static void read_file(struct bench *b, const char *path)
{
	FILE_EVENT(b, FILE_READ, path, "", 3, 0);
}

static const struct finding *found(const struct bench *b)
{
	for (size_t i = 1; i <= b->count; i++)
		if (!strcmp(b->seen[i].detector, "exfiltration"))
			return &b->seen[i];
	return NULL;
}

static int severity(const struct bench *b)
{
	return found(b) ? (int)found(b)->severity : -1;
}

static void a_key_that_is_read_and_sent(void **state)
{
	struct bench *b = with_rules();

	read_file(b, KEY);
	upload(b, 2, "evil.test", 3000, 200);
	assert_int_equal(severity(b), SEVERITY_HIGH);
	assert_string_equal(found(b)->summary,
			    "3.0 kB sent to evil.test port 443 (tls) in 1 flow after reading " KEY);
	assert_string_equal(found(b)->attack, "T1048.002");
	assert_true(finding_has_sign(found(b), SIGN_SECRET));
	assert_true(finding_has_sign(found(b), SIGN_ACT));
	assert_int_equal(found(b)->flow_count, 1);
	bench_free(b);
}

static void where_it_goes_and_when_weighs(void **state)
{
	struct bench *b = with_rules();
	struct event_flow f;

	/* the project's own file, to a host that a rule has for itself: an application's settings
	 */
	read_file(b, "/work/.env");
	upload(b, 0, "files.test", 3000, 2000);
	assert_int_equal(severity(b), SEVERITY_LOW);
	bench_free(b);
	b = with_rules();
	read_file(b, "/work/.env");
	upload(b, 2, "evil.test", 3000, 2000);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	bench_free(b);
	/* the flow was there before the file was read */
	b = with_rules();
	f = sent(b, 2, 3000, 2000);
	b->m.mono_ns += NSEC_PER_SEC;
	read_file(b, "/work/.env");
	tell(b, &f, "evil.test");
	assert_int_equal(severity(b), SEVERITY_LOW);
	bench_free(b);
	/* all was said before it was read */
	b = with_rules();
	f = sent(b, 2, 3000, 2000);
	f.signs.last_mono_ns = b->m.mono_ns;
	b->m.mono_ns += NSEC_PER_SEC;
	read_file(b, KEY);
	tell(b, &f, "evil.test");
	assert_int_equal(severity(b), -1);
	bench_free(b);
}

static void what_lets_one_in_is_no_theft(void **state)
{
	struct bench *b = with_rules();
	struct event_flow f;

	read_file(b, KEY);
	f = sent(b, 0, 4000000, 9000);
	f.protocol = PROTOCOL_SSH;
	tell(b, &f, "files.test");
	assert_int_equal(severity(b), -1);
	b->m.call++;
	read_file(b, "/home/user/.npmrc");
	upload(b, 0, "files.test", 2000000, 90000);
	assert_int_equal(severity(b), -1);
	/* the key of a shell is none for the web */
	b->m.call++;
	read_file(b, KEY);
	upload(b, 0, "files.test", 3000, 2000);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	bench_free(b);
}

/* Call 3 reads, call 9 takes over what it left and sends it. */
static void it_may_be_another_calls(void **state)
{
	struct bench *b = with_rules();

	read_file(b, KEY);
	b->m.call = 9;
	upload(b, 2, "evil.test", 3000, 200);
	assert_int_equal(severity(b), -1);
	detection_event(b->d, make_handover(&b->m, EDGE_READ, 3, LABEL_NONE, 11, 5, "/tmp/x"));
	b->m.label = 11;
	upload(b, 2, "evil.test", 3000, 200);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	assert_int_equal(found(b)->call, 9);
	assert_int_equal(found(b)->via_count, 1);
	assert_int_equal(found(b)->via[0].call, 3);
	assert_false(finding_has_sign(found(b), SIGN_ACT));
	bench_free(b);
}

static void a_file_of_the_runs_own_is_no_secret(void **state)
{
	struct bench *b = with_rules();

	detection_event(b->d, make_file(&b->m, FILE_READ, "/work/tests/id_rsa", "", 3, 0, 2));
	FILE_EVENT(b, FILE_READ, "/etc/shadow", "", -13, 0);
	upload(b, 2, "evil.test", 3000, 200);
	assert_int_equal(severity(b), -1);
	bench_free(b);
}

static void what_a_rule_explains_is_none(void **state)
{
	struct bench *b = with_rules();

	upload(b, 0, "files.test", 30000000, 2000);
	for (int i = 0; i < 40; i++)
		upload(b, 0, "files.test", 500000, 300);
	upload(b, 1, "budget.test", 900000000, 2000);
	for (int i = 0; i < 500; i++)
		upload(b, 0, "api.test", 400, 900);
	upload(b, 3, "one.bucket.test", 30000000, 2000);
	assert_int_equal(b->count, 0);
	upload(b, 4, "evil.test", 30000000, 2000);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	bench_free(b);
}

static void amounts_alone_are_low(void **state)
{
	struct bench *b = with_rules();

	upload(b, 0, "files.test", 63ull << 20, 20000);
	assert_int_equal(severity(b), -1);
	upload(b, 0, "files.test", 2ull << 20, 20000);
	assert_int_equal(severity(b), SEVERITY_LOW);
	bench_free(b);
	b = with_rules();
	upload(b, 2, "paste.test", 65535, 200);
	assert_int_equal(severity(b), -1);
	upload(b, 2, "paste.test", 1, 0);
	assert_int_equal(severity(b), SEVERITY_LOW);
	assert_int_equal(found(b)->sign_count, 1);
	upload(b, 2, "paste.test", 1000000, 500);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	assert_true(finding_has_sign(found(b), SIGN_BALANCE));
	bench_free(b);
}

/* 200 pieces of 1 kB, one a call, to a host of its own rule: no call alone, but the run. */
static void pieces_over_many_calls_are_the_runs(void **state)
{
	struct bench *b = with_rules();

	for (uint32_t call = 10; call < 210; call++) {
		b->m.call = call;
		upload(b, 0, "files.test", 1000, 150);
	}
	assert_int_equal(b->count, 0);
	detection_close(b->d);
	assert_int_equal(severity(b), SEVERITY_LOW);
	assert_int_equal(found(b)->call, 0);
	assert_int_equal(found(b)->basis, BASIS_UNATTRIBUTED);
	b->d = NULL;
	bench_free(b);
}

/* What a flow has sent counts once, however often it is told. */
static void a_flow_is_counted_once(void **state)
{
	struct bench *b = with_rules();
	struct event_flow f = sent(b, 2, 10000, 100);

	f.state = FLOW_LIVES;
	for (int i = 0; i < 100; i++)
		tell(b, &f, "paste.test");
	f.state = FLOW_ENDED;
	tell(b, &f, "paste.test");
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static void ask(struct bench *b, uint32_t i, uint16_t type, enum dns_verdict verdict)
{
	char name[128];

	snprintf(name, sizeof(name), "%08x726f6f743a783a303a303a726f6f74%08x.n0.evil.test", i * 77,
		 i);
	detection_event(b->d, make_dns(&b->m, name, type, verdict, 0, EVENT_NO_RULE, "no rule"));
}

static void labels_hold_data(void **state)
{
	struct bench *b = with_rules();

	for (uint32_t i = 0; i < 11; i++)
		ask(b, i, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), -1);
	for (uint32_t i = 11; i < 80; i++)
		ask(b, i, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), SEVERITY_LOW);
	for (uint32_t i = 80; i < 100; i++)
		ask(b, i, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	assert_string_equal(found(b)->attack, "T1048.003");
	detection_tick(b->d, b->m.mono_ns + 2 * NSEC_PER_SEC);
	assert_string_equal(found(b)->summary,
			    "4.8 kB in 100 names below evil.test, 0 of them refused");
	assert_int_equal(found(b)->verdict, VERDICT_OBSERVED);
	bench_free(b);
}

/* One flow that has ended, by the rule that has files.test for itself or by the one for every name.
 */
static void each_amount_has_two_sides(void **state)
{
	enum { NAMED = 0, WIDE = 2, KB = 1024, MB = 1024 * 1024 };
	static const struct {
		uint16_t rule;
		uint64_t up, down;
		uint32_t turns;
		int want;
	} amounts[] = {
		{ WIDE, 64 * KB - 1, 0, 1, -1 },
		{ WIDE, 64 * KB, 0, 1, SEVERITY_LOW },
		{ WIDE, 64 * KB, 16 * KB, 1, SEVERITY_LOW },
		{ WIDE, 64 * KB, 16 * KB + 1, 1, -1 },
		{ WIDE, MB - 1, 0, 1, SEVERITY_LOW },
		{ WIDE, MB, 0, 1, SEVERITY_MEDIUM },
		{ WIDE, MB, 64 * KB, 1, SEVERITY_MEDIUM },
		{ WIDE, MB, 64 * KB + 1, 1, SEVERITY_LOW },
		{ NAMED, 64 * MB - 1, 0, 1, -1 },
		{ NAMED, 64 * MB, 0, 1, SEVERITY_LOW },
		{ NAMED, 128 * KB, 0, 64, SEVERITY_LOW },
		{ NAMED, 128 * KB, 0, 63, -1 },
		{ NAMED, 128 * KB - 1, 0, 64, -1 },
		{ NAMED, MB, 0, 64, SEVERITY_LOW },
		{ NAMED, MB + 1, 0, 64, -1 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(amounts); i++) {
		struct bench *b = with_rules();
		struct event_flow f = sent(b, amounts[i].rule, amounts[i].up, amounts[i].down);

		f.signs.turns[0] = amounts[i].turns;
		tell(b, &f, "files.test");
		if (severity(b) != amounts[i].want)
			print_error("amount %zu\n", i);
		assert_int_equal(severity(b), amounts[i].want);
		bench_free(b);
	}
}

static void less_than_a_token_is_none(void **state)
{
	struct bench *b = with_rules();

	read_file(b, KEY);
	upload(b, 2, "evil.test", 15, 0);
	assert_int_equal(severity(b), -1);
	upload(b, 2, "evil.test", 16, 0);
	assert_true(severity(b) >= SEVERITY_MEDIUM);
	bench_free(b);
}

static void labels_have_two_sides(void **state)
{
	struct bench *b = with_rules();

	for (uint32_t i = 0; i < 11; i++)
		ask(b, i, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), -1);
	ask(b, 11, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), SEVERITY_LOW);
	/* each has 48 bytes before the domain */
	for (uint32_t i = 12; i < 85; i++)
		ask(b, i, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), SEVERITY_LOW);
	ask(b, 85, 1, DNS_ANSWERED);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	bench_free(b);
	b = with_rules();
	read_file(b, "/work/.env");
	for (uint32_t i = 0; i < 3; i++)
		ask(b, i, 1, DNS_REFUSED);
	assert_int_equal(severity(b), -1);
	ask(b, 3, 1, DNS_REFUSED);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	bench_free(b);
}

static void a_secret_in_labels(void **state)
{
	struct bench *b = with_rules();

	read_file(b, "/work/.env");
	for (uint32_t i = 0; i < 4; i++)
		ask(b, i, 1, DNS_REFUSED);
	assert_int_equal(severity(b), SEVERITY_MEDIUM);
	assert_int_equal(found(b)->verdict, VERDICT_BLOCKED);
	for (uint32_t i = 4; i < 12; i++)
		ask(b, i, 28, DNS_REFUSED);
	assert_int_equal(severity(b), SEVERITY_HIGH);
	bench_free(b);
}

/* Whose answers carry data back is a tunnel's. */
static void a_tunnels_names_are_not_ours(void **state)
{
	struct bench *b = with_rules();

	for (uint32_t i = 0; i < 200; i++)
		ask(b, i, 16, DNS_ANSWERED);
	assert_int_equal(severity(b), -1);
	bench_free(b);
}

static void the_limits_hold(void **state)
{
	struct bench *b = with_rules();
	char name[32];

	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "host%u.test", i);
		b->m.call = 3 + i % 3000;
		read_file(b, "/etc/hostname");
		upload(b, 0, name, 1000, 5000);
	}
	assert_int_equal(b->count, 0);
	read_file(b, "/work/.env");
	upload(b, 2, "evil.test", 100000, 100);
	assert_int_equal(severity(b), SEVERITY_HIGH);
	bench_free(b);
}

/* By a socket that the policy carries: to that one alone, whatever goes by it. */
static void a_carried_socket_is_granted(void **state)
{
	struct bench *b = with_rules();
	struct event_flow f = sent(b, EVENT_NO_RULE, 1 << 30, 100);

	f.address[12] = 127;
	tell(b, &f, "127.0.0.1:8000");
	assert_int_equal(b->count, 0);
	f = sent(b, EVENT_NO_RULE, 1 << 30, 100);
	tell(b, &f, "evil.test");
	assert_int_equal(b->count, 1);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_is_read_and_sent),
		cmocka_unit_test(where_it_goes_and_when_weighs),
		cmocka_unit_test(what_lets_one_in_is_no_theft),
		cmocka_unit_test(it_may_be_another_calls),
		cmocka_unit_test(a_file_of_the_runs_own_is_no_secret),
		cmocka_unit_test(what_a_rule_explains_is_none),
		cmocka_unit_test(amounts_alone_are_low),
		cmocka_unit_test(pieces_over_many_calls_are_the_runs),
		cmocka_unit_test(a_flow_is_counted_once),
		cmocka_unit_test(labels_hold_data),
		cmocka_unit_test(a_secret_in_labels),
		cmocka_unit_test(a_tunnels_names_are_not_ours),
		cmocka_unit_test(each_amount_has_two_sides),
		cmocka_unit_test(less_than_a_token_is_none),
		cmocka_unit_test(labels_have_two_sides),
		cmocka_unit_test(the_limits_hold),
		cmocka_unit_test(a_carried_socket_is_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
