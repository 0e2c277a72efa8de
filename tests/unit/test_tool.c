// SPDX-License-Identifier: Apache-2.0
/* Unit tests of the text edits of src/tool. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "tool/edit.h"

#define B(text) ((struct bytes){ text, sizeof(text) - 1 })

static void replace_wants_exactly_one(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct fail f = { 0 };
	size_t count = 0;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(edit_replace(B("a b c"), B("b"), B("xyz"), false, &out, &count, &f), 0);
	assert_string_equal(buf_text(&out), "a xyz c");
	buf_clear(&out);
	assert_int_equal(edit_replace(B("a b c"), B("d"), B(""), false, &out, &count, &f), -ENOENT);
	assert_int_equal(edit_replace(B("x\nx\ny\nx\n"), B("x"), B("z"), false, &out, &count, &f),
			 -ENOTUNIQ);
	assert_non_null(strstr(f.text, "3 times (line 1, 2, 4)"));
	assert_int_equal(edit_replace(B("xxa"), B("x"), B(""), true, &out, &count, &f), 0);
	assert_string_equal(buf_text(&out), "a");
	assert_int_equal(count, 2);
}

static void replace_is_bounded(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct fail f = { 0 };
	size_t count = 0;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(edit_replace(B("aaaa"), B("a"), B("bbb"), true, &out, &count, &f), -EFBIG);
}

static void insert_keeps_lines_whole(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct fail f = { 0 };

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(edit_insert(B("1\n2\n"), 0, B("new"), &out, &f), 0);
	assert_string_equal(buf_text(&out), "new\n1\n2\n");
	buf_clear(&out);
	assert_int_equal(edit_insert(B("1\n2"), 2, B("new\n"), &out, &f), 0);
	assert_string_equal(buf_text(&out), "1\n2\nnew\n");
	buf_clear(&out);
	assert_int_equal(edit_insert(B("1\n2\n"), 1, B("n"), &out, &f), 0);
	assert_string_equal(buf_text(&out), "1\nn\n2\n");
	assert_int_equal(edit_insert(B("1\n2\n"), 9, B("n"), &out, &f), -ERANGE);
	buf_clear(&out);
	assert_int_equal(edit_insert(B(""), 0, B("n"), &out, &f), 0);
	assert_string_equal(buf_text(&out), "n\n");
}

static void lines_are_cut_where_asked(void **state)
{
	cleanup_buf struct buf out = { 0 };
	struct fail f = { 0 };

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(edit_lines(B("a\nb\nc"), 2, 0, true, &out, &f), 0);
	assert_string_equal(buf_text(&out), "     2\tb\n     3\tc");
	buf_clear(&out);
	assert_int_equal(edit_lines(B("a\nb\nc"), 0, 1, false, &out, &f), 0);
	assert_string_equal(buf_text(&out), "a\n");
	buf_clear(&out);
	assert_int_equal(edit_lines(B(""), 0, 0, false, &out, &f), 0);
	assert_int_equal(edit_lines(B("a\n"), 2, 0, false, &out, &f), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replace_wants_exactly_one),
		cmocka_unit_test(replace_is_bounded),
		cmocka_unit_test(insert_keeps_lines_whole),
		cmocka_unit_test(lines_are_cut_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
