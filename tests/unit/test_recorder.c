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
#include "store/record.h"

#define KEY 4711
#define PAGE 4096
#define WAIT_MS 10000
struct bench {
	char directory[64], store[96];
	char id[RUN_ID_SIZE];
	pid_t recorder;
	struct channel supervisor, keeper;
	uint64_t seq;
	int ring_fd;
	size_t ring_size;
	unsigned char *ring;
	uint64_t produced; /* events in the ring */
	struct run_summary summary;
	uint32_t findings; /* REC_FINDING messages */
	uint64_t acked;
	int trouble;
	bool killed_run;
};

static void start(struct bench *b)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	b->recorder = fork();
	if (b->recorder == 0) {
		dup2(ends[1], 3);
		execl(getenv("WEIR_RECORDER"), "weir-recorder", NULL);
		_exit(127);
	}
	close(ends[1]);
	b->supervisor = (struct channel){ ends[0], PARTY_SUPERVISOR, PARTY_RECORDER };
	assert_int_equal(channel_send(&b->supervisor, MESSAGE_RECORDER_OPEN, 0, b->store,
				      strlen(b->store), NULL, 0, 0),
			 0);
}

static void give_ring(struct bench *b)
{
	struct message_rings rings = { .count = 1, .rings = { { "ring.file", b->ring_size } } };
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	message_rings_encode(&rings, &data);
	assert_int_equal(channel_send(&b->supervisor, MESSAGE_RECORDER_RINGS, 0, data.data,
				      data.size, &b->ring_fd, 1, 0),
			 0);
}

static void send_open(struct bench *b)
{
	struct run_open open = { .key = KEY, .started_ns = clock_wall_ns(), .command = "true" };
	cleanup_policy struct policy policy = { 0 };
	cleanup_buf struct buf data = { 0 }, encoded = { 0 };

	assert_int_equal(policy_builtin(&policy), 0);
	policy.on[SEVERITY_MEDIUM] = ACTION_KILL;
	buf_init(&encoded, POLICY_BYTES_MAX);
	policy_encode(&policy, &encoded);
	open.policy = (struct bytes){ encoded.data, encoded.size };
	memcpy(open.id, b->id, sizeof(open.id));
	buf_init(&data, MESSAGE_REQUEST_MAX);
	run_open_encode(&open, &data);
	assert_int_equal(
		channel_send(&b->keeper, MESSAGE_REC_RUN_OPEN, 0, data.data, data.size, NULL, 0, 0),
		0);
}

static void link_run(struct bench *b)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(channel_send(&b->supervisor, MESSAGE_RECORDER_RUN, 0, b->id, strlen(b->id),
				      &ends[1], 1, 0),
			 0);
	close(ends[1]);
	b->keeper = (struct channel){ ends[0], PARTY_KEEPER, PARTY_RECORDER };
	send_open(b);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	snprintf(b->directory, sizeof(b->directory), "/tmp/weir-test-recorder-XXXXXX");
	assert_non_null(mkdtemp(b->directory));
	snprintf(b->store, sizeof(b->store), "%s/store", b->directory);
	run_id_new(b->id);
	b->ring_size = 256u << 20;
	b->ring_fd = memfd_create("ring", MFD_CLOEXEC);
	assert_int_equal(ftruncate(b->ring_fd, (off_t)(2 * PAGE + 2 * b->ring_size)), 0);
	b->ring = mmap(NULL, 2 * PAGE + b->ring_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       b->ring_fd, 0);
	assert_true(b->ring != MAP_FAILED);
	b->keeper.fd = b->supervisor.fd = -1;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	char command[128];

	cleanup_fd_(&b->supervisor.fd);
	cleanup_fd_(&b->keeper.fd);
	if (b->recorder > 0)
		waitpid(b->recorder, NULL, 0);
	munmap(b->ring, 2 * PAGE + b->ring_size);
	close(b->ring_fd);
	snprintf(command, sizeof(command), "rm -rf %s", b->directory);
	free(b);
	return system(command);
}

static void begin(struct bench *b)
{
	start(b);
	give_ring(b);
	link_run(b);
}

