// SPDX-License-Identifier: Apache-2.0
/* Unit tests of the page's data: the escaping, the stretches of time against events put at known
 * times, and what is left out where there is too much. That nothing in the page runs and that it
 * looks as it should is seen by a browser (tests/scenario/html.sh). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "base/clock.h"
#include "record_maker.h"
#include "report/density.h"
#include "report/html.h"

#define RUN "01arz3ndektsv4rr"
#define BEGIN (1795168800ull * NSEC_PER_SEC) /* 2026-11-20T10:00:00Z */
#define HOSTILE "{\"command\":\"</script><!--<img src=x onerror=alert(1)>&amp;\"}"

static char directory[64];

static void put_connect_at(struct record_maker *k, uint64_t ns, int result)
{
	const uint8_t address[4] = { 10, 0, 0, 1 };

	k->now = BEGIN + ns;
	record_put_event(
		k, make_net(&k->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, address, 4, 22, result));
}

static int make_store(void **state)
{
	struct record_maker k = { .m = { .run = 77 }, .now = BEGIN, .step = 1000 };
	struct run_open open = { .id = RUN, .key = 77, .name = "</title>", .started_ns = BEGIN };
	struct run_close close = { .ended_ns = BEGIN + 3600 * NSEC_PER_SEC };
	struct finding f = { .number = 1,
			     .detector = "survivor",
			     .severity = SEVERITY_HIGH,
			     .category = "C1",
			     .summary = "<b>",
			     .call = 3,
			     .events = 1,
			     .evidence_count = 1,
			     .evidence = { 3 } };

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/weir-test-html-XXXXXX");
	assert_non_null(mkdtemp(directory));
	record_begin(&k, directory, RUN);
	run_open_encode(&open, &k.b);
	record_put(&k, FRAME_RUN_OPEN);
	record_begin_call(&k, 1, "bash", HOSTILE, NULL);
	put_connect_at(&k, 0, 0);
	put_connect_at(&k, 1, -1);
	put_connect_at(&k, 3600 * NSEC_PER_SEC - 1, 0);
	put_connect_at(&k, 1800 * NSEC_PER_SEC, -1);
	record_end_call(&k, 0, 0);
	record_begin_call(&k, 2, "bash", "{\"command\":\"true\"}", NULL);
	record_end_call(&k, 0, 0);
	record_begin_call(&k, 3, "bash", "{\"command\":\"sleep 9 &\"}", NULL);
	record_end_call(&k, 0, 0);
	finding_encode(&f, &k.b);
	record_put(&k, FRAME_FINDING);
	run_close_encode(&close, &k.b);
	record_put(&k, FRAME_RUN_CLOSE);
	record_finish(&k, directory);
	return 0;
}

static int remove_store(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void load(struct store **ret_store, struct report *ret)
{
	struct fail f = { 0 };

	assert_int_equal(store_open(directory, ret_store, &f), 0);
	assert_int_equal(report_load(*ret_store, RUN, 8, 0, ret, &f), 0);
}

static void no_markup_leaves_the_stream(void **state)
{
	static const char json[] = "{\"<\":\"</script><!-- & --> \xe2\x80\xa8\"}";
	static const char safe[] = "{\"\\u003c\":\"\\u003c/script\\u003e\\u003c!-- \\u0026 "
				   "--\\u003e \xe2\x80\xa8\"}";
	cleanup_free char *text = NULL;
	size_t size, many = 100000;
	FILE *out = open_memstream(&text, &size), *stream = html_json_open(out);

	(void)state;
	/* Byte by byte, so that no buffer's border hides one. */
	for (size_t i = 0; json[i]; i++) {
		assert_int_equal(fwrite(json + i, 1, 1, stream), 1);
		fflush(stream);
	}
	for (size_t i = 0; i < many; i++)
		fputc('<', stream);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(size, strlen(safe) + many * 6);
	assert_memory_equal(text, safe, strlen(safe));
	assert_null(strchr(text, '<'));
}

static void a_full_disk_is_told(void **state)
{
	FILE *out = fopen("/dev/full", "w"), *stream;

	(void)state;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	stream = html_json_open(out);
	fputs("{}", stream);
	assert_int_not_equal(fclose(stream), 0);
	fclose(out);
}

static uint64_t sum(const uint64_t *bins, size_t count)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += bins[i];
	return n;
}

