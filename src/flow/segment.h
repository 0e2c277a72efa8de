/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP segment as an IP packet carries it: RFC 9293, 3.1. Checksums are not looked at: a sender's
 * own capture has none. */
#ifndef WEIR_FLOW_SEGMENT_H
#define WEIR_FLOW_SEGMENT_H

#include "flow/octets.h"

enum segment_flag {
	SEGMENT_FIN = 0x01,
	SEGMENT_SYN = 0x02,
	SEGMENT_RST = 0x04,
	SEGMENT_ACK = 0x10,
};

struct segment {
	uint16_t from_port, to_port;
	uint32_t sequence, acknowledged;
	uint8_t flags; /* enum segment_flag, and others */
	struct octets data;
};

/* False: cut in its header, or none. */
bool segment_read(struct octets payload, struct segment *ret);

#endif
