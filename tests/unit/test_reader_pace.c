// SPDX-License-Identifier: Apache-2.0
/* Who takes the initiative, by a clock of the test's own: an interactive session, a reverse tunnel,
 * keep-alives of both kinds, and each limit. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/clock.h"
#include "flow/reader.h"

#define MS 1000000ull

struct bench {
	struct flow_reader *r;
	const struct flow_signs *s;
	uint64_t now;
};

static struct bench bench_open(void)
{
	struct bench b = { .r = flow_reader_new(IPPROTO_TCP, 22, false),
			   .now = 5000 * NSEC_PER_SEC };

	assert_non_null(b.r);
	b.s = flow_reader_signs(b.r);
	return b;
}

static void said(struct bench *b, enum meter_side side, uint64_t after_ns, size_t size)
{
	static const char bytes[1024] = { 0 };

	b->now += after_ns;
	flow_reader_take(b->r, side, b->now, bytes, size < sizeof(bytes) ? size : sizeof(bytes),
			 size);
}

/* The first three seconds are over. */
static void prelude(struct bench *b)
{
	said(b, INSIDE, 0, 40);
	for (int i = 0; i < 15; i++)
		said(b, i % 2 ? INSIDE : OUTSIDE, 200 * MS, 100);
	assert_int_equal(b->s->initiative[INSIDE][0] + b->s->initiative[OUTSIDE][0], 0);
}

static void typing(void **state)
{
	static const unsigned pauses[] = { 310, 700, 1200, 400, 5300, 900, 350, 2600 };
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	for (int i = 0; i < 8; i++) {
		said(&b, INSIDE, pauses[i] * MS, 36);
		said(&b, OUTSIDE, 20 * MS, 36 + (size_t)i * 16);
	}
	assert_int_equal(b.s->initiative[INSIDE][0], 8);
	assert_int_equal(b.s->initiative[INSIDE][1], 3);
	assert_int_equal(b.s->initiative[INSIDE][2], 1);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 0);
	assert_int_equal(b.s->answered[INSIDE], 8);
	assert_int_equal(b.s->led_bytes[INSIDE], 8 * 36);
	assert_int_equal(b.s->answer_bytes[INSIDE], 8 * 36 + 28 * 16);
	assert_int_equal(b.s->steady[INSIDE], 0);
	assert_int_equal(b.s->last_mono_ns, b.now);
	flow_reader_free(b.r);
}

static void tunnel(void **state)
{
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	for (unsigned i = 0; i < 4; i++) {
		said(&b, OUTSIDE, (1000 + 700 * i) * MS, 96);
		said(&b, INSIDE, 2 * MS, 44);
		said(&b, OUTSIDE, 2 * MS, 200);
		said(&b, INSIDE, 5 * MS, 5000 + 100 * i);
	}
	assert_int_equal(b.s->initiative[OUTSIDE][0], 4);
	assert_int_equal(b.s->initiative[OUTSIDE][1], 4);
	assert_int_equal(b.s->initiative[INSIDE][0], 0);
	assert_int_equal(b.s->answered[OUTSIDE], 4);
	assert_int_equal(b.s->led_bytes[OUTSIDE], 4 * 296);
	assert_int_equal(b.s->answer_bytes[OUTSIDE], 4 * 5044 + 600);
	flow_reader_free(b.r);
}

/* Told and not answered; and an answer that comes too late. */
static void unanswered(void **state)
{
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	said(&b, OUTSIDE, 400 * MS, 80); /* tail -f */
	said(&b, OUTSIDE, 900 * MS, 90);
	said(&b, INSIDE, 299 * MS, 10); /* at last */
	assert_int_equal(b.s->initiative[OUTSIDE][0], 2);
	assert_int_equal(b.s->answered[OUTSIDE], 1);
	said(&b, OUTSIDE, 2000 * MS, 85);
	said(&b, OUTSIDE, 200 * MS, 85);
	for (int i = 0; i < 5; i++)
		flow_reader_moved(b.r, b.now += 250 * MS);
	said(&b, INSIDE, 0, 10); /* 1.25 s later, and something was on its way until then */
	assert_int_equal(b.s->initiative[OUTSIDE][0], 3);
	assert_int_equal(b.s->initiative[INSIDE][0], 0);
	assert_int_equal(b.s->answered[OUTSIDE], 1);
	flow_reader_free(b.r);
}

/* A server that has work to do before it answers does not lead; one that was not asked does. */
static void late_answers(void **state)
{
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	for (unsigned i = 0; i < 4; i++) {
		said(&b, INSIDE, (2000 + 300 * i) * MS, 100 + i);
		said(&b, OUTSIDE, (350 + 600 * i) * MS, 1000); /* 0.35, 0.95, 1.55, 2.15 s */
		said(&b, INSIDE, 10 * MS, 20);
	}
	assert_int_equal(b.s->initiative[INSIDE][0], 4);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 0);
	assert_int_equal(b.s->answered[INSIDE], 2);
	said(&b, INSIDE, 2000 * MS, 55);
	said(&b, OUTSIDE, 9999 * MS, 1000);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 0);
	said(&b, OUTSIDE, 400 * MS, 1000); /* it had answered */
	assert_int_equal(b.s->initiative[OUTSIDE][0], 1);
	said(&b, INSIDE, 2000 * MS, 56);
	said(&b, OUTSIDE, 10001 * MS, 1000);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 2);
	said(&b, INSIDE, 1001 * MS, 57); /* who connected has a second */
	assert_int_equal(b.s->initiative[INSIDE][0], 7);
	said(&b, OUTSIDE, 10001 * MS, 1000);
	said(&b, INSIDE, 999 * MS, 57);
	assert_int_equal(b.s->initiative[INSIDE][0], 7);
	assert_int_equal(b.s->answered[OUTSIDE], 1);
	flow_reader_free(b.r);
}

