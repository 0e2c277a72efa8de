/* SPDX-License-Identifier: Apache-2.0 */
/* An IP packet of either family: its ends, and what it carries. */
#ifndef WEIR_FLOW_IP_H
#define WEIR_FLOW_IP_H

#include <stdbool.h>

#include "flow/octets.h"

struct ip_packet {
	uint8_t from[16], to[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t protocol;	  /* IPPROTO_* of what it carries; of a fragment, of the whole */
	bool four;
	bool fragment, more; /* more: not the last one */
	uint32_t id, at;     /* of a fragment: whose, and where in it */
	struct octets payload;
};

/* 0; -EBADMSG: no IP packet; -ENODATA: cut before its headers' end. */
int ip_read(struct octets o, struct ip_packet *ret);
/* Passes by the extension headers at the beginning of the payload: after reassembly. As above. */
int ip_pass_extensions(struct ip_packet *p);

#endif
