// SPDX-License-Identifier: Apache-2.0
/* SipHash by libsodium; see hash.h. */
#include "flow/hash.h"

#include <errno.h>
#include <sodium.h>
#include <sys/random.h>

int hash_key_open(struct hash_key *k)
{
	_Static_assert(crypto_shorthash_KEYBYTES == sizeof(k->secret), "of SipHash");
	return getrandom(k->secret, sizeof(k->secret), 0) == sizeof(k->secret) ? 0 : -errno;
}

uint64_t hash_of(const struct hash_key *k, const void *data, size_t size)
{
	uint64_t hash;

	_Static_assert(crypto_shorthash_BYTES == sizeof(hash), "of SipHash");
	crypto_shorthash((unsigned char *)&hash, data, size, k->secret);
	return hash;
}
