// SPDX-License-Identifier: Apache-2.0
/* The bench of the recorder's tests; see recorder_bench.h. Each test owns one, with a store of its
 * own. */
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

#define PAGE 4096

void bench_start(struct bench *b)
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

void bench_give_ring(struct bench *b)
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
	struct run_open open = { .key = BENCH_KEY,
				 .started_ns = clock_wall_ns(),
				 .command = "true" };
	cleanup_policy struct policy policy = { 0 };
	cleanup_buf struct buf data = { 0 }, encoded = { 0 };

	assert_int_equal(policy_builtin(&policy), 0);
	policy.on[SEVERITY_MEDIUM] = ACTION_KILL;
	policy.notify[SEVERITY_MEDIUM].command = b->page[0] ? strdup(b->page) : NULL;
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

void bench_link_run(struct bench *b)
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

int bench_setup(void **state)
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

int bench_teardown(void **state)
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

void bench_begin(struct bench *b)
{
	bench_start(b);
	bench_give_ring(b);
	bench_link_run(b);
}

uint64_t *bench_producer(struct bench *b)
{
	return (uint64_t *)(b->ring + PAGE);
}

uint64_t bench_consumed(struct bench *b)
{
	return __atomic_load_n((uint64_t *)b->ring, __ATOMIC_ACQUIRE);
}

/* What the kernel does with an event: header, bytes, then the new position. */
void bench_produce(struct bench *b, const void *event, size_t size)
{
	uint64_t at = *bench_producer(b);
	unsigned char *to = b->ring + 2 * PAGE + at;
	uint32_t length = (uint32_t)size;

	assert_true(at + size + 8 < b->ring_size);
	memcpy(to + 8, event, size);
	memcpy(to, &length, sizeof(length));
	__atomic_store_n(bench_producer(b), at + 8 + ((size + 7) & ~(size_t)7), __ATOMIC_RELEASE);
	b->produced++;
}

void bench_produce_file(struct bench *b, uint32_t call)
{
	struct {
		struct event_file file;
		char path[40];
	} e = { .file = { .h = { .kind = EVENT_FILE,
				 .call = call,
				 .run = BENCH_KEY,
				 .mono_ns = clock_mono_ns(),
				 .kernel_seq = b->produced,
				 .pid = 100,
				 .tid = 100 },
			  .op = FILE_WRITE,
			  .bytes = 10,
			  .path_size = 36 },
		.path = "/work/a/path/of/the/usual/length/xyz" };

	e.file.h.size = sizeof(e.file) + 36;
	bench_produce(b, &e, e.file.h.size);
}

void bench_produce_count(struct bench *b, uint32_t call, uint64_t files, uint64_t lost)
{
	struct event_count e = { .h = { .size = sizeof(e),
					.kind = EVENT_COUNT,
					.call = call,
					.run = BENCH_KEY,
					.mono_ns = clock_mono_ns(),
					.kernel_seq = b->produced } };

	e.produced[EVENT_CLASS_FILE] = files;
	e.lost[EVENT_CLASS_FILE] = lost;
	bench_produce(b, &e, sizeof(e));
}

void bench_say(struct bench *b, enum message_type type, const struct buf *data)
{
	assert_int_equal(data->error, 0);
	assert_int_equal(
		channel_send(&b->keeper, type, ++b->seq, data->data, data->size, NULL, 0, 0), 0);
}

void bench_announce(struct bench *b, uint32_t n)
{
	struct call_announce a = {
		.n = n, .function_name = "bash", .started_ns = 5, .executed = true
	};
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	call_announce_encode(&a, &data);
	bench_say(b, MESSAGE_REC_CALL_ANNOUNCE, &data);
}

void bench_call_over(struct bench *b, uint32_t n, uint32_t survivors)
{
	struct call_exit e = { .n = n, .ended_ns = 9, .survivors = survivors };
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	call_exit_encode(&e, &data);
	bench_say(b, MESSAGE_REC_CALL_EXIT, &data);
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
void bench_wait_for(struct bench *b, enum message_type type)
{
	for (;;) {
		cleanup_message struct message m = { .fd_count = 0 };

		assert_int_equal(channel_receive_within(&b->keeper, &m, WAIT_MS), 1);
		hear(b, &m);
		if (m.type == type)
			return;
	}
}

void bench_close_run(struct bench *b)
{
	struct run_close c = { .ended_ns = clock_wall_ns() };
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 4096);
	run_close_encode(&c, &data);
	bench_say(b, MESSAGE_REC_RUN_CLOSE, &data);
	bench_wait_for(b, MESSAGE_REC_RUN_CLOSED);
}

void bench_kill_recorder(struct bench *b)
{
	kill(b->recorder, SIGKILL);
	waitpid(b->recorder, NULL, 0);
	close(take_fd(&b->supervisor.fd));
	close(take_fd(&b->keeper.fd));
}

/* The record as a stranger reads it: events of kind FILE, and everything in order. */
uint64_t bench_recorded_files(struct bench *b, struct run_info *ret_info)
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

static bool is_over(struct bench *b)
{
	struct run_info info = { 0 };
	struct store *s = NULL;
	bool over = false;

	if (store_open(b->store, &s, NULL) == 0 && store_run_find(s, b->id, &info, NULL) == 0)
		over = info.over;
	run_info_free(&info);
	store_close(s);
	return over;
}

void bench_wait_over(struct bench *b)
{
	for (int i = 0; i < 600 && !is_over(b); i++)
		usleep(50000);
	assert_true(is_over(b));
}
