// SPDX-License-Identifier: Apache-2.0
/* The table of a run's flows: how one is found, who gives way at the limit, and that a full one
 * costs no more than an empty one. And findings that rise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "detect_bench.h"

static const uint8_t here[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };

static void tell(struct flow_table *t, struct event_maker *m, uint64_t flow, enum flow_state state)
{
	struct event_flow f = { .flow = flow,
				.cookie = flow + 1000000,
				.from_port = (uint16_t)flow,
				.port = 443,
				.state = (uint16_t)state };

	memcpy(f.from, here, 16);
	flow_table_event(t, make_flow(m, &f, "files.test", "", ""));
}

static void a_flow_is_found(void **state)
{
	struct flow_table *t = NULL;
	struct event_maker m = { .call = 3, .pid = 1000 };
	struct event_flow again = { .flow = 7, .bytes_up = 5, .cookie = 9, .state = FLOW_ENDED };
	struct flow_seen *f;

	assert_int_equal(flow_table_new(&t), 0);
	assert_null(flow_table_find(t, 7));
	tell(t, &m, 7, FLOW_OPENED);
	f = flow_table_find(t, 7);
	assert_non_null(f);
	assert_ptr_equal(flow_table_by_cookie(t, 1000007), f);
	assert_ptr_equal(flow_table_by_ends(t, here, 7, 443), f);
	assert_null(flow_table_by_ends(t, here, 443, 7));
	assert_null(flow_table_by_cookie(t, 0));
	assert_string_equal(f->name, "files.test");
	/* what it is found by does not change under way, the numbers do */
	flow_table_event(t, make_flow(&m, &again, "", "SSH-2.0-x", ""));
	assert_ptr_equal(flow_table_by_cookie(t, 1000007), f);
	assert_null(flow_table_by_cookie(t, 9));
	assert_int_equal(f->last.bytes_up, 5);
	assert_string_equal(f->name, "files.test");
	assert_string_equal(f->detail, "SSH-2.0-x");
	assert_int_equal(f->first_seq, 1);
	assert_int_equal(f->last_seq, 2);
	assert_true(f->over);
	/* the same ports once more: the youngest is meant */
	again = (struct event_flow){ .flow = 8, .from_port = 7, .port = 443 };
	memcpy(again.from, here, 16);
	flow_table_event(t, make_flow(&m, &again, "", "", ""));
	assert_int_equal(flow_table_by_ends(t, here, 7, 443)->last.flow, 8);
	flow_table_free(t);
}

static void count_one(void *context, struct flow_seen *f)
{
	assert_false(f->over);
	++*(size_t *)context;
}

static void who_gives_way_at_the_limit(void **state)
{
	struct flow_table *t = NULL;
	struct event_maker m = { .call = 3, .pid = 1000 };
	size_t living = 0;

	assert_int_equal(flow_table_new(&t), 0);
	for (uint64_t i = 1; i <= FLOWS_KEPT; i++)
		tell(t, &m, i, FLOW_OPENED);
	assert_non_null(flow_table_find(t, 1));
	/* the one that has been over for longest, though others are elder */
	tell(t, &m, 500, FLOW_ENDED);
	tell(t, &m, 400, FLOW_CUT);
	tell(t, &m, FLOWS_KEPT + 1, FLOW_OPENED);
	assert_null(flow_table_find(t, 500));
	assert_null(flow_table_by_cookie(t, 1000500));
	assert_null(flow_table_by_ends(t, here, 500, 443));
	assert_non_null(flow_table_find(t, 400));
	tell(t, &m, FLOWS_KEPT + 2, FLOW_OPENED);
	assert_null(flow_table_find(t, 400));
	assert_non_null(flow_table_find(t, 1));
	/* all live: the eldest */
	tell(t, &m, FLOWS_KEPT + 3, FLOW_OPENED);
	assert_null(flow_table_find(t, 1));
	assert_non_null(flow_table_find(t, 2));
	flow_table_living(t, count_one, &living);
	assert_int_equal(living, FLOWS_KEPT);
	flow_table_free(t);
}

/* 300,000 flows over a full table, all with the same ends, as a capture can hold them: a search
 * through the table for each would take minutes. */
static void a_full_table_is_cheap(void **state)
{
	struct flow_table *t = NULL;
	struct event_maker m = { .call = 3, .pid = 1000 };
	struct event_flow f = { .from_port = 1, .port = 443, .cookie = 77 };

	assert_int_equal(flow_table_new(&t), 0);
	for (f.flow = 1; f.flow <= 300000; f.flow++)
		flow_table_event(t, make_flow(&m, &f, "", "", ""));
	assert_null(flow_table_find(t, 300000 - FLOWS_KEPT));
	assert_non_null(flow_table_find(t, 300001 - FLOWS_KEPT));
	assert_int_equal(flow_table_by_cookie(t, 77)->last.flow, 300000);
	flow_table_free(t);
}

static void a_finding_rises_and_stays_one(void **state)
{
	struct bench *b = bench_new();
	struct finding f;

	finding_begin_call(FINDING_TUNNEL, 3, 10, &f);
	f.severity = SEVERITY_LOW;
	finding_add_sign(&f, SIGN_LED, NULL);
	detection_report_rising(b->d, &f, 1);
	finding_begin_call(FINDING_TUNNEL, 3, 11, &f);
	finding_add_sign(&f, SIGN_RELAY, NULL);
	detection_report_rising(b->d, &f, 1);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH); /* told at once */
	assert_int_equal(b->seen[1].sign_count, 2);
	/* it does not fall, and another key or call is another finding */
	f.severity = SEVERITY_INFO;
	detection_report_rising(b->d, &f, 1);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	detection_report_rising(b->d, &f, 2);
	f.call = 4;
	detection_report_rising(b->d, &f, 1);
	assert_int_equal(b->count, 3);
	/* elsewhere the severity tells facts apart */
	detection_report(b->d, &f, 1);
	f.severity = SEVERITY_MEDIUM;
	detection_report(b->d, &f, 1);
	assert_int_equal(b->count, 5);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_found),
		cmocka_unit_test(who_gives_way_at_the_limit),
		cmocka_unit_test(a_full_table_is_cheap),
		cmocka_unit_test(a_finding_rises_and_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
