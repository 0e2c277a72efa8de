// SPDX-License-Identifier: Apache-2.0
/* Unit tests of `weir who` over records written frame by frame: which flow a line of a log means,
 * what is said where several fit, whose process it was, and how long it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* ours is a function */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "record_maker.h"
#include "report/who.h"

#define RUN_OVER "01arz3ndektsv4rr"
#define RUN_ALIVE "01arz3ndektsv4rs"
#define RUN_LARGE "01arz3ndektsv4rt"
#define BEGIN (1795168800ull * NSEC_PER_SEC) /* 2026-11-20T10:00:00Z */
#define MANY 100000
#ifdef __has_feature /* clang; there the suite runs under sanitizers */
#define SLOWER 10
#else
#define SLOWER 1
#endif

static char directory[64];
static uint8_t flow_flags; /* of the flows to be put */

static void set_address(uint8_t address[16], const char *text)
{
	memset(address, 0, 16);
	if (inet_pton(AF_INET6, text, address) == 1)
		return;
	address[10] = address[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, address + 12), 1);
}

static void put_open(struct record_maker *k, const char *run, const char *name)
{
	struct run_open open = { .key = 77, .name = (char *)name, .started_ns = BEGIN };

	memcpy(open.id, run, RUN_ID_SIZE);
	run_open_encode(&open, &k->b);
	record_put(k, FRAME_RUN_OPEN);
}

/* A flow that began at BEGIN + `second` and is told `lasted` seconds later. */
static void put_flow(struct record_maker *k, uint64_t number, enum flow_state state, const char *to,
		     uint16_t port, uint16_t from_port, double second, double lasted)
{
	struct event_flow f = { .flow = number,
				.state = (uint16_t)state,
				.transport = IPPROTO_TCP,
				.protocol = PROTOCOL_TLS,
				.port = port,
				.from_port = 40000,
				.out_port = port,
				.out_from_port = from_port,
				.started_mono_ns = 1 };

	set_address(f.out_address, to);
	set_address(f.out_from, "192.0.2.2");
	k->m.mono_ns = 1 + (uint64_t)(lasted * 1e9);
	k->now = BEGIN + (uint64_t)((second + lasted) * 1e9);
	make_flow(&k->m, &f, "files.test", "", "");
	k->m.u.h.flags = flow_flags;
	record_put_event(k, &k->m.view);
	k->m.seq++;
}

static void put_over(struct record_maker *k)
{
	struct run_close close = { .ended_ns = BEGIN + 100 * NSEC_PER_SEC };
	struct finding finding = { .number = 1,
				   .call = 4,
				   .detector = "denied_network",
				   .category = "C1",
				   .severity = SEVERITY_HIGH,
				   .summary = "it spoke ssh where tls is allowed",
				   .events = 1 };

	record_begin(k, directory, RUN_OVER);
	put_open(k, RUN_OVER, "over");
	record_begin_call(k, 4, "bash", "{\"command\":\"sh fetch.sh\"}", NULL);
	record_put_event(k, make_exec(&k->m, "/usr/bin/dash", "sh", "sh\0fetch.sh", 12, 0, 1));
	k->m.parent = k->m.pid;
	record_put_event(k, make_fork(&k->m, 2000));
	k->m.pid = 2000; /* it does not execute anything: it is still the shell */
	put_flow(k, 1, FLOW_OPENED, "198.51.100.7", 443, 50000, 10, 0);
	put_flow(k, 1, FLOW_ENDED, "198.51.100.7", 443, 50000, 10, 5);
	put_flow(k, 2, FLOW_ENDED, "198.51.100.7", 443, 50001, 12, 1);
	put_flow(k, 3, FLOW_ENDED, "198.51.100.7", 443, 50000, 60, 1);
	put_flow(k, 4, FLOW_ENDED, "2001:db8::7", 22, 50000, 60, 1);
	put_flow(k, 5, FLOW_OPENED, "198.51.100.8", 80, 50005, 90, 0); /* nobody told its end */
	finding_encode(&finding, &k->b);
	record_put(k, FRAME_FINDING);
	run_close_encode(&close, &k->b);
	record_put(k, FRAME_RUN_CLOSE);
	record_finish(k, directory);
}

