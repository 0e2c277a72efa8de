// SPDX-License-Identifier: Apache-2.0
/* Probing: scans, slow and refused ones too, and what ordinary clients do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "detect_bench.h"
#include "policy/setting.h"

/* A run whose phase `run` lets every public destination through the gate. */
static struct bench *public_run(void)
{
	struct bench *b = bench_new();

	b->policy.network.run = NETWORK_PUBLIC;
	bench_again(b);
	return b;
}

static void allow(struct bench *b, const char *host)
{
	struct network_rule rule = NETWORK_RULE_NEW;

	rule.host = strdup(host);
	assert_int_equal(network_rule_add(&b->policy, &rule), 0);
	bench_again(b);
}

static void attempt(struct bench *b, const char *address, uint16_t port, int result)
{
	uint8_t bytes[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, address, bytes), 1);
	detection_event(b->d, make_net(&b->m, EVENT_CONNECT, family, SOCK_STREAM, bytes,
				       family == AF_INET ? 4 : 16, port, result));
}

/* What the gate tells of a flow that ended so: 0 and bytes, or an error before anything came. */
static void flow(struct bench *b, const char *address, const char *name, uint16_t port, int error)
{
	static uint64_t number;
	struct event_flow f = { .flow = ++number,
				.started_mono_ns = b->m.mono_ns,
				.transport = IPPROTO_TCP,
				.rule = EVENT_NO_RULE,
				.port = port,
				.out_port = error ? 0 : port,
				.bytes_up = error ? 0 : 100,
				.bytes_down = error ? 0 : 100,
				.error = error,
				.state = error ? FLOW_CUT : FLOW_ENDED,
				.address = { [10] = 0xff, [11] = 0xff } };

	assert_int_equal(inet_pton(AF_INET, address, f.address + 12), 1);
	detection_event(b->d, make_flow(&b->m, &f, name, "", ""));
}

static const struct finding *probing(const struct bench *b)
{
	for (size_t i = 1; i <= b->count; i++)
		if (!strcmp(b->seen[i].detector, "probing"))
			return &b->seen[i];
	return NULL;
}

static void end_call(struct bench *b)
{
	detection_call_gone(b->d, b->m.call);
	detection_event(b->d, make_count(&b->m));
}

static void a_refused_scan_is_one(void **state)
{
	struct bench *b = bench_new();
	char address[20];
	const struct finding *f;

	(void)state;
	for (int i = 1; i <= 45; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", i);
		attempt(b, address, 22, -EPERM);
		attempt(b, address, 22, -EPERM);
	}
	end_call(b);
	f = probing(b);
	assert_non_null(f);
	assert_int_equal(b->count, 2);
	assert_int_equal(f->severity, SEVERITY_HIGH);
	assert_int_equal(f->verdict, VERDICT_BLOCKED);
	assert_string_equal(f->attack, "T1046");
	assert_string_equal(f->summary, "scan: 45 destinations tried, 45 refused by the policy: 45 "
					"addresses in 10.0.0.0/26 port 22");
	assert_int_equal(f->sign_count, 3);
	assert_true(finding_has_sign(f, SIGN_SPREAD));
	assert_true(finding_has_sign(f, SIGN_FAILURES));
	assert_true(finding_has_sign(f, SIGN_FORBIDDEN));
	bench_free(b);
}

/* Directories that a program knows by heart, on a dead network; of neighbours, or where one answers
 * or a name is asked for, it takes more. */
