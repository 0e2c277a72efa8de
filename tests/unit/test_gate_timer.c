// SPDX-License-Identifier: Apache-2.0
/* The gate's timers: against a list that is searched from one end to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "gate/timer.h"

#define TIMERS 500
#define STEPS 20000

static struct timers all;
static struct timer timers[TIMERS];
static uint64_t expected[TIMERS]; /* 0: stopped */
static uint64_t now, latest;
static size_t served;

static void due(struct timer *t)
{
	size_t i = (size_t)(t - timers);

	assert_true(expected[i] && expected[i] <= now);
	assert_true(expected[i] >= latest); /* in their order */
	latest = expected[i];
	expected[i] = 0;
	served++;
}

static uint64_t next_expected(void)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < TIMERS; i++)
		if (expected[i] && expected[i] < next)
			next = expected[i];
	return next;
}

static void timers_are_a_sorted_list(void **state)
{
	srandom(1);
	for (size_t step = 0; step < STEPS; step++) {
		size_t i = (size_t)random() % TIMERS;

		timers[i].due = due;
		if (random() % 4 == 0) {
			timer_stop(&all, &timers[i]);
			expected[i] = 0;
		} else {
			expected[i] = now + 1 + (uint64_t)random() % 1000;
			assert_int_equal(timer_set(&all, &timers[i], expected[i]), 0);
		}
		if (random() % 16 == 0) {
			now += (uint64_t)random() % 100;
			latest = 0;
			timers_serve(&all, now);
			assert_true(timers_next(&all) == next_expected());
		}
	}
	now += 2000;
	latest = 0;
	timers_serve(&all, now);
	assert_true(timers_next(&all) == UINT64_MAX);
	assert_true(next_expected() == UINT64_MAX && served > 1000);
	timers_free(&all);
}

static void again(struct timer *t)
{
	timer_stop(&all, &timers[1]); /* due at the same moment */
	if (++served < 3)
		timer_set(&all, t, now);
}

static void callbacks_may_change_others(void **state)
{
	served = 0;
	timers[0].due = timers[1].due = again;
	timer_set(&all, &timers[0], now);
	timer_set(&all, &timers[1], now);
	while (timers_next(&all) <= now)
		timers_serve(&all, now);
	assert_int_equal(served, 3);
	timers_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_are_a_sorted_list),
		cmocka_unit_test(callbacks_may_change_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
