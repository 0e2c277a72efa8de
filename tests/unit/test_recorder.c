// SPDX-License-Identifier: Apache-2.0
/* The recorder as a process: this test is its supervisor, the run's keeper and the kernel (a ring
 * laid out in a memfd as kernel/bpf/ringbuf.c lays it out). It kills the recorder, fills its disk,
 * locks its index, and counts what comes out against what went in. $WEIR_RECORDER is the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <sqlite3.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "call/message.h"
#include "recorder_bench.h"
#include "store/record.h"

static void write_text(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static void a_run_is_recorded_and_closed(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	uint64_t before, took;

	bench_begin(b);
	bench_announce(b, 1);
	for (int i = 0; i < 100; i++)
		bench_produce_file(b, 1);
	bench_call_over(b, 1, 0);
	bench_produce_count(b, 1, 100, 0);
	bench_wait_for(b, MESSAGE_REC_ACK);
	before = clock_mono_ns();
	bench_close_run(b);
	took = clock_mono_ns() - before;
	print_message("# closed in %.0f us\n", (double)took / 1e3);
	assert_int_equal(bench_recorded_files(b, &info), 100);
	assert_true(info.over && !info.damaged);
	assert_string_equal(info.root, b->summary.root);
	assert_int_equal(info.events, b->summary.events);
	assert_int_equal(b->summary.lost, 0);
	/* run, announce, 100, exit, count, close */
	assert_int_equal(info.events, 105);
	run_info_free(&info);
}

/* The recorder dies again and again, before and after it let go of the ring. */
static void a_killed_recorder_loses_and_doubles_nothing(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	bench_begin(b);
	bench_announce(b, 1);
	for (unsigned round = 0; round < 12; round++) {
		uint64_t released = bench_consumed(b);

		for (int i = 0; i < 2000; i++)
			bench_produce_file(b, 1);
		usleep(1000 * (round % 7));
		bench_kill_recorder(b);
		/* It wrote, and died before it let go: the position as it was before. */
		if (round % 2)
			__atomic_store_n((uint64_t *)b->ring, released, __ATOMIC_RELEASE);
		bench_start(b);
		bench_give_ring(b);
		bench_link_run(b);
		if (b->acked < 1) { /* the keeper sends what was not acknowledged */
			b->seq = 0;
			bench_announce(b, 1);
		}
	}
	bench_produce_count(b, 1, 24000, 0);
	bench_close_run(b);
	bench_wait_over(b); /* the index may follow the record: it was busy when the run ended */
	assert_int_equal(bench_recorded_files(b, &info), 24000);
	assert_int_equal(b->summary.lost, 0);
	assert_int_equal(info.calls, 1);
	run_info_free(&info);
}

/* The recorder died when it had made the record's directory and written nothing into it. */
static void a_record_that_was_hardly_made_is_begun(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	char path[128];

	bench_start(b);
	bench_give_ring(b);
	snprintf(path, sizeof(path), "%s/runs/%s", b->store, b->id);
	for (int i = 0; i < 600 && mkdir(path, 0700) < 0; i++)
		usleep(5000);
	assert_int_equal(access(path, F_OK), 0);
	bench_link_run(b);
	bench_announce(b, 1);
	bench_produce_file(b, 1);
	bench_produce_count(b, 1, 1, 0);
	bench_close_run(b);
	bench_wait_over(b);
	assert_int_equal(bench_recorded_files(b, &info), 1);
	assert_int_equal(info.calls, 1);
	run_info_free(&info);
}

static void events_before_the_announcement_wait(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	bench_start(b);
	bench_give_ring(b);
	for (int i = 0; i < 500; i++)
		bench_produce_file(b, 0);
	while (bench_consumed(b) == 0)
		usleep(1000);
	bench_link_run(b);
	bench_close_run(b);
	assert_int_equal(bench_recorded_files(b, &info), 500);
	run_info_free(&info);
}

static void the_kernels_loss_is_told(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	bench_begin(b);
	bench_announce(b, 1);
	for (int i = 0; i < 10; i++)
		bench_produce_file(b, 1);
	bench_produce_count(b, 1, 17, 7);
	bench_close_run(b);
	assert_int_equal(bench_recorded_files(b, &info), 10);
	assert_int_equal(b->summary.lost, 7);
	assert_int_equal(info.lost, 7);
	run_info_free(&info);
}

