/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK (RFC 7541): a connection's first header block, read for the few fields that say with whom
 * a request is. Bounded, allocates nothing. */
#ifndef WEIR_FLOW_OPENING_HPACK_H
#define WEIR_FLOW_OPENING_HPACK_H

#include <stddef.h>
#include <stdint.h>

enum hpack_name { HPACK_OTHER, HPACK_AUTHORITY, HPACK_METHOD, HPACK_HOST, HPACK_NAME_COUNT };

#define HPACK_VALUE_MAX 512 /* what is longer is cut: no host is */

typedef void hpack_field(void *context, enum hpack_name name, const char *value, size_t size);

/* 0, or -EBADMSG where a decoder would refuse the block. */
int hpack_read(const uint8_t *data, size_t size, hpack_field *each, void *context);

#endif
