/* SPDX-License-Identifier: Apache-2.0 */
/* A detection with the built-in policy, fed by hand, whose findings are kept by their number. */
#ifndef WEIR_TESTS_DETECT_BENCH_H
#define WEIR_TESTS_DETECT_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "detect/detection.h"
#include "event_maker.h"

#define SEEN_MAX 64

struct bench {
	struct policy policy;
	struct detection *d;
	struct event_maker m;
	size_t count; /* findings */
	struct finding seen[SEEN_MAX];
};

static inline void see(void *context, const struct finding *f)
{
	struct bench *b = context;

	assert_true(f->number >= 1 && f->number < SEEN_MAX);
	if (f->number > b->count)
		b->count = f->number;
	b->seen[f->number] = *f;
}

static inline struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(policy_builtin(&b->policy), 0);
	assert_int_equal(detection_open(&b->policy, see, b, &b->d), 0);
	b->m = (struct event_maker){ .call = 3, .pid = 1000, .mono_ns = 1000000 };
	return b;
}

/* For policies other than the built-in one: ends the first detection. */
static inline void bench_again(struct bench *b)
{
	detection_close(b->d);
	assert_int_equal(detection_open(&b->policy, see, b, &b->d), 0);
}

static inline void bench_free(struct bench *b)
{
	detection_close(b->d);
	policy_free(&b->policy);
	free(b);
}

static inline void add_text(struct text_list *list, const char *text)
{
	list->items = realloc(list->items, (list->count + 1) * sizeof(char *));
	assert_non_null(list->items);
	list->items[list->count++] = strdup(text);
}

#define EXEC(b, exe, filename, argv, flags, writer) \
	detection_event((b)->d,                     \
			make_exec(&(b)->m, exe, filename, argv, sizeof(argv), flags, writer))

#define FILE_EVENT(b, op, path, target, result, mode) \
	detection_event((b)->d, make_file(&(b)->m, op, path, target, result, mode, EVENT_NO_CALL))

#define PRIVILEGED(b, op, syscall, argument, target, result) \
	detection_event((b)->d, make_privilege(&(b)->m, op, syscall, argument, target, result))

#endif