static void far_apart_and_dead(void **state)
{
	static const char *const far[] = { "176.125.242.131", "193.5.87.219",	"149.172.60.95",
					   "64.65.1.6",	      "216.197.207.49", "45.66.35.11",
					   "64.65.63.7",      "185.129.62.64" };
	enum { NONE, ONE_ANSWERS, ONE_NAME, ONE_LESS, NEIGHBOURS, CASES };

	(void)state;
	for (int i = 0; i < CASES; i++) {
		struct bench *b = public_run();
		const struct finding *f;

		if (i == ONE_ANSWERS)
			flow(b, "68.67.32.31", "", 9001, 0);
		if (i == ONE_NAME)
			flow(b, "198.18.0.9", "mirror.test", 443, ENETUNREACH);
		for (size_t n = i == ONE_LESS; n < sizeof(far) / sizeof(*far); n++) {
			char address[20];

			snprintf(address, sizeof(address), "%s", far[n]);
			if (i == NEIGHBOURS)
				snprintf(address, sizeof(address), "64.%zu.1.6", n);
			flow(b, address, "", n % 2 ? 443 : 9001, ENETUNREACH);
		}
		end_call(b);
		f = probing(b);
		assert_true((f != NULL) == (i == NONE));
		if (f)
			assert_int_equal(f->severity, SEVERITY_MEDIUM);
		bench_free(b);
	}
}

/* One port an hour: time forgets nothing. */
static void a_slow_scan_counts_as_much(void **state)
{
	struct bench *b = public_run();
	const struct finding *f;

	(void)state;
	for (uint16_t port = 1; port <= 16; port++) {
		b->m.mono_ns += 3600 * NSEC_PER_SEC;
		attempt(b, "198.51.100.20", port, -EINPROGRESS);
		flow(b, "198.51.100.20", "", port, port == 9 ? 0 : ECONNREFUSED);
		detection_tick(b->d, b->m.mono_ns);
	}
	f = probing(b);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_HIGH);
	assert_int_equal(f->verdict, VERDICT_OBSERVED);
	assert_true(f->flow_count > 0);
	assert_false(finding_has_sign(f, SIGN_FORBIDDEN));
	bench_free(b);
}

/* Half of the hosts are not there, and the scanner does not wait; on the others it finds a server
 * and leaves. */
static void who_leaves_without_a_word_only_asked(void **state)
{
	struct bench *b = public_run();
	struct event_flow f = { .transport = IPPROTO_TCP,
				.rule = EVENT_NO_RULE,
				.port = 22,
				.out_port = 22,
				.bytes_down = 21,
				.address = { [10] = 0xff, [11] = 0xff, 198, 51, 100 } };
	char address[20];

	(void)state;
	for (uint8_t i = 0; i < 32; i++) {
		snprintf(address, sizeof(address), "198.51.100.%u", i);
		attempt(b, address, 22, -EINPROGRESS);
		f.flow = i + 1000;
		f.address[15] = i;
		f.state = FLOW_OPENED;
		if (i % 2)
			detection_event(b->d, make_flow(&b->m, &f, "", "", ""));
		f.state = FLOW_ENDED;
		if (i % 2)
			detection_event(b->d, make_flow(&b->m, &f, "", "", ""));
		b->m.mono_ns += NSEC_PER_SEC;
	}
	assert_int_equal(b->count, 1);
	end_call(b);
	assert_string_equal(b->seen[1].summary,
			    "scan: 32 destinations tried, 16 given up or not known, 16 left "
			    "without a word: 32 addresses in 198.51.100.0/27 port 22");
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	bench_free(b);
}

/* One below each threshold, and what repeats itself. */
static void waiting_and_checking_is_none(void **state)
{
	struct bench *b = public_run();
	char address[20];

	(void)state;
	for (int i = 0; i < 200; i++)
		flow(b, "198.51.100.20", "db.test", 5432, ECONNREFUSED);
	for (uint16_t port = 1; port <= 13; port++)
		flow(b, "198.51.100.20", "db.test", port, ECONNREFUSED);
	end_call(b);
	b->m.call++;
	for (int i = 0; i < 20; i++) { /* mirrors */
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		attempt(b, address, 443, -EINPROGRESS);
		flow(b, address, "", 443, 0);
	}
	end_call(b);
	b->m.call++;
	for (uint16_t port = 8000; port < 8040; port++) /* a test looks for its servers */
		attempt(b, "127.0.0.1", port, -ECONNREFUSED);
	end_call(b);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static void many_that_answer_are_low_at_the_end(void **state)
{
	struct bench *b = public_run();
	char address[20];

	(void)state;
	for (int i = 0; i < 120; i++) {
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		flow(b, address, "", 443, 0);
	}
	assert_int_equal(b->count, 0);
	end_call(b);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_LOW);
	assert_int_equal(b->seen[1].sign_count, 1);
	bench_free(b);
}