/* Asked in the first seconds, answered behind them. */
static void late_in_the_prelude(void **state)
{
	struct bench b = bench_open();

	(void)state;
	said(&b, INSIDE, 0, 50);
	said(&b, OUTSIDE, 4000 * MS, 50);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 0);
	assert_int_equal(b.s->answered[INSIDE], 0);
	said(&b, OUTSIDE, 4000 * MS, 50);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 1);
	flow_reader_free(b.r);
}

/* At a fixed period, and after a fixed silence, as OpenSSH does: none is an initiative. */
static void keep_alives(void **state)
{
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	for (int i = 0; i < 2; i++) {
		said(&b, OUTSIDE, 15000 * MS, 52);
		said(&b, INSIDE, 30 * MS, 28);
	}
	assert_int_equal(b.s->initiative[OUTSIDE][2], 2); /* two are no row */
	for (int i = 0; i < 3; i++) {
		said(&b, OUTSIDE, (15000 + (i % 2) * 40) * MS, 52);
		said(&b, INSIDE, 30 * MS, 28);
	}
	said(&b, INSIDE, 4000 * MS, 36); /* ends the last one */
	assert_int_equal(b.s->initiative[OUTSIDE][0], 0);
	assert_int_equal(b.s->answered[OUTSIDE], 0);
	assert_int_equal(b.s->led_bytes[OUTSIDE], 0);
	assert_int_equal(b.s->answer_bytes[OUTSIDE], 0);
	assert_int_equal(b.s->steady[OUTSIDE], 5);
	for (unsigned i = 0; i < 4; i++) { /* typing begins their silence anew */
		said(&b, INSIDE, (500 + 777 * i) * MS, 36);
		said(&b, OUTSIDE, 15000 * MS, 52);
		said(&b, INSIDE, 30 * MS, 28);
	}
	said(&b, INSIDE, 2000 * MS, 36);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 0);
	assert_int_equal(b.s->steady[OUTSIDE], 9);
	assert_int_equal(b.s->mute[OUTSIDE], 0);
	/* another size is none, and what follows begins a new row */
	said(&b, OUTSIDE, 15000 * MS, 53);
	said(&b, OUTSIDE, 15000 * MS, 52);
	said(&b, OUTSIDE, 15000 * MS, 52);
	said(&b, INSIDE, 400 * MS, 1);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 3);
	flow_reader_free(b.r);
}

/* A message by the clock that nobody answers may be more than a sign of life. */
static void steady_and_mute(void **state)
{
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	for (int i = 0; i < 3; i++)
		said(&b, OUTSIDE, 15000 * MS, 400);
	assert_int_equal(b.s->mute[OUTSIDE], 0); /* the third has not ended */
	said(&b, OUTSIDE, 15000 * MS, 400);
	assert_int_equal(b.s->mute[OUTSIDE], 3);
	for (int i = 0; i < 252; i++)
		said(&b, OUTSIDE, 15000 * MS, 400);
	assert_int_equal(b.s->mute[OUTSIDE], 255);
	for (int i = 0; i < 5; i++)
		said(&b, OUTSIDE, 15000 * MS, 400);
	assert_int_equal(b.s->mute[OUTSIDE], 255);
	assert_int_equal(b.s->steady[OUTSIDE], 260);
	assert_int_equal(b.s->mute[INSIDE], 0);
	flow_reader_free(b.r);
}

static void same_size_at_no_period(void **state)
{
	static const unsigned pauses[] = { 500, 1100, 2500, 900, 7000, 1700 };
	struct bench b = bench_open();

	(void)state;
	prelude(&b);
	for (int i = 0; i < 6; i++)
		said(&b, OUTSIDE, pauses[i] * MS, 100);
	said(&b, INSIDE, 400 * MS, 1);
	assert_int_equal(b.s->initiative[OUTSIDE][0], 6);
	assert_int_equal(b.s->steady[OUTSIDE], 0);
	flow_reader_free(b.r);
}

static void news(void **state)
{
	struct bench b = bench_open();
	unsigned told = 0;

	(void)state;
	prelude(&b);
	assert_false(flow_reader_news(b.r));
	for (unsigned i = 1; i <= 100; i++) {
		bool is;

		said(&b, OUTSIDE, (400 + i * i) * MS, 50 + i);
		is = flow_reader_news(b.r);
		assert_int_equal(is, (i & (i - 1)) == 0);
		told += is;
		assert_false(flow_reader_news(b.r));
	}
	assert_int_equal(told, 7);
	flow_reader_free(b.r);
}

/* A clock that stands still, and one that goes back. */
static void odd_clock(void **state)
{
	struct bench b = bench_open();

	(void)state;
	for (int i = 0; i < 10; i++)
		said(&b, i % 2, 0, 1);
	b.now -= 100 * NSEC_PER_SEC;
	said(&b, INSIDE, 0, 1);
	assert_int_equal(b.s->initiative[INSIDE][0] + b.s->initiative[OUTSIDE][0], 0);
	b.now += 105 * NSEC_PER_SEC;
	said(&b, OUTSIDE, 0, 1);
	assert_int_equal(b.s->initiative[OUTSIDE][2], 1);
	flow_reader_free(b.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typing),
		cmocka_unit_test(tunnel),
		cmocka_unit_test(unanswered),
		cmocka_unit_test(keep_alives),
		cmocka_unit_test(steady_and_mute),
		cmocka_unit_test(news),
		cmocka_unit_test(same_size_at_no_period),
		cmocka_unit_test(odd_clock),
		cmocka_unit_test(late_answers),
		cmocka_unit_test(late_in_the_prelude),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
