/* SPDX-License-Identifier: Apache-2.0 */
/* A capture that is made by hand and read to its end: make packets with &b->m, then bench_judge(),
 * and look at what came of them. */
#ifndef WEIR_TESTS_CAPTURE_BENCH_H
#define WEIR_TESTS_CAPTURE_BENCH_H

#include <stdlib.h>

#include "capture/capture.h"
#include "tests/unit/packet_maker.h"

struct bench {
	struct packet_maker m;
	struct capture *c;
	const struct capture_flow *flows;
	size_t count; /* of flows */
};

static inline struct bench *bench_new(uint32_t link)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	capture_open(&b->m, link);
	return b;
}

/* memory: 0 for the usual limit. */
static inline void bench_judge(struct bench *b, size_t memory)
{
	struct capture_options o = { .memory = memory, .flows = 1000 };
	struct fail f = { 0 };

	lseek(b->m.fd, 0, SEEK_SET);
	assert_int_equal(capture_new(&o, &b->c), 0);
	assert_int_equal(capture_read(b->c, b->m.path, &f), 0);
	capture_finish(b->c);
	b->flows = capture_flows(b->c, &b->count);
}

static inline void bench_free(struct bench *b)
{
	close(b->m.fd);
	capture_free(b->c);
	free(b);
}

static inline void make_handshake(struct packet_maker *m, const struct packet_end *from,
				  const struct packet_end *to)
{
	make_tcp(m, from, to, 99, 0, PACKET_SYN, "", 0);
	make_tcp(m, to, from, 499, 100, PACKET_SYN | PACKET_ACK, "", 0);
	make_tcp(m, from, to, 100, 500, PACKET_ACK, "", 0);
}

static inline void make_end(struct packet_maker *m, const struct packet_end *from,
			    const struct packet_end *to, uint32_t from_said, uint32_t to_said)
{
	uint32_t a = 100 + from_said, b = 500 + to_said;

	make_tcp(m, from, to, a, b, PACKET_FIN | PACKET_ACK, "", 0);
	make_tcp(m, to, from, b, a + 1, PACKET_FIN | PACKET_ACK, "", 0);
	make_tcp(m, from, to, a + 1, b + 1, PACKET_ACK, "", 0);
}

#endif
