/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree over a run's frames, RFC 6962 section 2.1 with SHA-256: leaf = H(0x00 || bytes),
 * node = H(0x01 || left || right). Grown leaf by leaf; what is kept is one hash per complete
 * subtree. */
#ifndef WEIR_STORE_MERKLE_H
#define WEIR_STORE_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH_SIZE 32
#define MERKLE_HEX_SIZE 65

struct merkle {
	uint64_t leaves;
	unsigned char stack[64][MERKLE_HASH_SIZE]; /* one a set bit of leaves, largest first */
};

void merkle_init(struct merkle *m);
void merkle_add(struct merkle *m, const void *leaf, size_t size);
/* The root of the leaves so far; SHA-256 of nothing for an empty tree. */
void merkle_root(const struct merkle *m, unsigned char root[MERKLE_HASH_SIZE]);
void merkle_hex(const unsigned char hash[MERKLE_HASH_SIZE], char hex[MERKLE_HEX_SIZE]);

#endif