static void put_alive(struct record_maker *k)
{
	record_begin(k, directory, RUN_ALIVE);
	put_open(k, RUN_ALIVE, NULL);
	record_begin_call(k, 1, "python", "import socket", NULL);
	put_flow(k, 1, FLOW_OPENED, "198.51.100.7", 443, 50009, 20, 0);
	record_finish(k, directory);
}

static int make_store(void **state)
{
	struct record_maker over = { .m = { .run = 77 }, .now = BEGIN, .step = 1000 };
	struct record_maker alive = { .m = { .run = 78 }, .now = BEGIN, .step = 1000 };

	snprintf(directory, sizeof(directory), "/tmp/weir-test-who-XXXXXX");
	assert_non_null(mkdtemp(directory));
	put_over(&over);
	put_alive(&alive);
	return 0;
}

static int remove_store(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

/* to, port and source port: 0 for what is not known; second: after BEGIN. */
static struct who_answer *ask(const char *to, uint16_t port, uint16_t sport, double second)
{
	struct who_question q = { .port = port,
				  .sport = sport,
				  .at_ns = BEGIN + (uint64_t)(second * 1e9),
				  .precision_ns = 1000,
				  .within_ns = 2 * NSEC_PER_SEC };
	struct who_answer *a = calloc(1, sizeof(*a));
	struct store *s = NULL;
	struct fail f = { 0 };

	set_address(q.dst, to);
	assert_int_equal(store_open(directory, &s, &f), 0);
	assert_int_equal(who_ask(s, &q, a, &f), 0);
	store_close(s);
	return a;
}

static void done(struct who_answer *a)
{
	who_free(a);
	free(a);
}

/* number 0: any */
static void expect(const char *to, uint16_t port, uint16_t sport, double second,
		   enum who_answer_kind kind, size_t count, uint64_t number)
{
	struct who_answer *a = ask(to, port, sport, second);

	assert_int_equal(a->kind, kind);
	assert_int_equal(a->count + a->more, count);
	if (number)
		assert_int_equal(a->flows[0].row.flow, number);
	assert_int_equal(a->reason == NULL, kind == WHO_EXACT);
	done(a);
}

static void exact_by_all_five(void **state)
{
	expect("198.51.100.7", 443, 50000, 10, WHO_EXACT, 1, 1);
	expect("198.51.100.7", 443, 50000, 14.9, WHO_EXACT, 1, 1);
	expect("198.51.100.7", 443, 50000, 8.1, WHO_EXACT, 1, 1);  /* the log's clock is behind */
	expect("198.51.100.7", 443, 50000, 16.9, WHO_EXACT, 1, 1); /* and before */
	expect("198.51.100.7", 443, 50000, 60.5, WHO_EXACT, 1, 3); /* the port came again */
	expect("198.51.100.7", 443, 50001, 12, WHO_EXACT, 1, 2);
	expect("2001:db8::7", 22, 50000, 60, WHO_EXACT, 1, 4);
	expect("198.51.100.7", 443, 50009, 5000, WHO_EXACT, 1, 1); /* it lives */
	expect("198.51.100.8", 80, 50005, 99, WHO_EXACT, 1, 5);	   /* it ended with its run */
}

static void else_the_candidates(void **state)
{
	expect("198.51.100.7", 443, 0, 12, WHO_WINDOW, 2, 2);	  /* the nearest first */
	expect("198.51.100.7", 443, 60000, 12, WHO_WINDOW, 2, 2); /* translated */
	expect("198.51.100.7", 0, 0, 60, WHO_WINDOW, 2, 3);	  /* and the one that lives */
	expect("198.51.100.7", 443, 50001, 30, WHO_WINDOW, 1, 1); /* by port the living one */
	expect("198.51.100.8", 80, 50005, 300, WHO_WINDOW, 1, 5); /* a clock is wrong */
	expect("198.51.100.8", 80, 50005, 9000, WHO_NONE, 0, 0);
	expect("198.51.100.8", 80, 0, 300, WHO_NONE, 0, 0);
	expect("198.51.100.7", 444, 50000, 10, WHO_NONE, 0, 0);
	expect("198.51.100.9", 443, 50000, 10, WHO_NONE, 0, 0);
	expect("2001:db8::8", 22, 50000, 60, WHO_NONE, 0, 0);
}

/* The gate could say no more than who had wanted to go there. */
static void no_better_than_the_event(void **state)
{
	struct record_maker k = { .m = { .run = 80 }, .now = BEGIN, .step = 1000 };
	struct who_answer *a;

	record_begin(&k, directory, RUN_LARGE);
	put_open(&k, RUN_LARGE, NULL);
	record_begin_call(&k, 1, "bash", "{}", NULL);
	flow_flags = EVENT_WINDOW;
	put_flow(&k, 1, FLOW_ENDED, "198.51.100.30", 443, 50000, 10, 1);
	flow_flags = 0;
	record_finish(&k, directory);
	a = ask("198.51.100.30", 443, 50000, 10);
	assert_int_equal(a->kind, WHO_WINDOW);
	assert_non_null(strstr(a->reason, "destination alone"));
	done(a);
}

static void told_in_full(void **state)
{
	struct who_answer *a = ask("198.51.100.7", 443, 50000, 12);
	struct who_flow *w = &a->flows[0];

	assert_int_equal(a->kind, WHO_EXACT);
	assert_string_equal(w->row.run, RUN_OVER);
	assert_string_equal(w->run.open.name, "over");
	assert_int_equal(w->row.call, 4);
	assert_string_equal(w->function_name, "bash");
	assert_string_equal(w->arguments, "{\"command\":\"sh fetch.sh\"}");
	assert_int_equal(w->opener.pid, 2000);
	assert_string_equal(w->opener.exe, "/usr/bin/dash");
	assert_memory_equal(w->opener.argv, "sh\0fetch.sh", 12);
	assert_int_equal(w->row.started_ns, BEGIN + 10 * NSEC_PER_SEC);
	assert_int_equal(w->row.ended_ns, BEGIN + 15 * NSEC_PER_SEC);
	assert_int_equal(w->frame.event.flow->state, FLOW_ENDED); /* the last event counts */
	assert_int_equal(w->finding_count, 1);
	assert_int_equal(w->findings[0].number, 1);
	done(a);
	a = ask("198.51.100.7", 443, 50009, 25);
	assert_null(a->flows[0].opener.exe); /* no exec is in the record */
	assert_int_equal(a->flows[0].row.ended_ns, UINT64_MAX);
	done(a);
}

static void forgotten_with_its_run(void **state)
{
	struct fail f = { 0 };

	assert_int_equal(store_run_remove(directory, RUN_OVER, &f), 0);
	expect("198.51.100.7", 443, 50000, 12, WHO_NONE, 0, 0);
	expect("198.51.100.7", 443, 50009, 25, WHO_EXACT, 1, 1);
}

static void an_older_index(void **state)
{
	struct store *s = NULL;
	struct fail f = { 0 };
	uint64_t runs, bad;
	char command[160];

	snprintf(command, sizeof(command),
		 "sqlite3 %s/index.db 'DROP TABLE flows; PRAGMA user_version=1'", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(store_open(directory, &s, &f), 0);
	store_close(s);
	expect("198.51.100.7", 443, 50000, 12, WHO_NONE, 0, 0);
	assert_int_equal(store_rebuild(directory, &runs, &bad, &f), 0);
	expect("198.51.100.7", 443, 50000, 12, WHO_EXACT, 1, 1);
}

/* Ours alone: other programs of a busy machine do not count. */
static uint64_t processor_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint64_t asked_in(uint16_t port, uint16_t sport, double second, enum who_answer_kind kind)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t began = processor_ns(), took;
		struct who_answer *a = ask("198.51.100.99", port, sport, second);

		took = processor_ns() - began;
		best = took < best ? took : best;
		assert_int_equal(a->kind, kind);
		done(a);
	}
	return best;
}

