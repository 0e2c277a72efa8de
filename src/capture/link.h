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

enum link_result link_strip(const struct packet *p, struct octets *ret);

#endif
