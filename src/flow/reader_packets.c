// SPDX-License-Identifier: Apache-2.0
/* Packets as payload: those of IP, and the frames of WireGuard (its protocol page) and OpenVPN (its
 * wire protocol); DTLS (RFC 9147) and QUIC (RFC 9000) are bytes without structure by their heads.
 * Trusts no byte: what is told needs two of a kind, or more than 32 bits that agree. */
#include <netinet/in.h>
#include <string.h>

#include "flow/reader_part.h"

#define LOOKS_MAX 64 /* datagrams of a flow that are looked at before any was a packet */
#define SEEN_ENOUGH 2

static uint32_t number(const uint8_t *p, size_t size)
{
	uint32_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | p[i];
	return n;
}

static bool sum_holds(const uint8_t *head, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2)
		sum += number(head + i, 2);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static bool is_ip4(const uint8_t *p, size_t size)
{
	size_t head = size ? (p[0] & 0x0fu) * 4u : 0;

	return size >= 20 && p[0] >> 4 == 4 && head >= 20 && head <= size &&
	       number(p + 2, 2) == size && p[8] && sum_holds(p, head);
}

static bool is_ip6(const uint8_t *p, size_t size)
{
	return size >= 40 && p[0] >> 4 == 6 && number(p + 4, 2) + 40 == size && p[7] && p[6] &&
	       memchr("\0\6\21\53\54\62\63\72\73\74", p[6], 10);
}

/* Alone, or behind what tunnels put before it: a length, a kind of frame. */
static bool is_ip(const uint8_t *p, size_t size)
{
	static const uint8_t heads[] = { 0, 2, 4 };

	for (size_t i = 0; i < sizeof(heads); i++)
		if (size > heads[i] && (is_ip4(p + heads[i], size - heads[i]) ||
					is_ip6(p + heads[i], size - heads[i])))
			return true;
	return false;
}

enum { WIREGUARD_INITIATION = 1, WIREGUARD_RESPONSE, WIREGUARD_COOKIE, WIREGUARD_DATA };

/* How much a message says: 2 where its kind and its size agree, 1 where more must come. */
static unsigned is_wireguard(uint32_t *newest, const uint8_t *p, size_t size)
{
	uint32_t whom;
	bool same;

	if (size < 32 || p[1] || p[2] || p[3])
		return 0;
	if ((p[0] == WIREGUARD_INITIATION && size == 148) ||
	    (p[0] == WIREGUARD_RESPONSE && size == 92) || (p[0] == WIREGUARD_COOKIE && size == 64))
		return 2;
	if (p[0] != WIREGUARD_DATA || size % 16)
		return 0;
	/* for the same receiver, with a counter that is not used up */
	whom = number(p + 4, 4);
	same = whom && whom == *newest && !number(p + 13, 3);
	*newest = whom;
	return same;
}

enum { OPENVPN_RESET_CLIENT = 7, OPENVPN_RESET_SERVER = 8, OPENVPN_RESET_CLIENT3 = 10 };

/* A server's reset names the client's session. */
static unsigned is_openvpn(struct packets *k, const uint8_t *p, size_t size)
{
	unsigned opcode = p[0] >> 3;

	if (size < 14 || p[0] & 7)
		return 0;
	if (opcode == OPENVPN_RESET_CLIENT || opcode == OPENVPN_RESET_CLIENT3)
		memcpy(k->openvpn, p + 1, sizeof(k->openvpn));
	if (opcode != OPENVPN_RESET_SERVER)
		return 0;
	for (size_t at = 9; at + sizeof(k->openvpn) <= size; at++)
		if (number(k->openvpn, 4) && memcmp(p + at, k->openvpn, sizeof(k->openvpn)) == 0)
			return 2;
	return 0;
}

static bool is_dtls(const uint8_t *p, size_t size)
{
	return size >= 13 && p[0] >= 20 && p[0] <= 26 && p[1] == 0xfe &&
	       (p[2] == 0xfd || p[2] == 0xff) && number(p + 11, 2) + 13 <= size;
}

static bool is_quic(const uint8_t *p, size_t size)
{
	uint32_t version = size >= 7 ? number(p + 1, 4) : 0;

	return size >= 7 && (p[0] & 0xc0) == 0xc0 && p[5] <= 20 &&
	       (version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000);
}

static void datagram_read(struct flow_reader *r, const uint8_t *data, size_t size)
{
	enum protocol protocol;

	if (r->level != PROTOCOL_UNKNOWN)
		return;
	if (is_dtls(data, size) || is_quic(data, size))
		reader_note(r, FLOW_TRAIT_ENCRYPTED);
	protocol = begin_held(data, size);
	if (protocol != PROTOCOL_UNKNOWN) {
		r->carriers = 1;
		reader_know(r, protocol);
	}
}

void packets_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct packets *k = &r->packets;
	bool datagram = r->transport != IPPROTO_TCP;
	/* of a stream each has its length before it */
	bool sized = !datagram && size > 2 && number(data, 2) == size - 2;

	if (k->seen >= SEEN_ENOUGH || k->looks >= LOOKS_MAX || !size)
		return;
	k->looks++;
	if (datagram || sized)
		k->seen = (uint8_t)(k->seen + is_openvpn(k, sized ? data + 2 : data,
							 sized ? size - 2 : size));
	if (datagram)
		k->seen = (uint8_t)(k->seen + is_wireguard(&k->wireguard[side], data, size));
	k->seen = (uint8_t)(k->seen + is_ip(data, size));
	if (k->seen >= SEEN_ENOUGH)
		reader_note(r, FLOW_TRAIT_PACKETS);
	if (datagram)
		datagram_read(r, data, size);
}
