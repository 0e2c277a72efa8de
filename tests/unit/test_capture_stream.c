// SPDX-License-Identifier: Apache-2.0
/* TCP put in order (src/capture/stream.c): against what was said, which the test knows, whatever
 * order, overlap or loss it came with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "flow/stream.h"

#define SAID_MAX 65536

struct heard {
	char bytes[SAID_MAX]; /* a gap's are '.' */
	size_t size, gaps;
};

struct bench {
	struct stream stream;
	struct account account;
	struct heard heard;
	uint64_t now_ns;
};

static void hear(void *context, struct octets o)
{
	struct heard *h = context;

	assert_true(h->size + o.size <= SAID_MAX);
	memset(h->bytes + h->size, '.', o.size);
	if (o.there)
		memcpy(h->bytes + h->size, o.data, o.there);
	h->gaps += o.data == NULL;
	h->size += o.size;
}

static void say(struct bench *b, uint32_t sequence, const char *text)
{
	struct octets o = { (const uint8_t *)text, strlen(text), strlen(text) };

	stream_add(&b->stream, &b->account, b->now_ns, sequence, o, hear, &b->heard);
}

static void acknowledge(struct bench *b, uint32_t sequence)
{
	stream_acknowledged(&b->stream, &b->account, b->now_ns, sequence, hear, &b->heard);
}

static void heard_is(struct bench *b, const char *text)
{
	b->heard.bytes[b->heard.size] = '\0';
	assert_string_equal(b->heard.bytes, text);
}

static void end(struct bench *b)
{
	stream_end(&b->stream, &b->account, hear, &b->heard);
	assert_int_equal(b->account.used, 0);
}

static void what_comes_in_order_is_heard_at_once(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 100);
	say(&b, 100, "one ");
	heard_is(&b, "one ");
	say(&b, 104, "two");
	heard_is(&b, "one two");
	end(&b);
}

static void what_comes_early_waits(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0xfffffffe); /* the numbers wrap in the middle */
	say(&b, 3, "cd");
	say(&b, 1, "ab");
	say(&b, 7, "gh");
	say(&b, 5, "ef");
	heard_is(&b, "");
	say(&b, 0xfffffffe, "xyz");
	heard_is(&b, "xyzabcdefgh");
	end(&b);
}

static void of_what_overlaps_the_first_counts(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0);
	say(&b, 4, "EF");
	say(&b, 8, "IJ");
	say(&b, 2, "cdefghijkl"); /* lies over both */
	say(&b, 0, "abXX");
	heard_is(&b, "abcdEFghIJkl");
	say(&b, 6, "........mn"); /* begins in what was heard */
	heard_is(&b, "abcdEFghIJkl..mn");
	assert_int_equal(b.stream.repeated, 6);
	end(&b);
}

static void a_keepalive_is_nothing(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 10);
	say(&b, 10, "abc");
	say(&b, 12, "?"); /* one byte before the next: RFC 9293 3.8.4 */
	heard_is(&b, "abc");
	end(&b);
}

static void a_gap_is_passed_when_it_was_acknowledged(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0);
	say(&b, 0, "ab");
	acknowledge(&b, 2);
	say(&b, 5, "fg");
	b.now_ns += 10 * STREAM_WAIT; /* however long: it may come again */
	say(&b, 5, "fg");
	heard_is(&b, "ab");
	acknowledge(&b, 7);
	heard_is(&b, "ab...fg");
	assert_int_equal(b.stream.missing, 3);
	assert_int_equal(b.heard.gaps, 1);
	end(&b);
}

static void packets_of_two_cpus_in_disorder_are_no_gap(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0);
	say(&b, 2, "cd");
	acknowledge(&b, 4); /* before what it acknowledges */
	say(&b, 0, "ab");
	heard_is(&b, "abcd");
	end(&b);
}

static void what_was_never_acknowledged_passes_nothing_by(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0);
	say(&b, 0, "a");
	acknowledge(&b, 1);
	say(&b, 1u << 29, "a lie");
	for (uint32_t i = 0; i < 2 * STREAM_PIECES_MAX; i++)
		say(&b, (1u << 28) + 2 * i, "x");
	b.now_ns += 10 * STREAM_WAIT;
	say(&b, 1, "b");
	heard_is(&b, "ab");
	assert_true(b.stream.pieces <= STREAM_PIECES_MAX + 1);
	end(&b);
	heard_is(&b, "ab");
}

