// SPDX-License-Identifier: Apache-2.0
/* What the gate counts and waits for, with a clock of the test's own: gaps and who led after them,
 * timers, the budgets of rules. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/clock.h"
#include "base/cleanup.h"
#include "gate/budget.h"
#include "flow/meter.h"
#include "gate/timer.h"

#define MS 1000000ull

static void expect_led(const struct meter *m, enum meter_side side, unsigned a, unsigned b,
		       unsigned c)
{
	assert_int_equal(m->led[side][0], a);
	assert_int_equal(m->led[side][1], b);
	assert_int_equal(m->led[side][2], c);
}

static void gaps(void **state)
{
	uint64_t t = 1000 * NSEC_PER_SEC;
	struct meter m;

	meter_start(&m, t);
	meter_spoke(&m, INSIDE, t + 299 * MS + 999999); /* no gap yet */
	expect_led(&m, INSIDE, 0, 0, 0);
	t += 299 * MS + 999999;
	meter_spoke(&m, OUTSIDE, t += 300 * MS); /* at the limit */
	expect_led(&m, OUTSIDE, 1, 0, 0);
	meter_spoke(&m, INSIDE, t); /* the answer leads nothing */
	meter_spoke(&m, INSIDE, t += 999 * MS);
	expect_led(&m, INSIDE, 1, 0, 0);
	meter_spoke(&m, OUTSIDE, t += 1000 * MS);
	expect_led(&m, OUTSIDE, 2, 1, 0);
	meter_spoke(&m, OUTSIDE, t += 5000 * MS); /* a gap of 5 s is one of all */
	expect_led(&m, OUTSIDE, 3, 2, 1);
	meter_moved(&m, t += 9000 * MS); /* a slow reader took something */
	meter_spoke(&m, INSIDE, t + 1);
	expect_led(&m, INSIDE, 1, 0, 0);
	m.led[INSIDE][0] = UINT32_MAX;
	meter_spoke(&m, INSIDE, t += 400 * MS);
	assert_int_equal(m.led[INSIDE][0], UINT32_MAX);
}

struct ring {
	struct timer timer;
	struct timers *timers;
	uint64_t *last;
	unsigned served;
};

static void ring(struct timer *t)
{
	struct ring *r = (struct ring *)t;

	assert_true(t->at >= *r->last);
	*r->last = t->at;
	r->served++;
}

static void again(struct timer *t)
{
	struct ring *r = (struct ring *)t;

	r->served++;
	timer_set(r->timers, t, 0);
}

static void timers(void **state)
{
	enum { COUNT = 3000 };
	static struct ring rings[COUNT];
	struct timers s = { .count = 0 };
	struct ring endless = { .timer = { .due = again }, .timers = &s };
	uint64_t last = 0;

	srandom(7);
	assert_true(timers_next(&s) == UINT64_MAX);
	for (int i = 0; i < COUNT; i++) {
		rings[i] = (struct ring){ .timer = { .due = ring }, .timers = &s, .last = &last };
		timer_set(&s, &rings[i].timer, (uint64_t)random() % 1000);
	}
	for (int i = 0; i < COUNT; i += 3)
		timer_stop(&s, &rings[i].timer);
	for (int i = 1; i < COUNT; i += 3)
		timer_set(&s, &rings[i].timer, 1000 + (uint64_t)random() % 1000);
	timers_serve(&s, 999);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rings[i].served, i % 3 == 2);
	timers_serve(&s, 3000);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(rings[i].served, i % 3 != 0);
	assert_true(timers_next(&s) == UINT64_MAX);
	timer_set(&s, &endless.timer, 0);
	timers_serve(&s, 1); /* comes back */
	assert_int_equal(endless.served, 1);
	timer_stop(&s, &endless.timer);
	timer_stop(&s, &endless.timer);
	timers_free(&s);
}

static void read_policy(struct policy *p, const char *text)
{
	struct fail f = { .code = 0 };

	policy_free(p);
	*p = (struct policy){ .version = 0 };
	assert_int_equal(policy_read("test", text, strlen(text), p, &f), 0);
}

