/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the recorder stand on: its supervisor, the run's keeper, and the kernel, whose
 * ring is laid out in a memfd as kernel/bpf/ringbuf.c lays it out. $WEIR_RECORDER is the program.
 */
#ifndef WEIR_TESTS_RECORDER_BENCH_H
#define WEIR_TESTS_RECORDER_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "call/message.h"
#include "store/record.h"

#define WAIT_MS 60000
#define BENCH_KEY 4711 /* of the run in its events */

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
	char page[96]; /* notify: this program at a finding of severity medium, "" none */
};

void bench_start(struct bench *b);
void bench_give_ring(struct bench *b);
void bench_link_run(struct bench *b);
int bench_setup(void **state);
int bench_teardown(void **state);
void bench_begin(struct bench *b);
uint64_t *bench_producer(struct bench *b);
uint64_t bench_consumed(struct bench *b);
void bench_produce(struct bench *b, const void *event, size_t size);
void bench_produce_file(struct bench *b, uint32_t call);
void bench_produce_count(struct bench *b, uint32_t call, uint64_t files, uint64_t lost);
void bench_say(struct bench *b, enum message_type type, const struct buf *data);
void bench_announce(struct bench *b, uint32_t n);
void bench_call_over(struct bench *b, uint32_t n, uint32_t survivors);
void bench_wait_for(struct bench *b, enum message_type type);
void bench_close_run(struct bench *b);
void bench_wait_over(struct bench *b); /* until the index says so; 30 s at most */
void bench_kill_recorder(struct bench *b);
uint64_t bench_recorded_files(struct bench *b, struct run_info *ret_info);

#endif