static void without_acknowledgements_time_passes_a_gap(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0);
	say(&b, 3, "d");
	b.now_ns += STREAM_WAIT;
	say(&b, 4, "e");
	heard_is(&b, "");
	b.now_ns += 1;
	say(&b, 5, "f");
	heard_is(&b, "...def");
	end(&b);
}

static void without_acknowledgements_fullness_passes_a_gap(void **state)
{
	static struct bench b;

	(void)state;
	stream_begin(&b.stream, 0);
	for (uint32_t i = 0; i < STREAM_PIECES_MAX; i++)
		say(&b, 1 + 2 * i, "x");
	assert_int_equal(b.stream.pieces, STREAM_PIECES_MAX);
	assert_int_equal(b.heard.size, 0);
	say(&b, 1 + 2 * STREAM_PIECES_MAX, "x");
	assert_int_equal(b.stream.pieces, STREAM_PIECES_MAX);
	assert_int_equal(b.heard.size, 2);
	end(&b);
}

static void the_middle_is_a_beginning(void **state)
{
	static struct bench b;

	(void)state;
	say(&b, 0x80000000, "middle");
	heard_is(&b, "middle");
	assert_false(stream_plausible(&b.stream, 0));
	assert_true(stream_plausible(&b.stream, 0x80000000 + STREAM_AHEAD_MAX - 1));
	end(&b);
}

static void what_a_capture_cut_keeps_its_place(void **state)
{
	static struct bench b;
	struct octets cut = { (const uint8_t *)"cd", 2, 4 };

	(void)state;
	stream_begin(&b.stream, 0);
	stream_add(&b.stream, &b.account, 0, 2, cut, hear, &b.heard);
	say(&b, 6, "gh");
	say(&b, 0, "ab");
	heard_is(&b, "abcd..gh");
	end(&b);
}

/* Any order, any overlap, everything twice: what was said is heard. */
static void what_was_said_is_heard(void **state)
{
	static struct bench b;
	static char said[5001], part[64];

	(void)state;
	srand(6);
	for (int round = 0; round < 200; round++) {
		uint32_t first = (uint32_t)rand() * 2u;
		size_t sent = 0;

		memset(&b, 0, sizeof(b));
		for (size_t i = 0; i < sizeof(said) - 1; i++)
			said[i] = (char)('a' + rand() % 26);
		stream_begin(&b.stream, first);
		while (sent < sizeof(said) - 1) {
			/* near the front, so that all waits fit */
			size_t at = b.heard.size + (size_t)(rand() % 300);
			size_t size = 1 + (size_t)(rand() % 50);

			at = rand() % 3 && at >= 150 ? at - 150 : at;
			if (at >= sizeof(said) - 1)
				at = b.heard.size;
			if (size > sizeof(said) - 1 - at)
				size = sizeof(said) - 1 - at;
			memcpy(part, said + at, size);
			part[size] = '\0';
			say(&b, first + (uint32_t)at, part);
			sent = b.heard.size;
		}
		heard_is(&b, said);
		assert_int_equal(b.heard.gaps, 0);
		end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_in_order_is_heard_at_once),
		cmocka_unit_test(what_comes_early_waits),
		cmocka_unit_test(of_what_overlaps_the_first_counts),
		cmocka_unit_test(a_keepalive_is_nothing),
		cmocka_unit_test(a_gap_is_passed_when_it_was_acknowledged),
		cmocka_unit_test(packets_of_two_cpus_in_disorder_are_no_gap),
		cmocka_unit_test(what_was_never_acknowledged_passes_nothing_by),
		cmocka_unit_test(without_acknowledgements_time_passes_a_gap),
		cmocka_unit_test(without_acknowledgements_fullness_passes_a_gap),
		cmocka_unit_test(the_middle_is_a_beginning),
		cmocka_unit_test(what_a_capture_cut_keeps_its_place),
		cmocka_unit_test(what_was_said_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
