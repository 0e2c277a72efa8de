// SPDX-License-Identifier: Apache-2.0
/* A policy's digest, in a file of its own so that only those who ask for it link the hash. */
#include <sodium.h>
#include <string.h>

#include "policy/policy.h"

void policy_digest(const struct policy *p, char hex[65])
{
	cleanup_buf struct buf encoded = { 0 };
	unsigned char hash[crypto_hash_sha256_BYTES];

	buf_init(&encoded, 4 * POLICY_BYTES_MAX);
	policy_encode_public(p, &encoded);
	crypto_hash_sha256(hash, (const unsigned char *)buf_text(&encoded), encoded.size);
	sodium_bin2hex(hex, 65, hash, sizeof(hash));
}