static uint64_t *producer(struct bench *b)
{
	return (uint64_t *)(b->ring + PAGE);
}

static uint64_t consumed(struct bench *b)
{
	return __atomic_load_n((uint64_t *)b->ring, __ATOMIC_ACQUIRE);
}

/* What the kernel does: header, bytes, then the new position. */
static void produce(struct bench *b, const void *event, size_t size)
{
	uint64_t at = *producer(b);
	unsigned char *to = b->ring + 2 * PAGE + at;
	uint32_t length = (uint32_t)size;

	assert_true(at + size + 8 < b->ring_size);
	memcpy(to + 8, event, size);
	memcpy(to, &length, sizeof(length));
	__atomic_store_n(producer(b), at + 8 + ((size + 7) & ~(size_t)7), __ATOMIC_RELEASE);
	b->produced++;
}

static void produce_file(struct bench *b, uint32_t call)
{
	struct {
		struct event_file file;
		char path[40];
	} e = { .file = { .h = { .kind = EVENT_FILE,
				 .call = call,
				 .run = KEY,
				 .mono_ns = clock_mono_ns(),
				 .kernel_seq = b->produced,
				 .pid = 100,
				 .tid = 100 },
			  .op = FILE_WRITE,
			  .bytes = 10,
			  .path_size = 36 },
		.path = "/work/a/path/of/the/usual/length/xyz" };

	e.file.h.size = sizeof(e.file) + 36;
	produce(b, &e, e.file.h.size);
}

static void produce_count(struct bench *b, uint32_t call, uint64_t files, uint64_t lost)
{
	struct event_count e = { .h = { .size = sizeof(e),
					.kind = EVENT_COUNT,
					.call = call,
					.run = KEY,
					.mono_ns = clock_mono_ns(),
					.kernel_seq = b->produced } };

	e.produced[EVENT_CLASS_FILE] = files;
	e.lost[EVENT_CLASS_FILE] = lost;
	produce(b, &e, sizeof(e));
}

static void say(struct bench *b, enum message_type type, const struct buf *data)
{
	assert_int_equal(data->error, 0);
	assert_int_equal(
		channel_send(&b->keeper, type, ++b->seq, data->data, data->size, NULL, 0, 0), 0);
}

static void announce(struct bench *b, uint32_t n)
{
	struct call_announce a = {
		.n = n, .function_name = "bash", .started_ns = 5, .executed = true
	};
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	call_announce_encode(&a, &data);
	say(b, MESSAGE_REC_CALL_ANNOUNCE, &data);
}

static void call_over(struct bench *b, uint32_t n, uint32_t survivors)
{
	struct call_exit e = { .n = n, .ended_ns = 9, .survivors = survivors };
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	call_exit_encode(&e, &data);
	say(b, MESSAGE_REC_CALL_EXIT, &data);
}

static void hear(struct bench *b, const struct message *m)
{
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (m->type == MESSAGE_REC_RUN_CLOSED)
		assert_int_equal(run_summary_decode(&w, &b->summary), 0);
	else if (m->type == MESSAGE_REC_FINDING)
		b->findings++;
	else if (m->type == MESSAGE_REC_ACK)
		b->acked = m->seq;
	else if (m->type == MESSAGE_REC_TROUBLE)
		b->trouble++;
	else if (m->type == MESSAGE_REC_ACTION)
		b->killed_run = true;
}

/* Listens until a message of this type came. */
static void wait_for(struct bench *b, enum message_type type)
{
	for (;;) {
		cleanup_message struct message m = { .fd_count = 0 };

		assert_int_equal(channel_receive_within(&b->keeper, &m, WAIT_MS), 1);
		hear(b, &m);
		if (m.type == type)
			return;
	}
}

static void close_run(struct bench *b)
{
	struct run_close c = { .ended_ns = clock_wall_ns() };
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	run_close_encode(&c, &data);
	say(b, MESSAGE_REC_RUN_CLOSE, &data);
	wait_for(b, MESSAGE_REC_RUN_CLOSED);
}

