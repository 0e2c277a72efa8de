/* SPDX-License-Identifier: Apache-2.0 */
/* With network.veth: to which addresses outside names have led so far. */
#ifndef WEIR_GATE_LEADS_H
#define WEIR_GATE_LEADS_H

#include <stddef.h>
#include <stdint.h>

#include "flow/hash.h"
#include "policy/egress.h"

#define LEADS_MAX 131072 /* remembered; further ones are not */
#define LEADS_BUCKETS 4096

struct leads {
	struct lead *of; /* from 1; owned */
	uint32_t count, room;
	uint32_t buckets[LEADS_BUCKETS]; /* the newest of each; 0: none */
};

/* The name of this index has come to lead there, or still does. */
void leads_note(struct leads *l, const struct hash_key *key, uint32_t index,
		const struct egress_address *to);
/* Names that have led there, those that came to do so last first, at most `max`. */
size_t leads_to(const struct leads *l, const struct hash_key *key, const struct egress_address *to,
		uint32_t *ret, size_t max);

#endif
