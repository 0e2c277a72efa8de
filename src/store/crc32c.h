/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells a frame that was cut or rotted from one that
 * is whole. It proves nothing against a person; the Merkle tree does. */
#ifndef WEIR_STORE_CRC32C_H
#define WEIR_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0, or the result for the bytes before these. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

#endif