/* Without BPF the keeper sends events too, and what it had to drop it says. */
static void a_keepers_events_and_gaps_are_recorded(void **state)
{
	struct bench *b = *state;
	struct message_gap gap = { .first = 3, .last = 7, .bytes = 100 };
	struct event_file e = {
		.h = { .size = sizeof(e), .kind = EVENT_FILE, .call = 1, .run = 5 }
	};
	cleanup_buf struct buf data = { .max = 4096 };
	struct run_info info = { 0 };

	bench_begin(b);
	bench_announce(b, 1);
	buf_add(&data, &e, sizeof(e));
	bench_say(b, MESSAGE_REC_EVENT, &data);
	data.data[2] = (char)EVENT_KIND_COUNT; /* and one that is no event */
	bench_say(b, MESSAGE_REC_EVENT, &data);
	buf_clear(&data);
	message_gap_encode(&gap, &data);
	b->seq = 7;
	bench_say(b, MESSAGE_REC_GAP, &data);
	bench_close_run(b);
	assert_int_equal(bench_recorded_files(b, &info), 1);
	assert_int_equal(info.lost, 6);
	run_info_free(&info);
}

static void a_finding_is_told_recorded_and_ends_the_run(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	bench_begin(b);
	bench_announce(b, 1);
	bench_call_over(b, 1, 3);
	bench_wait_for(b, MESSAGE_REC_FINDING);
	bench_close_run(b);
	assert_true(b->killed_run);
	bench_recorded_files(b, &info);
	assert_int_equal(info.findings[SEVERITY_MEDIUM], 1);
	assert_int_equal(b->summary.findings[SEVERITY_MEDIUM], 1);
	run_info_free(&info);
}

static struct event_handover handover_of(const struct bench *b, uint32_t had, uint32_t from,
					 uint32_t label, enum edge_kind edge)
{
	return (struct event_handover){ .h = { .size = sizeof(struct event_handover),
					       .kind = EVENT_HANDOVER,
					       .call = 2,
					       .run = BENCH_KEY,
					       .mono_ns = clock_mono_ns(),
					       .kernel_seq = b->produced,
					       .pid = 100,
					       .label = had },
					.from = from,
					.label = label,
					.edge = (uint16_t)edge };
}

static int keep_finding(void *context, const struct finding *f)
{
	*(struct finding *)context = *f;
	return 0;
}

/* One handover from the keeper and one from the kernel, then another recorder: what the process
 * does afterwards is found with both. */
static void edges_outlive_the_recorder(void **state)
{
	struct bench *b = *state;
	cleanup_buf struct buf data = { .max = 4096 };
	struct event_handover o = handover_of(b, 0, 3, LABEL_KEEPER + 1, EDGE_STATE);
	struct event_privilege p = { .h = { .size = sizeof(p),
					    .kind = EVENT_PRIVILEGE,
					    .call = 2,
					    .run = BENCH_KEY,
					    .pid = 100,
					    .label = 9 },
				     .op = PRIVILEGE_MODULE,
				     .result = -EPERM };
	struct finding found = { 0 };
	struct store *s = NULL;
	struct fail f = { 0 };

	bench_begin(b);
	bench_announce(b, 1);
	bench_announce(b, 2);
	buf_add(&data, &o, sizeof(o));
	bench_say(b, MESSAGE_REC_EVENT, &data);
	o = handover_of(b, LABEL_KEEPER + 1, 1, 9, EDGE_EXECUTED);
	bench_produce(b, &o, sizeof(o));
	while (b->acked < b->seq)
		bench_wait_for(b, MESSAGE_REC_ACK);
	while (bench_consumed(b) == 0)
		usleep(1000);
	bench_kill_recorder(b);
	bench_start(b);
	bench_give_ring(b);
	bench_link_run(b);
	p.h.mono_ns = clock_mono_ns();
	p.h.kernel_seq = b->produced;
	bench_produce(b, &p, sizeof(p));
	bench_wait_for(b, MESSAGE_REC_FINDING);
	bench_close_run(b);
	assert_int_equal(store_open(b->store, &s, &f), 0);
	assert_int_equal(store_findings(s, b->id, keep_finding, &found, &f), 0);
	store_close(s);
	assert_string_equal(found.detector, "privilege");
	assert_int_equal(found.via_count, 2);
	assert_int_equal(found.via[0].call, 1);
	assert_int_equal(found.via[0].kind, EDGE_EXECUTED);
	assert_int_equal(found.via[1].call, 3);
	assert_int_equal(found.via[1].kind, EDGE_STATE);
	assert_true(found.via[1].seq > 0 && found.via[0].seq > found.via[1].seq);
}

/* A slow command holds nothing up; it gets the finding as JSON, no shell, a clean environment. */
/* A program that keeps what it is told at path, each time at the end. */
static void page_make(struct bench *b, char path[128])
{
	char script[512];

	snprintf(b->page, sizeof(b->page), "%s/page", b->directory);
	snprintf(path, 128, "%s/told", b->directory);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n(cat; env; ls /proc/self/fd | wc -l) >%s.new\ncat %s.new >>%s\nsleep "
		 "2\n",
		 path, path, path);
	write_text(b->page, script);
	assert_int_equal(chmod(b->page, 0700), 0);
}