static void budgets(void **state)
{
	static const uint64_t left[] = { 200, 100, 1000, 100, 1000, 1000 };
	struct policy p = { .version = 0 };
	struct budgets b = { .of = NULL }, some = { .of = NULL };

	read_policy(&p, "network: {allow: [{host: a.test, ports: [443], bytes: 1000B, connections: "
			"2}, {host: b.test}]}\n");
	assert_int_equal(budgets_policy(&b, &p), 0);
	assert_true(b.limited);
	assert_int_equal(budget_bytes_left(&b, &p, 0), 1000);
	assert_true(budget_bytes_left(&b, &p, 1) == UINT64_MAX);
	assert_true(budget_bytes_left(&b, &p, EGRESS_NO_RULE) == UINT64_MAX);
	budget_spend(&b, 0, 999);
	assert_int_equal(budget_bytes_left(&b, &p, 0), 1);
	budget_spend(&b, 0, 1);
	assert_int_equal(budget_bytes_left(&b, &p, 0), 0);
	budget_spend(&b, 1, 10);
	assert_true(budget_connect(&b, &p, 0) && budget_connect(&b, &p, 0));
	assert_false(budget_connect(&b, &p, 0));
	assert_true(budget_connect(&b, &p, EGRESS_NO_RULE));

	/* a new policy: the same rule goes on, another for the same host does not begin anew */
	read_policy(&p,
		    "network: {allow: [{host: b.test}, {host: a.test, ports: [80], bytes: 1500B}, "
		    "{host: a.test, ports: [443], bytes: 4000B}]}\n");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(budgets_policy(&b, &p), 0);
		assert_int_equal(b.of[0].bytes, 10);
		assert_int_equal(budget_bytes_left(&b, &p, 1), 500);
		assert_int_equal(budget_bytes_left(&b, &p, 2), 3000);
	}

	/* one for some of the hosts neither, one for others does */
	read_policy(&p, "network: {allow: [{host: '*.w.test', bytes: 1000B}, {host: 10.0.0.0/8, "
			"bytes: 1000B}]}\n");
	assert_int_equal(budgets_policy(&some, &p), 0);
	budget_spend(&some, 0, 900);
	budget_spend(&some, 1, 800);
	read_policy(&p, "network: {allow: [{host: 10.1.0.0/16, bytes: 1000B}, {host: x.w.test, "
			"bytes: 1000B}, {host: w.test, bytes: 1000B}, {host: '*', bytes: 1000B}, "
			"{host: 11.0.0.0/8, bytes: 1000B}, {host: x.w.test, transport: udp, "
			"bytes: 1000B}]}\n");
	assert_int_equal(budgets_policy(&some, &p), 0);
	for (uint16_t i = 0; i < ARRAY_LENGTH(left); i++)
		assert_int_equal(budget_bytes_left(&some, &p, i), left[i]);
	budgets_free(&some);
	budgets_free(&b);
	policy_free(&p);
}

static void budgets_go_on_with_the_next_gate(void **state)
{
	struct policy p = { .version = 0 };
	struct budgets b = { .of = NULL }, next = { .of = NULL };
	cleanup_buf struct buf data = { 0 };
	struct wire w;

	read_policy(&p, "network: {allow: [{host: b.test}, {host: a.test, ports: [80], bytes: "
			"1500B}, {host: a.test, ports: [443], bytes: 4000B, protocol: tls}]}\n");
	assert_int_equal(budgets_policy(&b, &p), 0);
	budget_spend(&b, 2, 1000);
	buf_init(&data, 100000);
	budgets_encode(&b, &data);
	wire_init(&w, data.data, data.size);
	assert_int_equal(budgets_decode(&w, &next), 0);
	assert_int_equal(budgets_policy(&next, &p), 0);
	assert_int_equal(budget_bytes_left(&next, &p, 2), 3000);
	for (size_t size = 0; size < data.size; size++) {
		struct budgets bad = { .of = NULL };

		wire_init(&w, data.data, size);
		assert_true(budgets_decode(&w, &bad) < 0);
		assert_null(bad.of);
	}
	budgets_free(&b);
	budgets_free(&next);
	policy_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps),
		cmocka_unit_test(timers),
		cmocka_unit_test(budgets),
		cmocka_unit_test(budgets_go_on_with_the_next_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
