/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ports of events, as text. */
#ifndef WEIR_BPF_EVENT_ADDRESS_H
#define WEIR_BPF_EVENT_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define EVENT_ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

/* 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. */
bool event_address_is4(const uint8_t address[16]);
/* "10.0.0.5", "2001:db8::1"; returns text. */
const char *event_address_text(const uint8_t address[16], char text[EVENT_ADDRESS_TEXT]);
/* "10.0.0.5:443", "[2001:db8::1]:443" */
void event_endpoint_words(struct buf *out, const uint8_t address[16], uint16_t port);
/* "tcp", "udp", "icmp" by IPPROTO_*; NULL for another */
const char *transport_text(uint16_t protocol);
/* "A", "AAAA", …; "TYPE1234" (RFC 3597) where it has no name here. */
#define DNS_TYPE_TEXT 12
const char *dns_type_text(uint16_t type, char text[DNS_TYPE_TEXT]);

#endif
