/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations that a flow's reader is given, whole or in pieces. */
#ifndef WEIR_TESTS_READER_BENCH_H
#define WEIR_TESTS_READER_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/reader.h"

#define print_and_fail(...) (print_error(__VA_ARGS__), assert_true(false))
#define BIT(name) (1u << FLOW_TRAIT_##name)

struct line {
	enum meter_side side;
	const char *bytes;
	size_t size;
};
#define IN(text)                               \
	{                                      \
		INSIDE, text, sizeof(text) - 1 \
	}
#define OUT(text)                               \
	{                                       \
		OUTSIDE, text, sizeof(text) - 1 \
	}

#define LINES_MAX 14

struct talk {
	const char *name;
	enum protocol protocol;
	uint32_t traits;
	enum protocol inner;
	struct line lines[LINES_MAX];
};

extern struct flow_signs reader_result;

/* Each line in pieces of `piece` bytes, in memory of its own, so that a read past its end is seen.
 * The first `skip` bytes of the first line are left out. */
enum protocol reader_play(const struct talk *t, size_t piece, bool midstream, size_t skip);
void reader_expect(const struct talk *t, size_t piece);
/* In pieces of every size. */
void reader_expect_all(const struct talk *t);

#endif
