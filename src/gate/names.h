/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the sandbox's resolver share: names.c holds the names that have addresses,
 * question.c one question's life, question_tcp.c the connections by which questions come, tally.c
 * how often a call asked. */
#ifndef WEIR_GATE_NAMES_H
#define WEIR_GATE_NAMES_H

#include <sys/queue.h>
#include <sys/socket.h>

#include "flow/dns.h"
#include "gate/gate.h"
#include "flow/hash.h"
#include "gate/leads.h"

#define QUESTIONS_MAX 1024 /* in flight; the next is answered SERVFAIL at once */
#define CLIENTS_MAX 64	   /* over TCP; the next takes the place of who is silent longest */
#define CLIENT_WAIT_NS (10 * NSEC_PER_SEC) /* for a whole question, and for its answer to leave */
#define TALLY_MAX 65536	     /* questions told apart; further ones are counted by call alone */
#define TALLY_CALLS_MAX 8192 /* such calls; the questions of further ones are counted together */
#define CALLERS_MAX 1024     /* calls of a name that are remembered, the last ones */

/* tally.c */
struct tally {
	struct tally_entry {
		uint64_t key; /* keyed hash of call and question; 0: free */
		uint64_t count;
	} * slots;
	size_t count, room; /* room: a power of two, or 0 */
	struct hash_key key;
};
int tally_open(struct tally *t);
/* How often the call has asked this, now included. Case does not matter. */
uint64_t tally_count(struct tally *t, uint32_t call, const char *name, uint16_t type);

struct client;

struct question {
	TAILQ_ENTRY(question) naming; /* while it waits for its name's address */
	struct gate *gate;
	struct dns_question asked;
	int code; /* of dns_question_read() */
	/* where the answer goes: a client, NULL once that is gone, or a datagram */
	bool tcp;
	struct question **held; /* the client's; NULL again before the answer */
	int fd;
	struct sockaddr_storage to;
	socklen_t to_size;
	struct event_header h;		/* who asked; no process: not known */
	char name[EGRESS_NAME_MAX + 1]; /* clean; "" where it cannot be */
	char *text;			/* a copy for the list of names, while it waits; owned */
	struct egress_address leads[2]; /* network.veth: IPv4, IPv6; all zero: none */
};
TAILQ_HEAD(question_list, question);

struct names {
	struct gate *gate;
	struct name {
		char *text;
		uint32_t next; /* index of the next in its bucket, 0: none */
		uint32_t caller_count;
		uint32_t *callers; /* the last one last */
	} * of;			   /* by index; 0 is not used */
	uint32_t count, room;
	uint32_t *buckets;
	struct hash_key key;	      /* of the buckets */
	struct question_list waiting; /* for names; the first one's is with the keeper */
	size_t questions;	      /* in flight */
	struct tally tally;
	struct names_datagrams {
		struct watch watch; /* fd -1: none */
		struct names *names;
		bool v6;
	} sockets[2];		      /* IPv4, IPv6 */
	struct leads leads;	      /* with network.veth */
	bool full;		      /* no further name gets an address */
	TAILQ_HEAD(, client) clients; /* who was silent longest first */
	size_t client_count;
};

/* names.c */
uint32_t names_index(const struct names *n, const char *clean); /* 0: has none */
/* question_named() follows, perhaps before this returns. */
void names_want(struct names *n, struct question *q);
void names_heard(struct names *n, uint32_t index, uint32_t call); /* the call was answered */

/* With network.veth: the keeper is told where the name of this index leads by now. */
void names_lead(const struct question *q, uint32_t index);

/* question.c */
/* Reads, judges and answers what came, perhaps before this returns. from: the gate, and where the
 * answer goes; it is copied. False: it is no question, and nothing is to be said. */
bool question_begin(const struct question *from, const void *data, size_t size,
		    const struct flow_key *key);
void question_named(struct question *q, uint32_t index, int error);

/* question_tcp.c: the answer to the question that is held there. */
void client_answer(struct question **held, const void *data, size_t size);

#endif