/* Both families of a name, by which the gate's answers and flows and the kernel's connects go. */
static void a_name_is_one_destination(void **state)
{
	struct bench *b = public_run();
	char name[32];

	(void)state;
	for (uint32_t i = 1; i <= 14; i++) {
		uint8_t v6[16] = { 0xfd, 0x77, 0x65, 0x69, 0, 0x72, [15] = (uint8_t)(i + 1) };
		uint8_t v4[4] = { 198, 18, 0, (uint8_t)(i + 1) };

		snprintf(name, sizeof(name), "host%u.test", i);
		detection_event(b->d, make_dns(&b->m, name, 1, DNS_ANSWERED, i, 0, ""));
		detection_event(b->d,
				make_dns(&b->m, name, 28, DNS_MISSING, 0, 0, "it has no address"));
		detection_event(b->d, make_net(&b->m, EVENT_CONNECT, AF_INET6, SOCK_STREAM, v6, 16,
					       443, -EINPROGRESS));
		detection_event(b->d, make_net(&b->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, v4, 4,
					       443, -EINPROGRESS));
		flow(b, "198.18.0.9", name, 443, ETIMEDOUT);
	}
	end_call(b);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static void names_swept_below_one_domain(void **state)
{
	struct bench *b = public_run();
	const struct finding *f;
	char name[32];

	(void)state;
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "host%d.corp.test", i);
		assert_null(probing(b));
		detection_event(
			b->d, make_dns(&b->m, name, 1, DNS_MISSING, 0, 0, "there is no such name"));
	}
	f = probing(b);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_MEDIUM);
	bench_free(b);
}

static void addresses_swept_for_their_names(void **state)
{
	struct bench *b = public_run();
	char name[40];

	(void)state;
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "%d.0.20.10.in-addr.arpa", i);
		detection_event(b->d, make_dns(&b->m, name, 12, DNS_REFUSED, 0, 0, ""));
	}
	assert_non_null(probing(b));
	assert_int_equal(probing(b)->severity, SEVERITY_MEDIUM);
	bench_free(b);
}

/* Names of many domains, all refused: links that are checked. */
static void links_are_low(void **state)
{
	struct bench *b = public_run();
	char name[32];

	(void)state;
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "www.site%d.test", i);
		detection_event(b->d, make_dns(&b->m, name, 1, DNS_REFUSED, 0, 0, "no rule"));
	}
	assert_null(probing(b));
	end_call(b);
	assert_non_null(probing(b));
	assert_int_equal(probing(b)->severity, SEVERITY_LOW);
	bench_free(b);
}

/* Two a call: no call is over it, the run is; and the call that is, is none of the run's. */
static void a_scan_over_many_calls_is_the_runs(void **state)
{
	struct bench *b = public_run();
	const struct finding *f;

	(void)state;
	for (uint16_t port = 1; port <= 40; port++)
		flow(b, "198.51.100.9", "", port, ECONNREFUSED);
	assert_int_equal(b->count, 1);
	for (uint16_t port = 100; port < 122; port++) {
		b->m.call = 10 + port / 2;
		flow(b, "198.51.100.20", "", port, ECONNREFUSED);
		if (port < 121)
			assert_int_equal(b->count, 1);
	}
	assert_int_equal(b->count, 2);
	f = &b->seen[2];
	assert_string_equal(f->detector, "probing");
	assert_int_equal(f->call, 0);
	assert_int_equal(f->basis, BASIS_UNATTRIBUTED);
	assert_int_equal(f->severity, SEVERITY_HIGH);
	assert_string_equal(f->summary,
			    "scan over 11 calls (60, 61, 62, 63, 64, 65, 66, 67, …): 22 "
			    "destinations tried, 22 refused or not there");
	bench_free(b);
}

