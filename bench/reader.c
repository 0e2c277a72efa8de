// SPDX-License-Identifier: Apache-2.0
/* What the gate and a capture pay to read what passes: one line a conversation, the bytes of one
 * piece of it and the median of 21 loops in nanoseconds a piece. 50,000 of them a second at 100 ns
 * are 0.5 % of a core. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "flow/reader.h"

#define ROUNDS 21
#define LOOPS 4000
#define PIECE_NS 20000 /* 50,000 a second */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct conversation {
	const char *name;
	uint16_t transport;
	const char *opening, *answer; /* or NULL */
	const char *piece;	      /* said by either side in turn */
	size_t size;
	uint64_t apart_ns;
};

static uint64_t time_once(const struct conversation *c)
{
	struct flow_reader *r = flow_reader_new(c->transport, 443, false);
	uint64_t at = 1000000000ull, begun;

	if (!r)
		abort();
	if (c->opening)
		flow_reader_take(r, INSIDE, at, c->opening, strlen(c->opening), strlen(c->opening));
	if (c->answer)
		flow_reader_take(r, OUTSIDE, at, c->answer, strlen(c->answer), strlen(c->answer));
	begun = now_ns();
	for (int i = 0; i < LOOPS; i++)
		flow_reader_take(r, i & 1, at += c->apart_ns, c->piece, c->size, c->size);
	begun = now_ns() - begun;
	flow_reader_free(r);
	return begun / LOOPS;
}

int main(void)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
	static const char endless[] = "HTTP/1.1 200 OK\r\n\r\n";
	static const char line[] =
		"{\"id\":4,\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":"
		"{\"name\":\"search\",\"arguments\":{\"query\":\"a b c\"}}}\n";
	static char noise[256 * 1024], frame[1400] = "\x82\x7e\x05\x74";
	const struct conversation all[] = {
		{ "encrypted", IPPROTO_TCP, NULL, NULL, noise, 1400, PIECE_NS },
		{ "encrypted, a turn of the relay", IPPROTO_TCP, NULL, NULL, noise, sizeof(noise),
		  PIECE_NS },
		{ "encrypted, a datagram", IPPROTO_UDP, NULL, NULL, noise, 1200, PIECE_NS },
		{ "SSH", IPPROTO_TCP, "SSH-2.0-a\r\n", "SSH-2.0-b\r\n", noise, 100, PIECE_NS },
		{ "each after a second", IPPROTO_TCP, NULL, NULL, noise, 100, 1100000000ull },
		{ "HTTP, a body", IPPROTO_TCP, request, endless, noise, 1400, PIECE_NS },
		{ "WebSocket, a frame", IPPROTO_TCP,
		  "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n",
		  "HTTP/1.1 101 Y\r\nUpgrade: websocket\r\n\r\n", frame, sizeof(frame), PIECE_NS },
		{ "lines of JSON-RPC, 50,000 a second", IPPROTO_TCP, NULL, NULL, line,
		  sizeof(line) - 1, PIECE_NS },
		{ "the same, ten a second", IPPROTO_TCP, NULL, NULL, line, sizeof(line) - 1,
		  100000000ull },
	};
	uint64_t ns[ROUNDS], x = 88172645463325252ull;

	for (size_t i = 0; i < sizeof(noise); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		noise[i] = (char)x;
	}
	puts("| what passes | bytes | ns |\n|---|---|---|");
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		for (int round = 0; round < ROUNDS; round++)
			ns[round] = time_once(&all[i]);
		qsort(ns, ROUNDS, sizeof(*ns), by_value);
		printf("| %s | %zu | %llu |\n", all[i].name, all[i].size,
		       (unsigned long long)ns[ROUNDS / 2]);
	}
	return 0;
}
