// SPDX-License-Identifier: Apache-2.0
/* Unit tests of the index: what is written from frames is read back, made anew from the segments
 * alone, and every way in which a store can be wrong is told once and clearly. Rows are also read
 * with SQL of our own, past the code that is tested. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "call/channel.h"
#include "call/place.h"
#include "store/counts.h"
#include "store/index.h"
#include "store/layout.h"
#include "store/record.h"
#include "store/schema.h"
#include "store/writer.h"

static char directory[64];

static int open_scratch(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/weir-test-record-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int close_scratch(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

/* A small recorder: frames in, segments and tally out. */
struct maker {
	struct layout layout;
	struct run_writer w;
	struct tally t;
};

static void on_frame(void *context, const struct frame_header *h, struct segment_position at)
{
	struct maker *m = context;
	cleanup_frame_body struct frame_body body = { 0 };

	assert_int_equal(frame_body_decode(h->kind, h + 1, h->size - sizeof(*h), &body), 0);
	assert_int_equal(tally_add(&m->t, h, at, &body), 0);
}

static void put(struct maker *m, enum frame_what what, const struct buf *payload)
{
	assert_int_equal(payload->error, 0);
	assert_int_equal(run_writer_add(&m->w, &(struct frame_new){ .kind = frame_what_kind(what),
								    .what = what,
								    .wall_ns = 1000,
								    .payload = buf_text(payload),
								    .size = payload->size }),
			 0);
}

static void put_event(struct maker *m, enum event_kind kind, uint32_t call)
{
	union {
		struct event_header h;
		struct event_fork fork;
		struct event_file file;
		struct event_count count;
	} e = { .h = { .kind = kind, .call = call, .run = 77, .pid = 9 } };

	e.h.size = kind == EVENT_FORK	 ? sizeof(e.fork)
		   : kind == EVENT_COUNT ? sizeof(e.count)
					 : sizeof(e.file);
	if (kind == EVENT_COUNT) {
		e.count.produced[EVENT_CLASS_FILE] = 50;
		e.count.lost[EVENT_CLASS_FILE] = 3;
		e.count.produced[EVENT_CLASS_PROCESS] = 1;
	}
	assert_int_equal(run_writer_add(&m->w, &(struct frame_new){ .kind = kind,
								    .wall_ns = 2000,
								    .payload = &e,
								    .size = e.h.size }),
			 0);
}

static void put_open(struct maker *m, const char *run, const char *name)
{
	struct run_open open = {
		.key = 77, .name = (char *)name, .started_ns = 5, .command = "make check"
	};
	cleanup_buf struct buf b = { 0 };

	buf_init(&b, 1 << 20);
	snprintf(open.id, sizeof(open.id), "%s", run);
	run_open_encode(&open, &b);
	put(m, FRAME_RUN_OPEN, &b);
}

static void put_call(struct maker *m, uint32_t n, const char *arguments)
{
	struct call_announce a = { .n = n,
				   .tool_call_id = "id",
				   .function_name = "bash",
				   .arguments = (char *)arguments,
				   .started_ns = 10 * n,
				   .executed = true };
	struct call_exit e = { .n = n,
			       .exit_code = 3,
			       .ending = ENDING_EXIT,
			       .ended_ns = 10 * n + 5,
			       .survivors = 1 };
	struct call_observation o = {
		.n = n, .output = "hello\n", .output_size = 6, .output_total = 6
	};
	struct call_gone g = { .n = n, .gone_ns = 10 * n + 7, .resources = { .cpu_usec = 42 } };
	cleanup_buf struct buf b = { 0 };

	buf_init(&b, 4 << 20);
	call_announce_encode(&a, &b);
	put(m, FRAME_CALL_ANNOUNCE, &b);
	put_event(m, EVENT_FORK, n);
	for (int i = 0; i < 45; i++)
		put_event(m, EVENT_FILE, n);
	put_event(m, EVENT_COUNT, n);
	buf_clear(&b);
	call_exit_encode(&e, &b);
	put(m, FRAME_CALL_EXIT, &b);
	buf_clear(&b);
	call_observation_encode(&o, &b);
	put(m, FRAME_CALL_OBSERVATION, &b);
	buf_clear(&b);
	call_gone_encode(&g, &b);
	put(m, FRAME_CALL_GONE, &b);
}

static void put_finding(struct maker *m, uint32_t number, uint32_t call, uint32_t events)
{
	struct finding finding = { .number = number,
				   .detector = "survivor",
				   .severity = SEVERITY_HIGH,
				   .category = "C1",
				   .call = call,
				   .events = events,
				   .evidence_count = 1,
				   .evidence = { 4 } };
	cleanup_buf struct buf b = { 0 };

	snprintf(finding.summary, sizeof(finding.summary), "call %u left something", call);
	buf_init(&b, 1 << 16);
	finding_encode(&finding, &b);
	put(m, FRAME_FINDING, &b);
}

