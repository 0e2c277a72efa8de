// SPDX-License-Identifier: Apache-2.0
/* See reader_bench.h. */
#include "reader_bench.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/clock.h"

struct flow_signs reader_result;

static void say(struct flow_reader *r, const struct line *l, size_t from, size_t piece,
		uint64_t *now)
{
	size_t n;

	for (size_t at = from; at < l->size; at += n) {
		char *copy;

		n = piece < l->size - at ? piece : l->size - at;
		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, l->bytes + at, n);
		flow_reader_take(r, l->side, *now += 1000000, copy, n, n);
		free(copy);
		assert_in_range(flow_reader_memory(r), 1, READER_SIZE_MAX);
	}
}

enum protocol reader_play(const struct talk *t, size_t piece, bool midstream, size_t skip)
{
	struct flow_reader *r = flow_reader_new(IPPROTO_TCP, 3333, midstream);
	uint64_t now = 1000 * NSEC_PER_SEC;
	enum protocol protocol;

	assert_non_null(r);
	for (size_t i = 0; i < LINES_MAX && t->lines[i].bytes; i++)
		say(r, &t->lines[i], i == 0 ? skip : 0, piece, &now);
	reader_result = *flow_reader_signs(r);
	protocol = flow_reader_protocol(r);
	flow_reader_free(r);
	return protocol;
}

void reader_expect(const struct talk *t, size_t piece)
{
	enum protocol protocol = reader_play(t, piece, false, 0);

	if (reader_result.traits != t->traits || protocol != t->protocol ||
	    reader_result.inner != t->inner)
		print_and_fail("%s, pieces of %zu: protocol %d, inner %d, traits %#x, not %#x\n",
			       t->name, piece, protocol, reader_result.inner, reader_result.traits,
			       t->traits);
}

void reader_expect_all(const struct talk *t)
{
	size_t longest = 0;

	for (size_t i = 0; i < LINES_MAX && t->lines[i].bytes; i++)
		longest = t->lines[i].size > longest ? t->lines[i].size : longest;
	for (size_t piece = 1; piece <= longest; piece++)
		reader_expect(t, piece);
}
