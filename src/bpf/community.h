/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID version 1, seed 0: a flow's name that Zeek, Suricata and packet captures give it
 * too. github.com/corelight/community-id-spec */
#ifndef WEIR_BPF_COMMUNITY_H
#define WEIR_BPF_COMMUNITY_H

#include <stdint.h>

#define COMMUNITY_ID_TEXT 31 /* "1:", 28 characters of base64, NUL */

/* Addresses as in event_flow; both of one family. TCP, UDP and whatever else has ports. */
void community_id(const uint8_t from[16], uint16_t from_port, const uint8_t to[16],
		  uint16_t to_port, uint8_t protocol, char text[COMMUNITY_ID_TEXT]);

#endif
