/* SPDX-License-Identifier: Apache-2.0 */
/* A port as it stands in a policy's texts: 1 to 65535, decimal, no sign, no leading zero. */
#ifndef WEIR_POLICY_PORT_H
#define WEIR_POLICY_PORT_H

#include <stddef.h>
#include <stdint.h>

/* The digits at the start of text. Returns how many there are, 0 where they are no port. */
size_t port_parse(const char *text, uint16_t *ret);

#endif