static void put_close(struct maker *m)
{
	struct run_close close = { .ended_ns = 900, .exit_code = 3 };
	cleanup_buf struct buf b = { 0 };

	buf_init(&b, 4096);
	run_close_encode(&close, &b);
	put(m, FRAME_RUN_CLOSE, &b);
}

/* A run of `calls` calls with a finding, closed and indexed. */
static void make_run(const char *run, const char *name, uint32_t calls)
{
	struct maker m = { 0 };
	struct index *ix = NULL;
	struct fail f = { 0 };
	char root[MERKLE_HEX_SIZE];

	assert_int_equal(layout_open(directory, true, &m.layout, &f), 0);
	run_writer_init(&m.w, run);
	assert_int_equal(run_writer_make(&m.w, m.layout.runs, &f), 0);
	tally_init(&m.t);
	put_open(&m, run, name);
	for (uint32_t n = 1; n <= calls; n++)
		put_call(&m, n, "{\"command\":\"true\"}");
	put_finding(&m, 1, 1, 1);
	put_finding(&m, 1, 1, 9);
	put_close(&m);
	assert_int_equal(run_writer_flush(&m.w, on_frame, &m, &f), 0);
	assert_int_equal(run_writer_finish(&m.w, root, &f), 0);
	assert_int_equal(index_open(directory, INDEX_NAME, &ix, &f), 0);
	assert_int_equal(index_begin(ix, &f), 0);
	assert_int_equal(index_write_run(ix, run, &m.t, INDEX_OVER, root, m.w.bytes, &f), 0);
	assert_int_equal(index_commit(ix, &f), 0);
	tally_clean(&m.t);
	index_close(ix);
	tally_free(&m.t);
	run_writer_close(&m.w);
	layout_close(&m.layout);
}

#define RUN1 "0123456789abcde1"
#define RUN2 "0123456789abcde2"
#define RUN3 "1123456789abcde3"

static int check_call(void *context, const struct call_record *c)
{
	uint32_t *next = context;

	assert_int_equal(c->announce.n, (*next)++);
	if (c->announce.n == 0)
		return 0;
	assert_string_equal(c->announce.function_name, "bash");
	assert_string_equal(c->announce.arguments, "{\"command\":\"true\"}");
	assert_true(c->ended && c->gone);
	assert_int_equal(c->exit.exit_code, 3);
	assert_int_equal(c->gone_at.resources.cpu_usec, 42);
	assert_int_equal(c->observation.output_size, 6);
	assert_memory_equal(c->observation.output, "hello\n", 6);
	assert_int_equal(c->kind_count[EVENT_FILE], 45);
	assert_int_equal(c->recorded[EVENT_CLASS_FILE], 45);
	/* The kernel produced 50 and says it lost 3; two more never arrived. */
	assert_int_equal(c->produced[EVENT_CLASS_FILE], 50);
	assert_int_equal(c->lost[EVENT_CLASS_FILE], 5);
	assert_int_equal(c->lost[EVENT_CLASS_PROCESS], 0);
	return 0;
}

static int check_finding(void *context, const struct finding *finding)
{
	int *count = context;

	(*count)++;
	assert_int_equal(finding->number, 1);
	assert_int_equal(finding->events, 9);
	assert_string_equal(finding->summary, "call 1 left something");
	return 0;
}

static void check_store(uint64_t frames)
{
	struct store *s = NULL;
	struct run_info info = { 0 };
	struct verify_result v;
	struct fail f = { 0 };
	uint32_t next = 0;
	int count = 0;

	assert_int_equal(store_open(directory, &s, &f), 0);
	assert_int_equal(store_run_find(s, RUN1, &info, &f), 0);
	assert_string_equal(info.open.command, "make check");
	assert_int_equal(info.open.key, 77);
	assert_true(info.over && !info.damaged);
	assert_int_equal(info.close.exit_code, 3);
	assert_int_equal(info.events, frames);
	assert_int_equal(info.lost, 10);
	assert_int_equal(info.calls, 2);
	assert_int_equal(info.findings[SEVERITY_HIGH], 1);
	assert_int_equal(store_calls(s, RUN1, check_call, &next, &f), 0);
	assert_int_equal(next, 3);
	assert_int_equal(store_findings(s, RUN1, check_finding, &count, &f), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_verify(s, RUN1, &v, &f), 0);
	assert_string_equal(v.reason, "");
	assert_true(v.matches && !v.live);
	assert_int_equal(v.frames, frames);
	assert_string_equal(v.root, info.root);
	run_info_free(&info);
	store_close(s);
}

