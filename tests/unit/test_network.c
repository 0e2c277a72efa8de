// SPDX-License-Identifier: Apache-2.0
/* What a report says of a run's flows, over a record written frame by frame: sums by call and by
 * destination, each flow counted once as it was last, and names of an agent's choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* ours is a function */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/stand_in.h"
#include "record_maker.h"
#include "report/report.h"

#define RUN "01arz3ndektsv4rr"
#define BEGIN (1795168800ull * NSEC_PER_SEC)
#define MANY 1100 /* destinations: more than a report tells apart */

static char directory[64];

static void put_flow(struct record_maker *k, uint64_t number, enum flow_state state,
		     const char *name, enum protocol protocol, uint64_t up, uint64_t down,
		     const char *reason)
{
	struct event_flow f = { .flow = number,
				.state = (uint16_t)state,
				.transport = IPPROTO_TCP,
				.protocol = (uint16_t)protocol,
				.port = 443,
				.bytes_up = up,
				.bytes_down = down,
				.started_mono_ns = 1,
				.error = *reason ? EPROTO : 0 };

	stand_in_address(1, number % 2, f.address);
	k->m.mono_ns = 2 * NSEC_PER_SEC;
	record_put_event(k, make_flow(&k->m, &f, name, "", reason));
}

static void begin(struct record_maker *k)
{
	struct run_open open = { .id = RUN, .key = 77, .name = "demo", .started_ns = BEGIN };

	snprintf(directory, sizeof(directory), "/tmp/weir-test-network-XXXXXX");
	assert_non_null(mkdtemp(directory));
	record_begin(k, directory, RUN);
	run_open_encode(&open, &k->b);
	record_put(k, FRAME_RUN_OPEN);
}

static void end(struct record_maker *k)
{
	struct run_close close = { .ended_ns = BEGIN + 8 * NSEC_PER_SEC };

	run_close_encode(&close, &k->b);
	record_put(k, FRAME_RUN_CLOSE);
	record_finish(k, directory);
}

static void load(struct report *r, struct store **s)
{
	struct fail f = { 0 };

	assert_int_equal(store_open(directory, s, &f), 0);
	assert_int_equal(report_load(*s, "demo", 16, 0, r, &f), 0);
}

static char *text_of(const struct report *r)
{
	struct text_style style = { .width = 100 };
	struct fail f = { 0 };
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_text(r, &style, out, &f), 0);
	fclose(out);
	return text;
}

static char *json_of(const struct report *r)
{
	struct fail f = { 0 };
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_json(r, out, &f), 0);
	fclose(out);
	return text;
}

static int remove_store(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void sums_by_call_and_destination(void **state)
{
	struct record_maker k = { .m = { .run = 77 }, .now = BEGIN, .step = 1000 };
	cleanup_report struct report r = { 0 };
	cleanup_free char *text = NULL, *json = NULL;
	struct store *s = NULL;

	begin(&k);
	record_begin_call(&k, 1, "bash", "{\"command\":\"git pull\"}", NULL);
	put_flow(&k, 1, FLOW_OPENED, "files.test", PROTOCOL_UNKNOWN, 0, 0, "");
	put_flow(&k, 1, FLOW_LIVES, "files.test", PROTOCOL_TLS, 1000, 5000, "");
	put_flow(&k, 2, FLOW_OPENED, "files.test", PROTOCOL_TLS, 10, 20, "");
	put_flow(&k, 1, FLOW_ENDED, "files.test", PROTOCOL_TLS, 2000, 80000, "");
	record_end_call(&k, 0, 0);
	record_begin_call(&k, 2, "bash", "{\"command\":\"ssh x\"}", NULL);
	put_flow(&k, 3, FLOW_ENDED, "files.test", PROTOCOL_TLS, 1, 2, "");
	put_flow(&k, 4, FLOW_CUT, "evil\033.test", PROTOCOL_SSH, 0, 0, "it spoke ssh\033");
	record_end_call(&k, 0, 0);
	end(&k);
	load(&r, &s);
	assert_int_equal(r.network.flows, 4);
	assert_int_equal(r.network.count, 2);
	assert_string_equal(r.network.destinations[0].name, "files.test");
	assert_int_equal(r.network.destinations[0].flows, 3);
	assert_int_equal(r.network.destinations[0].bytes_up, 2011);
	assert_int_equal(r.network.destinations[0].bytes_down, 80022);
	assert_int_equal(r.network.destinations[0].call_count, 2);
	assert_int_equal(r.network.destinations[1].cut, 1);
	assert_int_equal(report_doing(&r, 1)->net_up, 2010);
	assert_int_equal(report_doing(&r, 1)->net_down, 80020);
	assert_int_equal(report_doing(&r, 1)->flows, 2);
	assert_int_equal(report_doing(&r, 2)->flows_cut, 1);
	text = text_of(&r);
	assert_non_null(strstr(text,
			       "network: 4 flows to 2 destinations\n"
			       "   files.test:443 tls, 3 flows, 2.0 kB up, 80 kB down, calls 1, "
			       "2\n"
			       "   evil\\e.test:443 ssh, 1 flow, 0 B up, 0 B down, call 2; 1 cut: "
			       "it spoke ssh\\e\n"));
	assert_null(strchr(text, '\033'));
	json = json_of(&r);
	assert_non_null(strstr(json, "\"net_up\":2010,\"net_down\":80020,"));
	assert_non_null(strstr(json, "\"name\":\"files.test\",\"address\":"));
	store_close(s);
}

static void no_more_than_are_told_apart(void **state)
{
	struct record_maker k = { .m = { .run = 77 }, .now = BEGIN, .step = 1000 };
	cleanup_report struct report r = { 0 };
	struct store *s = NULL;

	begin(&k);
	record_begin_call(&k, 1, "bash", "{}", NULL);
	for (unsigned i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "x%u.test", i);
		put_flow(&k, i + 1, FLOW_ENDED, name, PROTOCOL_TLS, 1, 1, "");
	}
	put_flow(&k, 1ull << 40, FLOW_ENDED, "x.test", PROTOCOL_TLS, 1, 1, "");
	end(&k);
	load(&r, &s);
	assert_int_equal(r.network.count, REPORT_DESTINATIONS_MAX);
	assert_true(r.network.destinations_more);
	assert_int_equal(r.network.flows, MANY);
	assert_int_equal(r.network.flows_more, 1);
	assert_int_equal(report_doing(&r, 1)->net_up, MANY);
	store_close(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(sums_by_call_and_destination, remove_store),
		cmocka_unit_test_teardown(no_more_than_are_told_apart, remove_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
