// SPDX-License-Identifier: Apache-2.0
/* When a call's processor time is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "base/clock.h"
#include "keeper/usage.h"

#define BEGAN (100 * NSEC_PER_SEC)

/* A call that uses usec_a_second for so many seconds from `now` on, looked at when it asks for.
 * Adds what was told and how often. */
struct bench {
	struct usage usage;
	uint64_t now, used, told_usec, told_ns;
	unsigned int tellings, looks;
};

static void look(struct bench *b, bool last)
{
	struct usage_told told = { 0 };

	b->looks++;
	if (!usage_look(&b->usage, b->now, b->used, last, &told))
		return;
	b->tellings++;
	b->told_usec += told.used_usec;
	b->told_ns += told.since_ns;
}

static void spend(struct bench *b, uint64_t usec_a_second, uint64_t seconds)
{
	uint64_t end = b->now + seconds * NSEC_PER_SEC;

	while (b->usage.next_ns <= end) {
		b->used += (b->usage.next_ns - b->now) * usec_a_second / NSEC_PER_SEC;
		b->now = b->usage.next_ns;
		look(b, false);
	}
	b->used += (end - b->now) * usec_a_second / NSEC_PER_SEC;
	b->now = end;
}

static struct bench begun(void)
{
	struct bench b = { .now = BEGAN };

	usage_begin(&b.usage, b.now);
	return b;
}

static void test_burning(void **state)
{
	struct bench b = begun();

	spend(&b, 2000000, 60);
	assert_int_equal(b.tellings, 30);
	assert_int_equal(b.told_usec, 120000000);
	assert_int_equal(b.told_ns, b.now - BEGAN);
}

static void test_resting(void **state)
{
	struct bench b = begun();

	spend(&b, 0, 600);
	assert_int_equal(b.tellings, 0);
	assert_true(b.looks < 600 / 8 + 5);
	spend(&b, 1000000, 12); /* is noticed after 8 seconds at the latest */
	assert_true(b.tellings >= 2);
}

static void test_rest_is_told_once(void **state)
{
	struct bench b = begun();

	spend(&b, 600000, 3);
	spend(&b, 0, 100);
	assert_int_equal(b.told_usec, b.used);
	assert_true(b.tellings >= 2);
	look(&b, true);
	assert_int_equal(b.told_usec, b.used);
}

/* However little at a time: what adds up to half a second is told. */
static void test_trickle(void **state)
{
	struct bench b = begun();

	spend(&b, 5000, 1000); /* 0.5 % of a processor */
	assert_true(b.tellings >= 8);
	assert_true(b.used - b.told_usec < 600000);
}

static void test_short(void **state)
{
	static const struct {
		uint64_t used;
		unsigned int tellings;
	} cases[] = { { 0, 0 }, { 499999, 0 }, { 500000, 1 }, { 900000, 1 } };

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bench b = begun();

		b.now += NSEC_PER_SEC / 2;
		b.used = cases[i].used;
		look(&b, true);
		assert_int_equal(b.tellings, cases[i].tellings);
	}
}

/* The kernel's figures may seem to go back (cgroup rstat is summed up late). */
static void test_backwards(void **state)
{
	struct bench b = begun();

	spend(&b, 1000000, 10);
	b.used -= 3000000;
	look(&b, false);
	b.used += 3000000;
	spend(&b, 0, 10);
	assert_int_equal(b.told_usec, 10000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burning),
		cmocka_unit_test(test_resting),
		cmocka_unit_test(test_rest_is_told_once),
		cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