static int64_t sql_number(const char *sql)
{
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	char path[128];
	int64_t n;

	snprintf(path, sizeof(path), "%s/index.db", directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

static void counts_take_few_bytes(void **state)
{
	static const uint64_t counts[6] = { 0, 127, 128, UINT64_MAX, 5, 0 };
	unsigned char bytes[COUNTS_BYTES(6)];
	uint64_t again[6];
	size_t size = counts_encode(counts, 6, bytes);

	(void)state;
	assert_int_equal(size, 1 + 1 + 2 + 10 + 1);
	counts_decode(bytes, size, again, 6);
	assert_memory_equal(counts, again, sizeof(counts));
	counts_decode(bytes, 3, again, 6);
	assert_int_equal(again[1], 127);
	assert_int_equal(again[5], 0);
	memset(bytes, 0xff, sizeof(bytes));
	counts_decode(bytes, sizeof(bytes), again, 6);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	make_run(RUN1, "first", 2);
	check_store(1 + 2 * 51 + 2 + 1);
	assert_int_equal(sql_number("SELECT count(*) FROM calls"), 3);
	assert_int_equal(sql_number("SELECT survivors FROM calls WHERE n=2"), 1);
	assert_int_equal(sql_number("SELECT events FROM findings"), 9);
	assert_int_equal(sql_number("PRAGMA user_version"), schema_version());
}

static void the_segments_alone_make_the_index(void **state)
{
	struct fail f = { 0 };
	uint64_t runs, bad;
	char path[128];

	(void)state;
	make_run(RUN1, "first", 2);
	make_run(RUN2, NULL, 1);
	snprintf(path, sizeof(path), "%s/index.db", directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_rebuild(directory, &runs, &bad, &f), 0);
	assert_int_equal(runs, 2);
	assert_int_equal(bad, 0);
	check_store(1 + 2 * 51 + 2 + 1);
	assert_int_equal(sql_number("SELECT count(*) FROM runs WHERE state=1"), 2);
	snprintf(path, sizeof(path), "%s/index.db.new", directory);
	assert_int_equal(access(path, F_OK), -1);
}

static void find_expect(struct store *s, const char *spec, const char *expected)
{
	struct run_info info = { 0 };
	struct fail f = { 0 };

	assert_int_equal(store_run_find(s, spec, &info, &f), 0);
	assert_string_equal(info.open.id, expected);
	run_info_free(&info);
}

static void a_run_is_found_as_a_person_names_it(void **state)
{
	struct store *s = NULL;
	struct run_info info = { 0 };
	struct fail f = { 0 };

	(void)state;
	make_run(RUN1, "twice", 1);
	make_run(RUN2, "twice", 1);
	make_run(RUN3, NULL, 1);
	assert_int_equal(store_open(directory, &s, &f), 0);
	find_expect(s, NULL, RUN3);
	find_expect(s, "", RUN3);
	find_expect(s, "1", RUN3);
	find_expect(s, RUN1, RUN1);
	find_expect(s, "twice", RUN2);
	assert_int_equal(store_run_find(s, "0123", &info, &f), -ENOTUNIQ);
	assert_int_equal(store_run_find(s, "zz", &info, &f), -ENOENT);
	assert_non_null(strstr(f.text, "weir ls"));
	store_close(s);
	assert_int_equal(store_run_remove(directory, RUN3, &f), 0);
	assert_int_equal(store_open(directory, &s, &f), 0);
	find_expect(s, NULL, RUN2);
	assert_int_equal(sql_number("SELECT count(*) FROM runs"), 2);
	assert_int_equal(sql_number("SELECT count(*) FROM calls"), 4);
	store_close(s);
	assert_int_equal(store_run_remove(directory, RUN3, &f), -ENOENT);
	assert_int_equal(store_run_remove(directory, "../../x", &f), -EINVAL);
}

/* While a recorder holds the index, a removed run is gone for readers at once. */
static void a_run_is_removed_beside_a_recorder(void **state)
{
	struct store *s = NULL;
	struct index *ix = NULL;
	struct layout l;
	struct fail f = { 0 };
	uint64_t runs, bad;
	char name[PLACE_SOCKET_MAX];
	int place, socket;

	(void)state;
	make_run(RUN1, NULL, 1);
	make_run(RUN2, NULL, 1);
	assert_int_equal(index_open(directory, INDEX_NAME, &ix, &f), 0);
	assert_int_equal(store_rebuild(directory, &runs, &bad, &f), -EBUSY);
	assert_int_equal(store_run_remove(directory, RUN2, &f), 0);
	assert_int_equal(store_open(directory, &s, &f), 0);
	find_expect(s, NULL, RUN1);
	store_close(s);
	index_close(ix);
	assert_int_equal(sql_number("SELECT count(*) FROM runs"), 2);
	assert_int_equal(layout_open(directory, false, &l, &f), 0);
	assert_int_equal(layout_purge(&l, RUN2), 0);
	/* Alive is a run whose keeper answers; a mark alone is what a crash left. */
	place = place_open(directory, &f);
	place_run_socket(RUN1, name);
	socket = channel_listen(place, name);
	assert_true(socket >= 0);
	assert_int_equal(layout_mark_live(&l, RUN1), 0);
	assert_int_equal(store_run_remove(directory, RUN1, &f), -EBUSY);
	close(socket);
	close(place);
	assert_int_equal(store_run_remove(directory, RUN1, &f), 0);
	assert_false(layout_is_live(&l, RUN1));
	layout_close(&l);
}

static void write_index(const char *text)
{
	char path[128];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "%s/index.db-wal", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/index.db", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static void every_wrong_store_is_told_clearly(void **state)
{
	struct store *s = NULL;
	struct index *ix = NULL;
	struct fail f = { 0 };
	uint64_t runs, bad;
	char path[128];

	(void)state;
	assert_int_equal(store_open("/nonexistent/weir", &s, &f), -ENOENT);
	assert_int_equal(store_open(directory, &s, &f), -ENOENT);
	assert_non_null(strstr(f.text, "not a weir store"));
	make_run(RUN1, NULL, 1);
	write_index("this is no database, it only looks like a file of more than sixteen bytes");
	assert_int_equal(store_open(directory, &s, &f), -EUCLEAN);
	assert_non_null(strstr(f.text, "weir store rebuild"));
	assert_int_equal(index_open(directory, INDEX_NAME, &ix, &f), -EUCLEAN);
	assert_int_equal(store_rebuild(directory, &runs, &bad, &f), 0);
	assert_int_equal(store_open(directory, &s, &f), 0);
	store_close(s);
	snprintf(path, sizeof(path), "sqlite3 %s/index.db 'PRAGMA user_version=99'", directory);
	assert_int_equal(system(path), 0);
	assert_int_equal(store_open(directory, &s, &f), -ENOTSUP);
	assert_non_null(strstr(f.text, "version 99"));
	snprintf(path, sizeof(path), "sqlite3 %s/index.db 'PRAGMA application_id=1'", directory);
	assert_int_equal(system(path), 0);
	assert_int_equal(index_open(directory, INDEX_NAME, &ix, &f), -ENOTSUP);
	assert_non_null(strstr(f.text, "not a weir index"));
}

static void a_changed_record_is_caught(void **state)
{
	struct store *s = NULL;
	struct verify_result v;
	struct fail f = { 0 };
	char path[128], byte = 'x';
	struct stat st;

	(void)state;
	make_run(RUN1, NULL, 1);
	snprintf(path, sizeof(path), "%s/runs/%s/000001.seg", directory, RUN1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(store_open(directory, &s, &f), 0);
	for (off_t at = 0; at < st.st_size; at += 97) {
		cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);
		char was;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		byte = (char)~was;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		assert_int_equal(store_verify(s, RUN1, &v, &f), 0);
		assert_false(v.matches);
		assert_true(v.reason[0]);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	assert_int_equal(store_verify(s, RUN1, &v, &f), 0);
	assert_true(v.matches);
	/* Cut cleanly behind a whole frame: every checksum is right, the root is not. */
	assert_int_equal(truncate(path, st.st_size - 200), 0);
	assert_int_equal(store_verify(s, RUN1, &v, &f), 0);
	assert_false(v.matches);
	store_close(s);
}

static void frames_are_read_from_the_middle(void **state)
{
	struct store *s = NULL;
	struct frame_reader *r = NULL;
	struct frame frame;
	struct fail f = { 0 };
	uint64_t expected = 8000;

	(void)state;
	make_run(RUN1, NULL, 200);
	assert_int_equal(store_open(directory, &s, &f), 0);
	assert_int_equal(sql_number("SELECT count(*) FROM offsets"), 200 * 51 / 4096);
	assert_int_equal(frame_reader_open(s, RUN1, expected, &r, &f), 0);
	while (frame_reader_next(r, &frame, &f) == 1) {
		assert_int_equal(frame.seq, expected++);
		if (frame.kind == EVENT_FILE)
			assert_int_equal(frame.event.h->run, 77);
	}
	assert_int_equal(expected, 200 * 51 + 4 + 1);
	frame_reader_close(r);
	store_close(s);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_scratch, close_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_take_few_bytes),
		store_test(what_is_written_is_read),
		store_test(the_segments_alone_make_the_index),
		store_test(a_run_is_found_as_a_person_names_it),
		store_test(a_run_is_removed_beside_a_recorder),
		store_test(every_wrong_store_is_told_clearly),
		store_test(a_changed_record_is_caught),
		store_test(frames_are_read_from_the_middle),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