static void the_metadata_address(void **state)
{
	struct bench *b = public_run();

	(void)state;
	/* refused: denied_network says so */
	attempt(b, "169.254.169.254", 80, -EPERM);
	assert_int_equal(b->count, 1);
	assert_null(probing(b));
	b->m.call++;
	flow(b, "169.254.169.254", "", 80, 0);
	assert_non_null(probing(b));
	assert_int_equal(probing(b)->severity, SEVERITY_MEDIUM);
	assert_string_equal(probing(b)->attack, "T1552.005");
	assert_int_equal(probing(b)->sign_count, 2);
	b->count = 0;
	/* by a rule for a range it is an oversight, by one for itself a grant */
	allow(b, "169.254.0.0/16");
	flow(b, "169.254.169.254", "", 80, 0);
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	allow(b, "169.254.169.254");
	b->count = 0;
	flow(b, "169.254.169.254", "", 80, 0);
	assert_int_equal(b->seen[1].severity, SEVERITY_LOW);
	bench_free(b);
}

static void loopback_is_information(void **state)
{
	struct bench *b = public_run();

	(void)state;
	for (uint16_t port = 1; port < 1000; port++)
		attempt(b, "127.0.0.1", port, port == 99 ? 0 : -ECONNREFUSED);
	end_call(b);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_INFO);
	assert_string_equal(b->seen[1].summary,
			    "scan of loopback: 999 destinations tried, 998 refused or not there, 1 "
			    "answered: 127.0.0.1, ports 1, 2, 3, 4, 5, 6, 7, 8 and 991 more");
	bench_free(b);
}

/* So many hosts at as many ports each, of which the last ones are not there. */
struct scan {
	unsigned hosts, ports, failing;
	int want; /* enum severity + 1; 0: nothing */
};

static int worst(const struct bench *b)
{
	return probing(b) ? (int)probing(b)->severity + 1 : 0;
}