static void page_wait(const char *path, struct buf *told)
{
	for (int i = 0; i < 1500 && !strstr(buf_text(told), "PATH="); i++) {
		usleep(20000);
		buf_clear(told);
		file_read_path(AT_FDCWD, path, told);
	}
}

/* The keeper does not say what it did: then the end of the run does. */
static void a_finding_calls_a_person(void **state)
{
	struct bench *b = *state;
	cleanup_buf struct buf told = { .max = 65536 };
	char path[128];

	page_make(b, path);
	setenv("WEIR_TEST_SECRET", "hidden", 1);
	bench_begin(b);
	bench_announce(b, 1);
	bench_call_over(b, 1, 3);
	bench_close_run(b);
	page_wait(path, &told);
	assert_non_null(strstr(buf_text(&told), "\"detector\":\"survivor\""));
	assert_non_null(strstr(buf_text(&told), b->id));
	assert_null(strstr(buf_text(&told), "hidden"));
	/* stdin, stdout, stderr, and ls's own */
	assert_non_null(strstr(buf_text(&told), "\n4\n"));
}

/* While it is not known what was done nobody is called; then once. */
static void a_person_hears_what_was_done(void **state)
{
	struct bench *b = *state;
	cleanup_buf struct buf told = { .max = 65536 }, data = { .max = 4096 };
	struct event_action done = {
		.h = { .size = sizeof(done), .kind = EVENT_ACTION, .call = 1, .run = BENCH_KEY },
		.finding = 1,
		.processes = 2,
		.action = ACTION_KILL,
		.run_ended = 1
	};
	char path[128];

	page_make(b, path);
	bench_begin(b);
	bench_announce(b, 1);
	bench_call_over(b, 1, 3);
	bench_wait_for(b, MESSAGE_REC_FINDING);
	assert_true(b->killed_run);
	usleep(100000);
	assert_int_not_equal(access(path, F_OK), 0);
	done.h.mono_ns = done.ordered_mono_ns = clock_mono_ns();
	buf_add(&data, &done, sizeof(done));
	bench_say(b, MESSAGE_REC_EVENT, &data);
	page_wait(path, &told);
	assert_non_null(strstr(buf_text(&told), "\"done\":\"2 processes ended, the run ended\""));
	assert_non_null(strstr(buf_text(&told), "\"verdict\":\"killed\""));
	bench_close_run(b);
	usleep(100000);
	buf_clear(&told);
	assert_int_equal(file_read_path(AT_FDCWD, path, &told), 0);
	assert_null(strstr(strstr(buf_text(&told), "PATH=") + 1, "PATH="));
}

static void a_dead_keeper_ends_its_record(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	bench_begin(b);
	bench_announce(b, 1);
	bench_wait_for(b, MESSAGE_REC_ACK);
	close(take_fd(&b->keeper.fd));
	bench_wait_over(b);
	bench_recorded_files(b, &info);
	assert_true(info.over);
	assert_string_equal(info.close.reason, "the keeper died");
	run_info_free(&info);
}

/* Everything of weir was killed: the next recorder closes the record. */
static void what_a_crash_left_is_closed(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	char first[RUN_ID_SIZE];

	bench_begin(b);
	bench_announce(b, 1);
	for (int i = 0; i < 100; i++)
		bench_produce_file(b, 1);
	bench_wait_for(b, MESSAGE_REC_ACK);
	bench_kill_recorder(b);
	memcpy(first, b->id, sizeof(first));
	bench_start(b);
	bench_wait_over(b);
	bench_recorded_files(b, &info);
	assert_true(info.over && info.damaged);
	assert_int_equal(strncmp(info.close.reason, "crash", 5), 0);
	run_info_free(&info);
}

static void a_full_disk_is_counted_and_survived(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	uint64_t files;

	assert_int_equal(mkdir(b->store, 0700), 0);
	if (mount("none", b->store, "tmpfs", 0, "size=2m") < 0) {
		print_message("# skip: no tmpfs can be mounted here: %s\n", strerror(errno));
		skip();
	}
	bench_begin(b);
	bench_announce(b, 1);
	for (int i = 0; i < 20000; i++)
		bench_produce_file(b, 1);
	bench_wait_for(b, MESSAGE_REC_TROUBLE);
	/* Its words arrive while nothing can be written; verdicts hold. */
	bench_announce(b, 2);
	bench_call_over(b, 2, 1);
	bench_wait_for(b, MESSAGE_REC_ACTION);
	assert_int_equal(mount("none", b->store, "tmpfs", MS_REMOUNT, "size=64m"), 0);
	while (b->acked < b->seq) /* what waited is written */
		bench_wait_for(b, MESSAGE_REC_ACK);
	for (int i = 0; i < 50; i++)
		bench_produce_file(b, 2);
	bench_close_run(b);
	files = bench_recorded_files(b, &info);
	assert_true(files > 1000 && files < 20050);
	assert_int_equal(files + info.lost, 20050);
	assert_int_equal(info.calls, 2);
	assert_int_equal(info.findings[SEVERITY_MEDIUM], 1);
	run_info_free(&info);
	close(take_fd(&b->supervisor.fd));
	close(take_fd(&b->keeper.fd));
	waitpid(b->recorder, NULL, 0);
	b->recorder = 0;
	assert_int_equal(umount(b->store), 0);
}