static void events_are_counted_where_they_were(void **state)
{
	cleanup_report struct report r = { 0 };
	cleanup_density struct density d = { 0 };
	const struct density_call *c;
	struct store *s = NULL;
	struct fail f = { 0 };
	size_t last, half;

	(void)state;
	load(&s, &r);
	assert_int_equal(density_load(&r, NULL, &d, &f), 0);
	c = &d.calls[1];
	assert_int_equal(c->from_ns, BEGIN);
	last = (3600 * NSEC_PER_SEC - 1) >> c->shift;
	half = (1800 * NSEC_PER_SEC) >> c->shift;
	/* No finer than needed, no coarser than half of it. */
	assert_in_range(last, d.bins / 2, d.bins - 1);
	assert_int_equal(c->bins[DENSITY_ALL][0], 2);
	assert_int_equal(c->bins[DENSITY_ALL][half], 1);
	assert_int_equal(c->bins[DENSITY_ALL][last], 1);
	assert_int_equal(c->bins[DENSITY_REFUSED][0], 1);
	assert_int_equal(c->bins[DENSITY_REFUSED][half], 1);
	assert_int_equal(sum(c->bins[DENSITY_ALL], d.bins), 4);
	assert_int_equal(sum(c->bins[DENSITY_REFUSED], d.bins), 2);
	assert_int_equal(d.until_ns, BEGIN + 3600 * NSEC_PER_SEC - 1);
	store_close(s);
}

static char *page_data(const struct report *r, const struct report_bounds *bounds)
{
	struct fail f = { 0 };
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size), *stream = html_json_open(out);

	assert_int_equal(report_json_bounded(r, bounds, stream, &f), 0);
	assert_int_equal(html_page_data(r, bounds, stream, &f), 0);
	fclose(stream);
	fclose(out);
	return text;
}

static void what_is_too_much_is_left_out_and_counted(void **state)
{
	struct report_bounds bounds = { .calls = 2, .text = 20 };
	cleanup_report struct report r = { 0 };
	cleanup_free char *text = NULL;
	struct store *s = NULL;
	char bytes[32];

	(void)state;
	load(&s, &r);
	text = page_data(&r, &bounds);
	assert_non_null(strstr(text, "\"n\":1,"));
	assert_null(strstr(text, "\"n\":2,"));	   /* beyond the bound */
	assert_non_null(strstr(text, "\"n\":3,")); /* so is this one, but it has a finding */
	assert_non_null(strstr(text, "\"calls_left_out\":1,"));
	assert_non_null(strstr(text, "\"arguments\":\"{\\\"command\\\":\\\"\\u003c/script\","));
	snprintf(bytes, sizeof(bytes), "\"arguments_bytes\":%zu,", strlen(HOSTILE));
	assert_non_null(strstr(text, bytes));
	store_close(s);
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void the_page_has_no_markup_but_its_own(void **state)
{
	cleanup_report struct report r = { 0 };
	cleanup_free char *text = NULL;
	struct store *s = NULL;
	struct fail f = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	load(&s, &r);
	assert_int_equal(report_html(&r, out, &f), 0);
	fclose(out);
	assert_int_equal(occurrences(text, "</script>"), 3); /* two blocks and the script */
	assert_int_equal(occurrences(text, "<img"), 0);
	assert_int_equal(occurrences(text, "<!--"), 0);
	assert_int_equal(occurrences(text, "</title>"), 1);
	assert_non_null(strstr(text, "<title>weir: &lt;/title&gt;, run " RUN "</title>"));
	assert_int_equal(occurrences(text, "{{"), 0);
	assert_int_equal(occurrences(text, "'sha256-"), 2);
	assert_int_equal(occurrences(text, "unsafe"), 0);
	store_close(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_markup_leaves_the_stream),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(events_are_counted_where_they_were),
		cmocka_unit_test(what_is_too_much_is_left_out_and_counted),
		cmocka_unit_test(the_page_has_no_markup_but_its_own),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
