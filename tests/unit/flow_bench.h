/* SPDX-License-Identifier: Apache-2.0 */
/* A fake gate (fake_gate.h) between a client and a server of the test, in a network namespace of
 * its own. */
#ifndef WEIR_TESTS_FLOW_BENCH_H
#define WEIR_TESTS_FLOW_BENCH_H

#include "fake_gate.h"

#define NAME1 "198.18.0.2" /* stands for name 1 inside, a.test */
#define INSIDE_PORT 7000
#define ANY "{host: a.test}, {host: 127.0.0.0/8}"
#define ONLY(protocol) "{host: a.test, protocol: " protocol "}, {host: 127.0.0.0/8}"

extern struct fake_gate fake;

/* One flow: the client's socket, and the server's once it has accepted. */
struct line {
	int client, listener, server;
	uint16_t port;
};

/* False: this host lets no namespace be made, which is said. */
bool flow_bench_begin(void);
/* A server at 127.0.0.1, and a gate with these rules that listens where name 1 leads. */
struct line line_open(const char *rules);
bool line_accept(struct line *l, unsigned ms);
void line_close(struct line *l);
void say(int fd, const char *text);
/* What has arrived: text, "" for nothing, "END" or "RESET". */
const char *heard(int fd);

#endif
