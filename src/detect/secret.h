/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls read what the policy calls sensitive, and how much that weighs against what is sent
 * afterwards. */
#ifndef WEIR_DETECT_SECRET_H
#define WEIR_DETECT_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/detector.h"
#include "detect/keyed.h"

#define SECRET_PATH 128 /* bytes of a path kept */
#define SECRET_CALLS_MAX 1024

/* The weightiest file that a call read, the newest of those that weigh the same. */
struct secret {
	unsigned weight; /* 2: a key or token outside of the workspace; 1: the project's own */
	uint64_t first_ns, mono_ns; /* the first reading of any, that of this one */
	uint64_t seq;
	uint32_t call, pid;
	uint64_t start_ns;
	char path[SECRET_PATH]; /* not escaped */
};

/* Takes EVENT_FILE; secrets: entries of struct secret by call, key 0. What the run wrote itself, or
 * was refused, is none. */
void secret_event(struct keyed *secrets, const struct detection *d, const struct event_view *e);
/* What the call of h read before, or one that stands behind it by h's label; NULL: nothing.
 * *ret_edge: it is another call's. */
const struct secret *secret_before(struct keyed *secrets, const struct detection *d,
				   const struct event_header *h, bool *ret_edge);
/* Whether the file is what one shows to be let in by this protocol: a key to a shell, a token to a
 * web service. */
bool secret_opens(const struct secret *s, enum protocol protocol);

#endif
