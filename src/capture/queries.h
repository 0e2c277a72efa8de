/* SPDX-License-Identifier: Apache-2.0 */
/* The questions for names that a capture holds, each with the answer that came to it. Bounded: a
 * question gives way to the next one in its place, and then was not answered. */
#ifndef WEIR_CAPTURE_QUERIES_H
#define WEIR_CAPTURE_QUERIES_H

#include "base/clock.h"
#include "flow/dns.h"
#include "flow/hash.h"

#define QUERIES_MAX 4096	      /* that wait for an answer */
#define QUERY_COUNTS 65536	      /* different ones that are counted */
#define QUERY_WAIT (5 * NSEC_PER_SEC) /* resolv.conf(5): what a resolver waits */

struct query {
	uint64_t asked_ns, count; /* count: of this name and type by this host so far */
	uint32_t host, transport;
	uint8_t asker[16], server[16];
	uint16_t asker_port, server_port, id, type;
	char name[DNS_NAME_TEXT];
};

struct queries;

int queries_new(const struct hash_key *key, struct queries **ret); /* 0 or -errno */
void queries_free(struct queries *q);				   /* accepts NULL */

/* A question is asked: true where it is a new one, which is kept. *ret_displaced: one that gave way
 * to it, borrowed until the next call, or NULL. */
bool queries_ask(struct queries *q, const struct query *asked, const struct query **ret_displaced);
/* Takes the question out to which this one's ends and id are those of an answer, or returns NULL.
 * Borrowed until the next call. */
const struct query *queries_answered(struct queries *q, const struct query *like);
/* Takes out one that was asked before `before_ns`, or returns NULL. Borrowed until the next call.
 */
const struct query *queries_expired(struct queries *q, uint64_t before_ns);
/* How often this host has asked this so far, this time included. */
uint64_t queries_count(struct queries *q, const struct query *asked);

#endif
