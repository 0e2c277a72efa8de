/* SPDX-License-Identifier: Apache-2.0 */
/* From a captured frame to the IP packet in it. */
#ifndef WEIR_CAPTURE_LINK_H
#define WEIR_CAPTURE_LINK_H

#include "capture/file.h"
#include "flow/octets.h"

enum link_result {
	LINK_IP,
	LINK_OTHER,   /* ARP and the like */
	LINK_SHORT,   /* cut before the packet began */
	LINK_UNKNOWN, /* a link type that is not read */
};

/* Which way a packet went past the machine that captured it, where the link says so: Linux cooked.
 */
enum link_way { LINK_WAY_UNKNOWN, LINK_WAY_IN, LINK_WAY_OUT };

enum link_way link_way(const struct packet *p);
enum link_result link_strip(const struct packet *p, struct octets *ret);

#endif