/* Another program holds the index: the run is recorded, answered, and indexed when it lets go. */
static void a_locked_index_is_outwaited(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	sqlite3 *db = NULL;
	char path[128];

	bench_begin(b);
	bench_announce(b, 1);
	bench_wait_for(b, MESSAGE_REC_ACK);
	usleep(300000);
	snprintf(path, sizeof(path), "%s/index.db", b->store);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	bench_produce_file(b, 1);
	bench_close_run(b);
	assert_int_equal(strlen(b->summary.root), 64);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	bench_wait_over(b);
	assert_int_equal(bench_recorded_files(b, &info), 1);
	assert_true(info.over);
	run_info_free(&info);
}

/* The run goes on and is recorded; once the index was made anew, it is in it. */
static void a_corrupt_index_is_said_and_outlived(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	struct fail f = { 0 };
	uint64_t runs, bad;
	char path[128];

	assert_int_equal(mkdir(b->store, 0700), 0);
	snprintf(path, sizeof(path), "%s/index.db", b->store);
	write_text(path, "no database, although it is long enough to be taken for one at first");
	bench_begin(b);
	bench_wait_for(b, MESSAGE_REC_TROUBLE);
	bench_produce_file(b, 0);
	bench_close_run(b);
	assert_int_equal(strlen(b->summary.root), 64);
	assert_int_equal(store_rebuild(b->store, &runs, &bad, &f), 0);
	assert_int_equal(runs, 1);
	bench_wait_over(b); /* the recorder finds it and writes what it has */
	assert_int_equal(bench_recorded_files(b, &info), 1);
	assert_true(info.over);
	run_info_free(&info);
}

static void a_foreign_index_is_said_at_once(void **state)
{
	struct bench *b = *state;
	cleanup_message struct message m = { .fd_count = 0 };
	struct message_text t;
	struct wire w;
	char command[192];

	assert_int_equal(mkdir(b->store, 0700), 0);
	snprintf(command, sizeof(command), "sqlite3 %s/index.db 'CREATE TABLE mine(x)'", b->store);
	assert_int_equal(system(command), 0);
	bench_start(b);
	assert_int_equal(channel_receive_within(&b->supervisor, &m, WAIT_MS), 1);
	wire_init(&w, m.data, m.size);
	assert_int_equal(message_text_decode(&w, &t), 0);
	assert_int_equal(t.code, ENOTSUP);
	assert_non_null(strstr(t.text, "not a weir index"));
}

static void a_flood_is_recorded_without_loss(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	const unsigned events = 1000000;
	uint64_t started, took;

	bench_begin(b);
	bench_announce(b, 1);
	started = clock_mono_ns();
	for (unsigned i = 0; i < events; i++)
		bench_produce_file(b, 1);
	while (bench_consumed(b) < *bench_producer(b))
		usleep(1000);
	took = clock_mono_ns() - started;
	bench_produce_count(b, 1, events, 0);
	bench_close_run(b);
	assert_int_equal(bench_recorded_files(b, &info), events);
	assert_int_equal(b->summary.lost, 0);
	print_message("# %u events through ring, record, tree and detectors: %.0f k/s, %.1f bytes "
		      "an event\n",
		      events, events * 1e6 / (double)took, (double)info.bytes / events);
	run_info_free(&info);
}

#define recorder_test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		recorder_test(a_run_is_recorded_and_closed),
		recorder_test(a_killed_recorder_loses_and_doubles_nothing),
		recorder_test(a_record_that_was_hardly_made_is_begun),
		recorder_test(events_before_the_announcement_wait),
		recorder_test(the_kernels_loss_is_told),
		recorder_test(a_keepers_events_and_gaps_are_recorded),
		recorder_test(a_finding_is_told_recorded_and_ends_the_run),
		recorder_test(edges_outlive_the_recorder),
		recorder_test(a_finding_calls_a_person),
		recorder_test(a_person_hears_what_was_done),
		recorder_test(a_dead_keeper_ends_its_record),
		recorder_test(what_a_crash_left_is_closed),
		recorder_test(a_full_disk_is_counted_and_survived),
		recorder_test(a_locked_index_is_outwaited),
		recorder_test(a_corrupt_index_is_said_and_outlived),
		recorder_test(a_foreign_index_is_said_at_once),
		recorder_test(a_flood_is_recorded_without_loss),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