static void kill_recorder(struct bench *b)
{
	kill(b->recorder, SIGKILL);
	waitpid(b->recorder, NULL, 0);
	close(take_fd(&b->supervisor.fd));
	close(take_fd(&b->keeper.fd));
}

/* The record as a stranger reads it: events of kind FILE, and everything in order. */
static uint64_t recorded_files(struct bench *b, struct run_info *ret_info)
{
	struct store *s = NULL;
	struct frame_reader *r = NULL;
	struct verify_result v;
	struct frame frame;
	struct fail f = { 0 };
	uint64_t files = 0, next_kernel = 0;

	assert_int_equal(store_open(b->store, &s, &f), 0);
	assert_int_equal(store_run_find(s, b->id, ret_info, &f), 0);
	assert_int_equal(store_verify(s, b->id, &v, &f), 0);
	assert_string_equal(v.reason, "");
	assert_int_equal(frame_reader_open(s, b->id, 1, &r, &f), 0);
	while (frame_reader_next(r, &frame, &f) == 1)
		if (frame.kind == EVENT_FILE) {
			/* none twice, none out of order */
			assert_true(frame.event.h->kernel_seq >= next_kernel);
			next_kernel = frame.event.h->kernel_seq + 1;
			files++;
		}
	frame_reader_close(r);
	store_close(s);
	return files;
}

static void a_run_is_recorded_and_closed(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	uint64_t before, took;

	begin(b);
	announce(b, 1);
	for (int i = 0; i < 100; i++)
		produce_file(b, 1);
	call_over(b, 1, 0);
	produce_count(b, 1, 100, 0);
	wait_for(b, MESSAGE_REC_ACK);
	before = clock_mono_ns();
	close_run(b);
	took = clock_mono_ns() - before;
	print_message("# closed in %.0f us\n", (double)took / 1e3);
	assert_int_equal(recorded_files(b, &info), 100);
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

	begin(b);
	announce(b, 1);
	for (unsigned round = 0; round < 12; round++) {
		uint64_t released = consumed(b);

		for (int i = 0; i < 2000; i++)
			produce_file(b, 1);
		usleep(1000 * (round % 7));
		kill_recorder(b);
		/* It wrote, and died before it let go: the position as it was before. */
		if (round % 2)
			__atomic_store_n((uint64_t *)b->ring, released, __ATOMIC_RELEASE);
		start(b);
		give_ring(b);
		link_run(b);
		if (b->acked < 1) { /* the keeper sends what was not acknowledged */
			b->seq = 0;
			announce(b, 1);
		}
	}
	produce_count(b, 1, 24000, 0);
	close_run(b);
	assert_int_equal(recorded_files(b, &info), 24000);
	assert_int_equal(b->summary.lost, 0);
	assert_int_equal(info.calls, 1);
	run_info_free(&info);
}

static void events_before_the_announcement_wait(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	start(b);
	give_ring(b);
	for (int i = 0; i < 500; i++)
		produce_file(b, 0);
	while (consumed(b) == 0)
		usleep(1000);
	link_run(b);
	close_run(b);
	assert_int_equal(recorded_files(b, &info), 500);
	run_info_free(&info);
}

static void the_kernels_loss_is_told(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	begin(b);
	announce(b, 1);
	for (int i = 0; i < 10; i++)
		produce_file(b, 1);
	produce_count(b, 1, 17, 7);
	close_run(b);
	assert_int_equal(recorded_files(b, &info), 10);
	assert_int_equal(b->summary.lost, 7);
	assert_int_equal(info.lost, 7);
	run_info_free(&info);
}

static void a_finding_is_told_recorded_and_ends_the_run(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	begin(b);
	announce(b, 1);
	call_over(b, 1, 3);
	wait_for(b, MESSAGE_REC_FINDING);
	close_run(b);
	assert_true(b->killed_run);
	recorded_files(b, &info);
	assert_int_equal(info.findings[SEVERITY_MEDIUM], 1);
	assert_int_equal(b->summary.findings[SEVERITY_MEDIUM], 1);
	run_info_free(&info);
}