static void each_limit_has_two_sides(void **state)
{
	static const struct scan scans[] = {
		{ 1, 14, 14, 0 },
		{ 1, 15, 15, SEVERITY_HIGH + 1 },
		{ 19, 1, 19, 0 },
		{ 20, 1, 20, SEVERITY_HIGH + 1 },
		{ 1, 15, 9, 0 }, /* 60 percent, but few */
		{ 1, 15, 10, SEVERITY_HIGH + 1 },
		{ 25, 1, 14, 0 }, /* many, but 56 percent */
		{ 25, 1, 15, SEVERITY_HIGH + 1 },
		{ 99, 1, 0, 0 },
		{ 100, 1, 0, SEVERITY_LOW + 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(scans); i++) {
		const struct scan *s = &scans[i];
		struct bench *b = public_run();
		unsigned last = s->hosts * s->ports;

		for (unsigned n = 0; n < last; n++) {
			char address[32];

			snprintf(address, sizeof(address), "198.51.100.%u", n / s->ports);
			flow(b, address, "", (uint16_t)(n % s->ports + 1),
			     last - n <= s->failing ? ECONNREFUSED : 0);
		}
		end_call(b);
		if (worst(b) != s->want)
			print_error("scan %zu\n", i);
		assert_int_equal(worst(b), s->want);
		bench_free(b);
	}
}

static void loopback_has_a_limit(void **state)
{
	struct bench *b = public_run();

	(void)state;
	for (uint16_t port = 1; port <= 49; port++)
		attempt(b, "127.0.0.1", port, -ECONNREFUSED);
	assert_null(probing(b));
	attempt(b, "127.0.0.1", 50, -ECONNREFUSED);
	assert_int_equal(worst(b), SEVERITY_INFO + 1);
	bench_free(b);
}

static void allow_ports(struct bench *b, const char *host, size_t count, uint16_t first)
{
	struct network_rule rule = NETWORK_RULE_NEW;

	rule.host = strdup(host);
	rule.ports = calloc(count + 1, sizeof(*rule.ports));
	assert_non_null(rule.ports);
	for (size_t i = 0; i < count; i++)
		rule.ports[rule.port_count++] = (uint16_t)(first + i);
	assert_int_equal(network_rule_add(&b->policy, &rule), 0);
	bench_again(b);
}

/* Thirty machines that a rule lists are asked whether they are up, and none is. A rule for a
 * network, or for any port, is no such list, and one destination beside it makes a scan of it. */
static void a_fleet_that_is_listed_is_low(void **state)
{
	static const struct {
		const char *host;
		size_t ports;
		uint16_t first;
		bool one_more;
		int want;
	} fleets[] = {
		{ "198.51.100.0/27", 1, 22, false, SEVERITY_LOW + 1 },
		{ "198.51.100.0/26", 2, 22, false, SEVERITY_LOW + 1 },
		{ "198.51.100.0/26", 3, 22, false, SEVERITY_HIGH + 1 },
		{ "198.51.100.0/25", 1, 22, false, SEVERITY_LOW + 1 },
		{ "198.51.100.0/24", 1, 22, false, SEVERITY_HIGH + 1 },
		{ "198.51.100.0/27", 0, 0, false, SEVERITY_HIGH + 1 },
		{ "198.51.100.0/27", 1, 23, false, SEVERITY_HIGH + 1 },
		{ "198.51.100.0/27", 1, 22, true, SEVERITY_HIGH + 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(fleets); i++) {
		struct bench *b = public_run();
		char address[32];

		allow_ports(b, fleets[i].host, fleets[i].ports, fleets[i].first);
		for (unsigned n = 0; n < 30; n++) {
			snprintf(address, sizeof(address), "198.51.100.%u", n);
			flow(b, address, "", 22, ETIMEDOUT);
		}
		if (fleets[i].one_more)
			flow(b, "198.51.100.200", "", 22, ETIMEDOUT);
		end_call(b);
		if (worst(b) != fleets[i].want)
			print_error("fleet %zu\n", i);
		assert_int_equal(worst(b), fleets[i].want);
		bench_free(b);
	}
}

/* 70,000 destinations of one call: counted on, said as "at least"; then a thousand calls of one
 * each, and a scan by one more, which is found all the same. */
static void the_limits_hold(void **state)
{
	struct bench *b = public_run();
	char address[20];

	(void)state;
	for (unsigned i = 0; i < 70000; i++) {
		snprintf(address, sizeof(address), "11.%u.%u.1", i >> 8 & 255, i & 255);
		flow(b, address, "", (uint16_t)(i >> 16 ? 81 : 80), ECONNREFUSED);
	}
	assert_int_equal(b->count, 1);
	end_call(b);
	assert_non_null(strstr(b->seen[1].summary, "70000 destinations tried"));
	assert_non_null(strstr(b->seen[1].summary, "at least "));
	for (uint32_t call = 100; call < 1300; call++) {
		b->m.call = call;
		flow(b, "198.51.100.9", "files.test", 443, 0);
	}
	assert_int_equal(b->count, 1);
	for (uint16_t port = 1; port <= 20; port++)
		flow(b, "198.51.100.9", "", port, ETIMEDOUT);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->seen[2].call, 1299);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_scan_is_one),
		cmocka_unit_test(far_apart_and_dead),
		cmocka_unit_test(a_slow_scan_counts_as_much),
		cmocka_unit_test(who_leaves_without_a_word_only_asked),
		cmocka_unit_test(waiting_and_checking_is_none),
		cmocka_unit_test(many_that_answer_are_low_at_the_end),
		cmocka_unit_test(a_name_is_one_destination),
		cmocka_unit_test(names_swept_below_one_domain),
		cmocka_unit_test(addresses_swept_for_their_names),
		cmocka_unit_test(links_are_low),
		cmocka_unit_test(a_scan_over_many_calls_is_the_runs),
		cmocka_unit_test(the_metadata_address),
		cmocka_unit_test(loopback_is_information),
		cmocka_unit_test(each_limit_has_two_sides),
		cmocka_unit_test(loopback_has_a_limit),
		cmocka_unit_test(a_fleet_that_is_listed_is_low),
		cmocka_unit_test(the_limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
