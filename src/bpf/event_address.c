// SPDX-License-Identifier: Apache-2.0
/* Addresses, transports and DNS types as text; see event_address.h. Owns nothing. */
#include "bpf/event_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

bool event_address_is4(const uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

const char *event_address_text(const uint8_t address[16], char text[EVENT_ADDRESS_TEXT])
{
	bool four = event_address_is4(address);

	inet_ntop(four ? AF_INET : AF_INET6, address + (four ? 12 : 0), text, EVENT_ADDRESS_TEXT);
	return text;
}

void event_endpoint_words(struct buf *out, const uint8_t address[16], uint16_t port)
{
	bool four = event_address_is4(address);
	char text[EVENT_ADDRESS_TEXT];

	event_address_text(address, text);
	buf_printf(out, four ? "%s:%u" : "[%s]:%u", text, port);
}

const char *transport_text(uint16_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	default:
		return NULL;
	}
}

const char *dns_type_text(uint16_t type, char text[DNS_TYPE_TEXT])
{
	/* IANA, DNS resource record types */
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ 1, "A" },	 { 2, "NS" },	   { 5, "CNAME" }, { 6, "SOA" },    { 12, "PTR" },
		{ 15, "MX" },	 { 16, "TXT" },	   { 28, "AAAA" }, { 33, "SRV" },   { 35, "NAPTR" },
		{ 43, "DS" },	 { 48, "DNSKEY" }, { 64, "SVCB" }, { 65, "HTTPS" }, { 251, "IXFR" },
		{ 252, "AXFR" }, { 255, "ANY" },   { 257, "CAA" },
	};

	snprintf(text, DNS_TYPE_TEXT, "TYPE%u", type);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (names[i].type == type)
			snprintf(text, DNS_TYPE_TEXT, "%s", names[i].name);
	return text;
}