static void a_dead_keeper_ends_its_record(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };

	begin(b);
	announce(b, 1);
	wait_for(b, MESSAGE_REC_ACK);
	close(take_fd(&b->keeper.fd));
	usleep(1500000);
	recorded_files(b, &info);
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

	begin(b);
	announce(b, 1);
	for (int i = 0; i < 100; i++)
		produce_file(b, 1);
	wait_for(b, MESSAGE_REC_ACK);
	kill_recorder(b);
	memcpy(first, b->id, sizeof(first));
	start(b);
	sleep(3);
	recorded_files(b, &info);
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
	begin(b);
	announce(b, 1);
	for (int i = 0; i < 20000; i++)
		produce_file(b, 1);
	wait_for(b, MESSAGE_REC_TROUBLE);
	/* Its words arrive while nothing can be written; verdicts hold. */
	announce(b, 2);
	call_over(b, 2, 1);
	wait_for(b, MESSAGE_REC_ACTION);
	assert_int_equal(mount("none", b->store, "tmpfs", MS_REMOUNT, "size=64m"), 0);
	usleep(700000);
	for (int i = 0; i < 50; i++)
		produce_file(b, 2);
	close_run(b);
	files = recorded_files(b, &info);
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

	begin(b);
	announce(b, 1);
	wait_for(b, MESSAGE_REC_ACK);
	usleep(300000);
	snprintf(path, sizeof(path), "%s/index.db", b->store);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	produce_file(b, 1);
	close_run(b);
	assert_int_equal(strlen(b->summary.root), 64);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	usleep(800000);
	assert_int_equal(recorded_files(b, &info), 1);
	assert_true(info.over);
	run_info_free(&info);
}

static void a_corrupt_index_is_said_at_once(void **state)
{
	struct bench *b = *state;
	cleanup_message struct message m = { .fd_count = 0 };
	struct message_text t;
	struct wire w;
	char path[128];
	cleanup_fd int fd = -1;

	assert_int_equal(mkdir(b->store, 0700), 0);
	snprintf(path, sizeof(path), "%s/index.db", b->store);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(file_write_all(fd, path, sizeof(path)), 0);
	start(b);
	assert_int_equal(channel_receive_within(&b->supervisor, &m, WAIT_MS), 1);
	wire_init(&w, m.data, m.size);
	assert_int_equal(message_text_decode(&w, &t), 0);
	assert_int_equal(t.code, EUCLEAN);
	assert_non_null(strstr(t.text, "weir store rebuild"));
}

static void a_flood_is_recorded_without_loss(void **state)
{
	struct bench *b = *state;
	struct run_info info = { 0 };
	const unsigned events = 1000000;
	uint64_t started, took;

	begin(b);
	announce(b, 1);
	started = clock_mono_ns();
	for (unsigned i = 0; i < events; i++)
		produce_file(b, 1);
	while (consumed(b) < *producer(b))
		usleep(1000);
	took = clock_mono_ns() - started;
	produce_count(b, 1, events, 0);
	close_run(b);
	assert_int_equal(recorded_files(b, &info), events);
	assert_int_equal(b->summary.lost, 0);
	print_message("# %u events through ring, record, tree and detectors: %.0f k/s, %.1f bytes "
		      "an event\n",
		      events, events * 1e6 / (double)took, (double)info.bytes / events);
	run_info_free(&info);
}

#define recorder_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		recorder_test(a_run_is_recorded_and_closed),
		recorder_test(a_killed_recorder_loses_and_doubles_nothing),
		recorder_test(events_before_the_announcement_wait),
		recorder_test(the_kernels_loss_is_told),
		recorder_test(a_finding_is_told_recorded_and_ends_the_run),
		recorder_test(a_dead_keeper_ends_its_record),
		recorder_test(what_a_crash_left_is_closed),
		recorder_test(a_full_disk_is_counted_and_survived),
		recorder_test(a_locked_index_is_outwaited),
		recorder_test(a_corrupt_index_is_said_at_once),
		recorder_test(a_flood_is_recorded_without_loss),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
