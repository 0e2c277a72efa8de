// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/base: limits at the limit, hostile text, bounded decoding. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/text_escape.h"
#include "base/wire.h"

static void buf_holds_exactly_its_maximum(void **state)
{
	cleanup_buf struct buf b = { 0 };

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(buf_add(&b, "abcd", 4), 0);
	assert_int_equal(buf_add(&b, "e", 1), -ENOBUFS);
	assert_string_equal(buf_text(&b), "abcd");
	assert_int_equal(buf_add(&b, "", 0), -ENOBUFS);
	buf_clear(&b);
	assert_int_equal(buf_add_text(&b, "xyz"), 0);
}

static void json_escapes_hostile_bytes(void **state)
{
	cleanup_buf struct buf b = { 0 };
	struct json j;

	(void)state;
	buf_init(&b, 1024);
	json_init(&j, &b);
	json_object(&j);
	json_field_bytes(&j, "a", "q\"\\\n\x01\xff\xc3\xa9", 8);
	json_key(&j, "b");
	json_array(&j);
	json_int(&j, -1);
	json_uint(&j, UINT64_MAX);
	json_string(&j, NULL);
	json_array_end(&j);
	json_object_end(&j);
	assert_string_equal(buf_text(&b), "{\"a\":\"q\\\"\\\\\\n\\u0001\\u00ff\xc3\xa9\",\"b\":[-1,"
					  "18446744073709551615,null]}");
}

static void json_depth_is_bounded(void **state)
{
	cleanup_buf struct buf b = { 0 };
	struct json j;

	(void)state;
	buf_init(&b, 4096);
	json_init(&j, &b);
	for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
		json_array(&j);
	assert_int_equal(b.error, 0);
	json_array(&j);
	assert_int_equal(b.error, -ENOBUFS);
}

static void escape_shows_what_a_terminal_would_obey(void **state)
{
	static const char hostile[] = "a\x1b[31m\n\xe2\x80\xae\xff\\";
	cleanup_buf struct buf b = { 0 };

	(void)state;
	buf_init(&b, 1024);
	text_escape(&b, hostile, sizeof(hostile) - 1);
	assert_string_equal(buf_text(&b), "a\\e[31m\\n\\u{202e}\\xff\\\\");
	buf_clear(&b);
	text_escape_cut(&b, "abcdef", 6, 4);
	assert_string_equal(buf_text(&b), "abc…");
	buf_clear(&b);
	text_escape_again(&b, "a\\e\x1b\\", 20);
	assert_string_equal(buf_text(&b), "a\\e\\e\\");
	buf_clear(&b);
	text_escape_html(&b, "<a href='x'>&\xff", 14);
	assert_string_equal(buf_text(&b), "&lt;a href=&#39;x&#39;&gt;&amp;\xef\xbf\xbd");
}

static void utf8_refuses_overlong_and_surrogates(void **state)
{
	(void)state;
	assert_int_equal(utf8_length((const unsigned char *)"\xc0\x80", 2), 0);
	assert_int_equal(utf8_length((const unsigned char *)"\xed\xa0\x80", 3), 0);
	assert_int_equal(utf8_length((const unsigned char *)"\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(utf8_length((const unsigned char *)"\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(utf8_length((const unsigned char *)"\xe2\x82", 2), 0);
}

static void wire_round_trips_and_stops_at_the_end(void **state)
{
	cleanup_buf struct buf b = { 0 };
	struct wire w;
	char *text;

	(void)state;
	buf_init(&b, 1024);
	wire_put_u8(&b, 7);
	wire_put_u32(&b, 0x01020304);
	wire_put_u64(&b, UINT64_MAX);
	wire_put_text(&b, "hello");
	wire_init(&w, b.data, b.size);
	assert_int_equal(wire_get_u8(&w), 7);
	assert_int_equal(wire_get_u32(&w), 0x01020304);
	assert_true(wire_get_u64(&w) == UINT64_MAX);
	text = wire_get_text(&w, 5);
	assert_string_equal(text, "hello");
	free(text);
	assert_int_equal(wire_end(&w), 0);
	wire_init(&w, b.data, b.size - 1);
	wire_get_u8(&w);
	wire_get_u32(&w);
	wire_get_u64(&w);
	assert_null(wire_get_text(&w, 5));
	assert_int_equal(wire_end(&w), -EBADMSG);
}

static void fail_keeps_context_and_bounds(void **state)
{
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(fail(&f, ENOENT, "open %s", "x"), -ENOENT);
	assert_string_equal(f.text, "open x: No such file or directory");
	assert_int_equal(fail_wrap(&f, "policy"), -ENOENT);
	assert_string_equal(f.text, "policy: open x: No such file or directory");
	assert_int_equal(fail(NULL, EIO, "nobody listens"), -EIO);
}

static void clock_writes_rfc3339(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	assert_string_equal(clock_format(1763632800123456789ull, text),
			    "2025-11-20T10:00:00.123456789Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_holds_exactly_its_maximum),
		cmocka_unit_test(json_escapes_hostile_bytes),
		cmocka_unit_test(json_depth_is_bounded),
		cmocka_unit_test(escape_shows_what_a_terminal_would_obey),
		cmocka_unit_test(utf8_refuses_overlong_and_surrogates),
		cmocka_unit_test(wire_round_trips_and_stops_at_the_end),
		cmocka_unit_test(fail_keeps_context_and_bounds),
		cmocka_unit_test(clock_writes_rfc3339),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
