// SPDX-License-Identifier: Apache-2.0
/* Unit tests of what src/report makes of handovers, over a small record: call 1 makes a file, call
 * 3 copies it to a Makefile that call 9 runs, and what call 9 does then is a finding. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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
#include "report/blame.h"
#include "report/report.h"

#define RUN "01arz3ndektsv4rr"
#define BEGIN (1795168800ull * NSEC_PER_SEC) /* 2026-11-20T10:00:00Z */
#define LABEL_SEED 5
#define LABEL_MAKE 6
#define LABEL_LOST 77

static char directory[64]; /* of the store */
static uint64_t seed_seq;  /* the handover to call 3 */

static void put_open(struct record_maker *k)
{
	struct run_open open = { .id = RUN, .key = 77, .started_ns = BEGIN };

	run_open_encode(&open, &k->b);
	record_put(k, FRAME_RUN_OPEN);
}

static void put_seed(struct record_maker *k)
{
	record_begin_call(k, 1, "bash", "{\"command\":\"cat >seed\"}", NULL);
	record_put_event(k, make_exec(&k->m, "/bin/cat", "/bin/cat", "cat", 4, 0, EVENT_NO_CALL));
	k->m.inode = 10;
	record_put_event(k, make_file(&k->m, FILE_WRITE, "/work/seed", "", 0, 0, EVENT_NO_CALL));
	record_end_call(k, 0, 0);
}

static void put_plant(struct record_maker *k)
{
	record_begin_call(k, 3, "bash", "{\"command\":\"cp seed new; mv new Makefile\"}", NULL);
	record_put_event(
		k, make_exec(&k->m, "/bin/cp", "/bin/cp", "cp\0seed\0new", 12, 0, EVENT_NO_CALL));
	record_put_event(k, make_handover(&k->m, EDGE_READ, 1, 0, LABEL_SEED, 10, "/work/seed"));
	seed_seq = k->m.seq;
	k->m.label = LABEL_SEED;
	k->m.inode = 11;
	record_put_event(k, make_file(&k->m, FILE_WRITE, "/work/new", "", 0, 0, EVENT_NO_CALL));
	k->m.label = 0;
	k->m.pid = 2003;
	record_put_event(k, make_exec(&k->m, "/bin/mv", "/bin/mv", "mv", 3, 0, EVENT_NO_CALL));
	record_put_event(k, make_file(&k->m, FILE_RENAME, "/work/new", "/work/Makefile", 0, 0, 3));
	record_end_call(k, 0, 0);
}

static void put_make(struct record_maker *k)
{
	const uint8_t address[4] = { 10, 0, 0, 1 };
	struct finding f = { .number = 1,
			     .detector = "denied_network",
			     .severity = SEVERITY_HIGH,
			     .category = "C1",
			     .call = 9,
			     .verdict = VERDICT_BLOCKED,
			     .summary = "attempt to 10.0.0.1 port 22 was refused",
			     .events = 1,
			     .evidence_count = 1,
			     .via_count = 2,
			     .via = { { .call = 3, .kind = EDGE_READ },
				      { .call = 1, .kind = EDGE_READ } } };

	record_begin_call(k, 9, "bash", "{\"command\":\"make test\"}", NULL);
	record_put_event(k, make_exec(&k->m, "/usr/bin/make", "/usr/bin/make", "make\0test", 10, 0,
				      EVENT_NO_CALL));
	record_put_event(k, make_handover(&k->m, EDGE_READ, 3, LABEL_SEED, LABEL_MAKE, 11,
					  "/work/Makefile"));
	f.via[0].seq = k->m.seq;
	f.via[1].seq = seed_seq;
	k->m.label = LABEL_MAKE;
	record_put_event(k, make_net(&k->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, address, 4, 22,
				     -ENETUNREACH));
	f.evidence[0] = k->m.seq;
	finding_encode(&f, &k->b);
	record_put(k, FRAME_FINDING);
	k->m.inode = 12;
	k->m.label = LABEL_LOST; /* its handover is not in the record */
	record_put_event(k, make_file(&k->m, FILE_WRITE, "/work/out", "", 0, 0, EVENT_NO_CALL));
	record_end_call(k, 0, 0);
}

/* The file event by which call 5 wrote it was lost. */
static void put_user_of_lost(struct record_maker *k)
{
	record_begin_call(k, 10, "bash", "{\"command\":\"cat lost; echo >lost\"}", NULL);
	k->m.label = 0;
	record_put_event(
		k, make_handover(&k->m, EDGE_READ, 5, 0, LABEL_LOST + 1, 15, "/work/lost\x1b"));
	k->m.inode = 15;
	record_put_event(k, make_file(&k->m, FILE_WRITE, "/work/lost\x1b", "", 0, 0, 5));
	record_end_call(k, 0, 0);
}

