/* SPDX-License-Identifier: Apache-2.0 */
/* A list of counts, most of them small or zero, in few bytes (LEB128): a store of a million runs of
 * fifty calls keeps 33 of them a call. */
#ifndef WEIR_STORE_COUNTS_H
#define WEIR_STORE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#define COUNTS_BYTES(n) ((n)*10) /* of n counts, at most */

size_t counts_encode(const uint64_t *counts, size_t n, unsigned char *out);
/* Counts that are missing, or cannot be read, are zero. */
void counts_decode(const void *data, size_t size, uint64_t *counts, size_t n);

#endif
