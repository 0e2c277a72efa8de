/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 (FIPS 180-4) of a short message, for identifiers that others defined with it. It protects
 * nothing: where a digest must resist somebody, it is SHA-256. */
#ifndef WEIR_BASE_SHA1_H
#define WEIR_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_BYTES 20
#define SHA1_MESSAGE_MAX 119 /* two blocks with the padding */

/* size: at most SHA1_MESSAGE_MAX. */
void sha1_short(const void *message, size_t size, uint8_t digest[SHA1_BYTES]);

#endif