/* All to one destination, by one process that began before all of them: the worst there is. */
static void fast_over_many(void **state)
{
	struct record_maker k = { .m = { .run = 79 }, .now = BEGIN, .step = 1000 };
	uint64_t limit = 50000000ull * SLOWER, took[3];

	record_begin(&k, directory, RUN_LARGE);
	put_open(&k, RUN_LARGE, NULL);
	record_begin_call(&k, 1, "bash", "{}", NULL);
	record_put_event(&k, make_exec(&k.m, "/usr/bin/curl", "curl", "curl", 5, 0, 1));
	for (unsigned i = 0; i < MANY; i++)
		put_flow(&k, i + 1, FLOW_ENDED, "198.51.100.99", 443, (uint16_t)(1024 + i % 60000),
			 i * 0.01, 0.5);
	record_finish(&k, directory);
	took[0] = asked_in(443, 1024 + 30000, 900, WHO_EXACT);
	took[1] = asked_in(443, 0, 900, WHO_WINDOW);
	took[2] = asked_in(0, 0, 900, WHO_WINDOW);
	print_message("of %d flows: exact %.1f ms, by port %.1f ms, by address %.1f ms\n", MANY,
		      (double)took[0] / 1e6, (double)took[1] / 1e6, (double)took[2] / 1e6);
	for (int i = 0; i < 3; i++)
		assert_true(took[i] < limit);
}

