/* SPDX-License-Identifier: Apache-2.0 */
/* A keyed hash (SipHash) for tables whose keys an agent chooses: it cannot make them collide. */
#ifndef WEIR_FLOW_HASH_H
#define WEIR_FLOW_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint8_t secret[16];
};
int hash_key_open(struct hash_key *k); /* 0 or -errno */
uint64_t hash_of(const struct hash_key *k, const void *data, size_t size);

#endif
