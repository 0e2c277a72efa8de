/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's resolver (names.c, question.c, question_tcp.c, resolve.c) in one loop with what is
 * around it: a name server outside that counts what it is asked, the socket inside, a keeper that
 * gives addresses, and whoever asks. */
#ifndef WEIR_TESTS_NAMES_BENCH_H
#define WEIR_TESTS_NAMES_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "gate/names.h"

struct names_bench {
	struct gate gate;
	struct watch upstream;
	unsigned upstream_port, upstream_count;
	char upstream_last[256];
	int asker;
	struct sockaddr_in inside[2];
	/* who asks, as the kernel would know */
	uint32_t call;
	bool owner_unknown, owner_waits;
	struct {
		owner_done *done;
		void *context;
	} waiting[QUESTIONS_MAX + 1];
	size_t waiting_count;
	/* the keeper */
	bool keeper_waits;
	int keeper_error;
	uint32_t asked_index;
	char asked_name[256];
	unsigned asked_count;
	/* events */
	size_t event_count;
	struct seen {
		struct event_dns e;
		char name[1100], reason[128];
	} events[64];
};
extern struct names_bench t;

/* Around each test. */
int begin(void **state);
int end(void **state);

void owners_answer(void); /* all that wait */
void set_policy(const char *text);
const struct seen *last_event(void);
void turn(uint64_t until); /* of the loop */

/* The bytes of a question; returns their size. */
size_t query(uint8_t *out, uint16_t id, const char *name, uint16_t type);
void send_query(const char *name, uint16_t type);
/* An answer's code; its address, or "", as text. -1: none within the time. */
int receive(unsigned ms, char text[EGRESS_ADDRESS_TEXT]);
int ask(const char *name, uint16_t type, char text[EGRESS_ADDRESS_TEXT]);

/* A client over TCP: our end of the pair. */
int connected(void);
/* Bytes until `size` have come (then they are counted), the connection is closed (0), or -1. */
ssize_t read_stream(int fd, uint8_t *data, size_t size);

#endif