static void times_as_logs_write_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns, precision;
	} good[] = {
		{ "2026-11-20T10:00:00Z", BEGIN, NSEC_PER_SEC },
		{ "2026-11-20 10:00:00", BEGIN, NSEC_PER_SEC },
		{ "2026-11-20 10:00:00 UTC", BEGIN, NSEC_PER_SEC },
		{ "2026/11/20 10:00", BEGIN, 60 * NSEC_PER_SEC },
		{ "2026-11-20T11:30:00.25+01:30", BEGIN + 250000000, 10000000 },
		{ "2026-11-20 05:00:00,000001 -0500", BEGIN + 1000, 1000 },
		{ "2026-11-20T10:00:00.1234567891Z", BEGIN + 123456789, 1 },
		{ "2028-02-29 00:00:00", 1835395200ull * NSEC_PER_SEC, NSEC_PER_SEC },
		{ "1795168800", BEGIN, NSEC_PER_SEC },
		{ "1795168800.5", BEGIN + 500000000, 100000000 },
	};
	static const char *const bad[] = {
		"",
		"now",
		"2026-11-20",
		"2026-02-29 10:00:00",
		"2026-13-01 10:00",
		"2026-11-20T24:00:00Z",
		"2026-11-20T10:00:00.",
		"2026-11-20T10:00:00Zx",
		"1795168800x",
		"17951688001795168800",
		"1969-12-31 23:59:59",
		"-5",
		"1970-01-01T00:00:00+01:00",
		"2026-11-20T10:00:00+25:00",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		uint64_t ns = 0, precision = 0;

		assert_int_equal(clock_parse(good[i].text, &ns, &precision), 0);
		assert_int_equal(ns, good[i].ns);
		assert_int_equal(precision, good[i].precision);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		uint64_t ns = 7, precision;

		if (clock_parse(bad[i], &ns, &precision) != -EINVAL)
			print_error("%s was taken\n", bad[i]);
		assert_int_equal(ns, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_as_logs_write_them),
		cmocka_unit_test_setup_teardown(exact_by_all_five, make_store, remove_store),
		cmocka_unit_test_setup_teardown(else_the_candidates, make_store, remove_store),
		cmocka_unit_test_setup_teardown(no_better_than_the_event, make_store, remove_store),
		cmocka_unit_test_setup_teardown(told_in_full, make_store, remove_store),
		cmocka_unit_test_setup_teardown(an_older_index, make_store, remove_store),
		cmocka_unit_test_setup_teardown(forgotten_with_its_run, make_store, remove_store),
		cmocka_unit_test_setup_teardown(fast_over_many, make_store, remove_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