static int make_store(void **state)
{
	struct record_maker k = { .m = { .run = 77 }, .now = BEGIN, .step = NSEC_PER_SEC / 2 };
	struct run_close close = { .ended_ns = BEGIN + 8 * NSEC_PER_SEC };

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/weir-test-story-XXXXXX");
	assert_non_null(mkdtemp(directory));
	record_begin(&k, directory, RUN);
	put_open(&k);
	put_seed(&k);
	put_plant(&k);
	put_make(&k);
	put_user_of_lost(&k);
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

struct opened {
	struct store *store;
	struct report report;
};

static void open_report(struct opened *o, uint32_t only)
{
	struct fail f = { 0 };

	assert_int_equal(store_open(directory, &o->store, &f), 0);
	assert_int_equal(report_load(o->store, NULL, 16, only, &o->report, &f), 0);
}

static void close_report(struct opened *o)
{
	report_free(&o->report);
	store_close(o->store);
}

static void the_report_has_every_call_of_a_chain(void **state)
{
	struct opened o = { 0 };
	const struct report_edge *via;
	const struct report_edge *const *behind;
	size_t count;

	open_report(&o, 0);
	via = report_via(&o.report, 9, &count);
	assert_int_equal(count, 3);
	assert_int_equal(via[0].edge.call, 3);
	assert_int_equal(via[0].edge.kind, EDGE_READ);
	assert_int_equal(via[0].count, 1);
	assert_string_equal(via[0].what, "/work/Makefile");
	assert_int_equal(via[1].edge.call, 1);
	assert_int_equal(via[1].count, 0); /* not directly */
	assert_int_equal(via[2].edge.call, EVENT_NO_CALL);
	assert_int_equal(via[2].edge.reason, EDGE_REASON_LOST);
	via = report_via(&o.report, 3, &count);
	assert_int_equal(count, 1);
	assert_int_equal(via[0].edge.call, 1);
	assert_int_equal(via[0].count, 1);
	report_via(&o.report, 1, &count);
	assert_int_equal(count, 0);
	behind = report_behind(&o.report, 1, &count);
	assert_int_equal(count, 2);
	assert_int_equal(behind[0]->to, 3);
	assert_int_equal(behind[1]->to, 9);
	close_report(&o);
}

static void the_reports_forms_show_it(void **state)
{
	struct text_style style = { .width = 100 };
	cleanup_free char *text = NULL, *json = NULL;
	struct opened o = { 0 };
	struct fail f = { 0 };
	size_t size;
	FILE *out;

	open_report(&o, 0);
	out = open_memstream(&text, &size);
	assert_int_equal(report_text(&o.report, &style, out, &f), 0);
	fclose(out);
	assert_non_null(strstr(text,
			       "         <- call 3 (read), call 1 (read), unknown (the hand-over"
			       " is not in the record)\n"));
	assert_non_null(strstr(text, "; by way of call 3 (read), call 1 (read)\n"));
	assert_non_null(strstr(text,
			       "PROVENANCE INCOMPLETE: 0 hand-overs lost; not known of call 9 "
			       "(the hand-over is not in the record)\n"));
	out = open_memstream(&json, &size);
	assert_int_equal(report_json(&o.report, out, &f), 0);
	fclose(out);
	assert_non_null(strstr(json, "\"via\":[{\"call\":3,\"kind\":\"read\",\"evidence\":\"" RUN));
	assert_non_null(
		strstr(json, "\"behind\":[{\"call\":3,\"kind\":\"read\",\"evidence\":\"" RUN));
	assert_non_null(strstr(json, "{\"from\":3,\"to\":9,\"kind\":\"read\",\"evidence\":\"" RUN));
	assert_non_null(strstr(json, "\"count\":1,\"what\":\"/work/Makefile\",\"reason\":null}"));
	assert_null(strstr(json, "{\"from\":1,\"to\":9"));
	assert_non_null(strstr(json, "\"provenance\":{\"handovers_lost\":0,\"unknown\":1,\"calls\":"
				     "[{\"call\":9,\"reason\":\"the hand-over is not in the "
				     "record\"}]}"));
	close_report(&o);
}

/* By hand, from the frames above. */
/* clang-format off */
static const char story[] =
	"How it came about, the last first:\n"
	"- In call 9, bash `make test`, /usr/bin/make (pid 1009, \"make test\") read /work/Makefile (event 15,"
	" 10:00:03.000), which call 3, bash `cp seed new; mv new Makefile`, had left so: /bin/cp (pid 1003,"
	" \"cp seed new\"), write /work/new (event 9, 10:00:02.000), and /bin/mv (pid 2003, \"mv\"),"
	" rename /work/new to /work/Makefile (event 11, 10:00:02.000).\n"
	"   - In call 3 /bin/cp (pid 1003, \"cp seed new\") read"
	" /work/seed (event 8, 10:00:02.000), which call 1, bash `cat >seed`, had left so: /bin/cat (pid 1001,"
	" \"cat\"), write /work/seed (event 4, 10:00:01.000). Behind call 1 stands no other there.\n";
/* clang-format on */

static void the_chain_is_told_back_to_the_first_call(void **state)
{
	struct text_style style = { .width = 1000 };
	cleanup_free char *text = NULL;
	struct opened o = { 0 };
	struct fail f = { 0 };
	size_t size;
	FILE *out;

	open_report(&o, 1);
	out = open_memstream(&text, &size);
	assert_int_equal(explain_text(&o.report, 1, &style, out, &f), 0);
	fclose(out);
	assert_non_null(strstr(text, "How it"));
	assert_memory_equal(strstr(text, "How it"), story, strlen(story));
	close_report(&o);
}

static bool has_edge(const char *json, const char *from, const char *to, const char *kind)
{
	char edge[256];

	snprintf(edge, sizeof(edge), "{\"from\":\"%s\",\"to\":\"%s\",\"kind\":\"%s\",", from, to,
		 kind);
	return strstr(json, edge);
}

static void the_chain_is_a_graph(void **state)
{
	cleanup_free char *json = NULL;
	struct opened o = { 0 };
	struct fail f = { 0 };
	size_t size;
	FILE *out;

	open_report(&o, 1);
	out = open_memstream(&json, &size);
	assert_int_equal(explain_json(&o.report, 1, out, &f), 0);
	fclose(out);
	assert_true(has_edge(json, "call:1", "process:1001.1001000", "ran"));
	assert_true(has_edge(json, "process:1001.1001000", "file:1.10", "left"));
	assert_true(has_edge(json, "file:1.10", "process:1003.1003000", "read"));
	assert_true(has_edge(json, "call:3", "process:2003.2003000", "ran"));
	assert_true(has_edge(json, "process:2003.2003000", "file:1.11", "left"));
	assert_true(has_edge(json, "file:1.11", "process:1009.1009000", "read"));
	assert_true(has_edge(json, "process:1009.1009000", "finding:F1", "did"));
	close_report(&o);
}

static void open_blame(struct store **s, const char *path, struct blame *b)
{
	struct fail f = { 0 };

	assert_int_equal(store_open(directory, s, &f), 0);
	assert_int_equal(blame_load(*s, NULL, path, "/", b, &f), 0);
}

static void who_wrote_a_file_is_told_under_all_its_names(void **state)
{
	cleanup_blame struct blame b = { 0 };
	struct store *s = NULL;

	open_blame(&s, "Makefile", &b);
	assert_string_equal(b.path, "/work/Makefile");
	assert_int_equal(b.now, BLAME_THERE);
	assert_int_equal(b.line_count, 2);
	assert_int_equal(b.lines[0].op, FILE_WRITE);
	assert_int_equal(b.lines[0].call, 3);
	assert_string_equal(b.lines[0].path, "/work/new");
	assert_string_equal(b.lines[0].exe, "/bin/cp");
	assert_int_equal(b.lines[0].via_count, 1);
	assert_int_equal(b.lines[0].via[0].call, 1);
	assert_string_equal(b.lines[0].via_path[0], "/work/seed");
	assert_int_equal(b.lines[1].op, FILE_RENAME);
	assert_string_equal(b.lines[1].target, "/work/Makefile");
	store_close(s);
}

static void a_file_that_was_renamed_away_is_gone(void **state)
{
	cleanup_blame struct blame b = { 0 };
	struct store *s = NULL;

	open_blame(&s, "/work/./x/../new", &b);
	assert_int_equal(b.now, BLAME_GONE);
	assert_int_equal(b.line_count, 2);
	assert_true(b.lines[0].replaced && b.lines[1].replaced);
	store_close(s);
}

/* Call 5 wrote it, so says the one who read it; the write itself was lost. */
static void a_lost_write_is_a_gap(void **state)
{
	struct text_style style = { .width = 200 };
	cleanup_blame struct blame b = { 0 };
	cleanup_free char *text = NULL;
	struct store *s = NULL;
	struct fail f = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	open_blame(&s, "/work/lost\x1b", &b);
	assert_int_equal(b.line_count, 2);
	assert_int_equal(b.lines[0].op, BLAME_GAP);
	assert_int_equal(b.lines[0].call, 5);
	assert_int_equal(b.lines[1].call, 10);
	assert_int_equal(blame_text(&b, &style, out, &f), 0);
	fclose(out);
	assert_non_null(strstr(text, "?    5  it was changed, how is not in the record (event "));
	assert_non_null(strstr(text, "What it holds is from call 5, 10.\n"));
	assert_non_null(strstr(text, "/work/lost\\e in run " RUN "\n"));
	assert_null(strchr(text, '\x1b'));
	store_close(s);
}

static void an_untouched_file_is_nobodys(void **state)
{
	cleanup_blame struct blame b = { 0 };
	struct store *s = NULL;

	open_blame(&s, "/etc/passwd", &b);
	assert_int_equal(b.line_count, 0);
	assert_int_equal(b.now, BLAME_UNTOUCHED);
	store_close(s);
}

/* Anything, from few names, files, calls and labels, so that all of it meets. */
static void put_anything(struct record_maker *k)
{
	static const char *const paths[] = {
		"/work/a", "/work/b",	"/work/d", "/work/d/a", "a",
		"/",	   "/work/d/b", "../../x", "",		"/work"
	};
	const char *path = paths[rand() % 10], *target = paths[rand() % 10];
	uint32_t call = rand() % 8 ? (uint32_t)rand() % 6 : EVENT_NO_CALL;

	k->m.call = (uint32_t)rand() % 6;
	k->m.pid = 100 + (uint32_t)rand() % 5;
	k->m.label = (uint32_t)rand() % 40;
	k->m.inode = (uint64_t)rand() % 5;
	switch (rand() % 4) {
	case 0:
		record_put_event(k,
				 make_handover(&k->m, (enum edge_kind)(rand() % EDGE_KIND_COUNT),
					       call, (uint32_t)rand() % 40, (uint32_t)rand() % 40,
					       (uint64_t)rand() % 5, path));
		break;
	case 1:
		record_put_event(k, make_exec(&k->m, path, target, "x", 2, 0, call));
		break;
	default:
		record_put_event(k, make_file(&k->m, (enum file_op)(rand() % FILE_OP_COUNT), path,
					      target, rand() % 10 ? 0 : -EPERM,
					      (uint32_t)rand() % 4, call));
	}
}

static void make_anything(unsigned seed)
{
	struct record_maker k = { .m = { .run = 77 }, .now = BEGIN, .step = 1 };
	struct finding f = { .number = 1, .detector = "x", .call = 3, .events = 1 };

	srand(seed);
	snprintf(directory, sizeof(directory), "/tmp/weir-test-story-XXXXXX");
	assert_non_null(mkdtemp(directory));
	record_begin(&k, directory, RUN);
	put_open(&k);
	for (int i = 0; i < 3000; i++)
		put_anything(&k);
	for (f.evidence_count = 0; f.evidence_count < FINDING_EVIDENCE_MAX; f.evidence_count++)
		f.evidence[f.evidence_count] = (uint64_t)rand() % 3200;
	finding_encode(&f, &k.b);
	record_put(&k, FRAME_FINDING);
	record_finish(&k, directory);
}

static void whatever_a_record_says_is_told_to_an_end(void **state)
{
	struct text_style style = { .width = 100 };
	cleanup_free char *text = NULL;
	char kept[sizeof(directory)];
	struct fail f = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	memcpy(kept, directory, sizeof(kept));
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct opened o = { 0 };

		make_anything(seed);
		open_report(&o, 1);
		assert_int_equal(report_text(&o.report, &style, out, &f), 0);
		assert_int_equal(report_json(&o.report, out, &f), 0);
		assert_int_equal(explain_text(&o.report, 1, &style, out, &f), 0);
		assert_int_equal(explain_json(&o.report, 1, out, &f), 0);
		for (int i = 0; i < 2; i++) {
			cleanup_blame struct blame b = { 0 };

			assert_int_equal(
				blame_load(o.store, NULL, i ? "a" : "/work/d/b", "/", &b, &f), 0);
			assert_in_range(b.line_count, 1, BLAME_LINES_MAX);
			assert_int_equal(blame_text(&b, &style, out, &f), 0);
			assert_int_equal(blame_json(&b, out, &f), 0);
		}
		close_report(&o);
		remove_store(NULL);
	}
	fclose(out);
	memcpy(directory, kept, sizeof(kept));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_report_has_every_call_of_a_chain),
		cmocka_unit_test(the_reports_forms_show_it),
		cmocka_unit_test(the_chain_is_told_back_to_the_first_call),
		cmocka_unit_test(the_chain_is_a_graph),
		cmocka_unit_test(who_wrote_a_file_is_told_under_all_its_names),
		cmocka_unit_test(a_file_that_was_renamed_away_is_gone),
		cmocka_unit_test(a_lost_write_is_a_gap),
		cmocka_unit_test(an_untouched_file_is_nobodys),
		cmocka_unit_test(whatever_a_record_says_is_told_to_an_end),
	};

	return cmocka_run_group_tests_name("story", tests, make_store, remove_store);
}
