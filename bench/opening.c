// SPDX-License-Identifier: Apache-2.0
/* What the gate pays to read a flow's first bytes: one line an opening, its bytes and the median of
 * 21 loops in nanoseconds. "byte by byte" is all readings together of one that comes so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tests/unit/hello_maker.h"
#include "base/cleanup.h"
#include "flow/opening.h"

#define ROUNDS 21
#define LOOPS 20000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void time_one(const char *name, const void *data, size_t size, bool dribbled)
{
	int loops = dribbled ? LOOPS / 1000 : LOOPS;
	double ns[ROUNDS];
	struct opening o;

	for (int round = 0; round < ROUNDS; round++) {
		double begun = now_ns();

		for (int i = 0; i < loops; i++)
			for (size_t n = dribbled ? 1 : size; n <= size; n++)
				opening_read(data, n, false, &o);
		ns[round] = (now_ns() - begun) / loops;
	}
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	printf("| %s | %zu | %.0f |\n", name, size, ns[ROUNDS / 2]);
}

int main(void)
{
	static const char http[] = "GET /simple/weirdemo/ HTTP/1.1\r\nHost: pypi.example.org\r\n"
				   "User-Agent: pip/24.0\r\nAccept-Encoding: gzip, deflate\r\n"
				   "Accept: application/vnd.pypi.simple.v1+json\r\n"
				   "Connection: keep-alive\r\n\r\n";
	static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
	static const char stratum[] =
		"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":"
		"{\"login\":\"4A\",\"pass\":\"x\",\"agent\":\"a/1\"}}\n";
	static const char http2[] =
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\x11\1\4\0"
		"\0\0\1\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab"
		"\x90\xf4\xff";
	static const struct {
		const char *name;
		size_t key_share, record;
	} hellos[] = {
		{ "ClientHello", 32, 16384 },
		{ "ClientHello, post-quantum (X25519MLKEM768)", 1254, 16384 },
		{ "ClientHello of 16 KiB in two records", 16200, 16384 },
		{ "ClientHello of 16 KiB in records of 100 bytes", 16200, 100 },
	};
	static struct hello message, h;

	puts("| opening | bytes | ns |\n|---|---|---|");
	for (size_t i = 0; i < ARRAY_LENGTH(hellos); i++) {
		hello_message(&message, &(struct hello_parts){ .name = "pypi.example.org",
							       .alpn = "\x02h2\x08http/1.1",
							       .key_share = hellos[i].key_share });
		hello_records(&message, hellos[i].record, 1, &h);
		time_one(hellos[i].name, h.data, h.size, false);
	}
	time_one("the last, byte by byte", h.data, h.size, true);
	time_one("HTTP/1 head", http, sizeof(http) - 1, false);
	time_one("HTTP/2 preface and request", http2, sizeof(http2) - 1, false);
	time_one("SSH", ssh, sizeof(ssh) - 1, false);
	time_one("stratum", stratum, sizeof(stratum) - 1, false);
	time_one("unknown", "hello\n", 6, false);
	return 0;
}
