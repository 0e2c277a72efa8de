/* SPDX-License-Identifier: Apache-2.0 */
/* Which protocol a port is known for. */
#ifndef WEIR_DETECT_PORT_H
#define WEIR_DETECT_PORT_H

#include <stdint.h>

#include "bpf/event.h"

enum protocol port_protocol(uint16_t port); /* PROTOCOL_UNKNOWN for most */

#endif
