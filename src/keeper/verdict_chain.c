// SPDX-License-Identifier: Apache-2.0
/* The chains of nftables that stay as they are while rules change; see verdict_chain.h. Owns
 * nothing. */
#include "keeper/verdict_chain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define V4_OFFSET 12 /* of the four bytes of IPv4 in an address */
#define IP4_TO 16    /* where the destination stands in a header */
#define IP6_TO 24
#define IP4_FROM 12
#define IP6_FROM 8
#define TCP_FLAGS 13
#define DNS_PORT 53

static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

static void is_protocol(struct nft *n, uint8_t protocol)
{
	nft_meta(n, NFT_META_L4PROTO, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

static void is_family(struct nft *n, uint8_t family)
{
	nft_meta(n, NFT_META_NFPROTO, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &family, sizeof(family));
}

static void load_address(struct nft *n, uint8_t family, uint32_t in_ip4, uint32_t in_ip6)
{
	is_family(n, family);
	if (family == NFPROTO_IPV4)
		nft_payload(n, NFT_PAYLOAD_NETWORK_HEADER, in_ip4, 4, NFT_REG32_00);
	else
		nft_payload(n, NFT_PAYLOAD_NETWORK_HEADER, in_ip6, 16, NFT_REG32_00);
}

void chain_load_destination(struct nft *n, uint8_t family)
{
	load_address(n, family, IP4_TO, IP6_TO);
}

const void *chain_address(const struct egress_address *a, uint8_t family)
{
	return family == NFPROTO_IPV4 ? a->bytes + V4_OFFSET : a->bytes;
}

/* Of the address that was loaded last. */
static void is_loopback(struct nft *n, uint8_t family, enum nft_cmp_ops op)
{
	static const uint8_t mask[4] = { 0xff }, net[4] = { 127 };

	if (family == NFPROTO_IPV4) {
		nft_mask(n, NFT_REG32_00, mask, sizeof(mask));
		nft_compare(n, NFT_REG32_00, op, net, sizeof(net));
	} else {
		nft_compare(n, NFT_REG32_00, op, &in6addr_loopback, sizeof(in6addr_loopback));
	}
}

/* chain: what goes to loopback addresses passes. */
static void add_loopback(struct nft *n, const char *chain)
{
	for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
		struct nft_rule r = nft_rule(n, chain);

		chain_load_destination(n, families[i]);
		is_loopback(n, families[i], NFT_CMP_EQ);
		nft_verdict(n, NF_ACCEPT, NULL);
		nft_rule_end(n, r);
	}
}

/* What goes to the resolver's port passes. */
static void add_resolver(struct nft *n, const char *chain, uint8_t family, uint8_t transport)
{
	struct nft_rule r = nft_rule(n, chain);
	struct egress_address resolver;
	uint16_t port = htons(DNS_PORT);

	egress_name_address(0, family == NFPROTO_IPV6, &resolver);
	chain_load_destination(n, family);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, chain_address(&resolver, family),
		    family == NFPROTO_IPV4 ? 4 : 16);
	is_protocol(n, transport);
	nft_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &port, sizeof(port));
	nft_verdict(n, NF_ACCEPT, NULL);
	nft_rule_end(n, r);
}

/* Is it the packet that opens a connection? */
static void is_opening(struct nft *n, enum nft_cmp_ops op)
{
	static const uint8_t mask = 0x17, syn = 0x02; /* FIN, SYN, RST, ACK: RFC 9293, 3.1 */

	is_protocol(n, IPPROTO_TCP);
	nft_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1, NFT_REG32_00);
	nft_mask(n, NFT_REG32_00, &mask, sizeof(mask));
	nft_compare(n, NFT_REG32_00, op, &syn, sizeof(syn));
}

static void add_reset(struct nft *n, const char *chain)
{
	struct nft_rule r = nft_rule(n, chain);

	is_opening(n, NFT_CMP_EQ);
	nft_reset(n);
	nft_rule_end(n, r);
}

/* Every address is local, but only loopback is the sandbox's own: with another one a process could
 * speak to others inside as somebody who is outside. Only the gate's sockets do. */
static void add_foreign(struct nft *n, const char *chain)
{
	static const uint32_t gate = GATE_SOCKET_MARK;

	for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
		struct nft_rule r = nft_rule(n, chain);

		is_opening(n, NFT_CMP_EQ);
		load_address(n, families[i], IP4_FROM, IP6_FROM);
		is_loopback(n, families[i], NFT_CMP_NEQ);
		nft_reset(n);
		nft_rule_end(n, r);
		r = nft_rule(n, chain);
		is_protocol(n, IPPROTO_UDP);
		load_address(n, families[i], IP4_FROM, IP6_FROM);
		is_loopback(n, families[i], NFT_CMP_NEQ);
		nft_meta(n, NFT_META_MARK, NFT_REG32_00);
		nft_compare(n, NFT_REG32_00, NFT_CMP_NEQ, &gate, sizeof(gate));
		nft_verdict(n, NF_DROP, NULL);
		nft_rule_end(n, r);
	}
}

static void add_later(struct nft *n, const char *chain)
{
	struct nft_rule r = nft_rule(n, chain);

	is_opening(n, NFT_CMP_NEQ);
	nft_verdict(n, NF_ACCEPT, NULL);
	nft_rule_end(n, r);
}

/* The resolver passes, and what the rules in the chain judge let pass. */
static void add_judged(struct nft *n, const char *chain)
{
	struct nft_rule r;

	for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
		add_resolver(n, chain, families[i], IPPROTO_UDP);
		add_resolver(n, chain, families[i], IPPROTO_TCP);
	}
	r = nft_rule(n, chain);
	nft_verdict(n, NFT_JUMP, CHAIN_JUDGE);
	nft_rule_end(n, r);
}

static void add_leaving(struct nft *n)
{
	static const struct nft_hook hook = { "filter", NF_INET_LOCAL_OUT, 0, NF_DROP };

	nft_chain_add(n, CHAIN_JUDGE, NULL);
	nft_chain_add(n, "leaving", &hook);
	add_foreign(n, "leaving");
	add_loopback(n, "leaving");
	add_later(n, "leaving");
	add_judged(n, "leaving");
	add_reset(n, "leaving");
}

/* What was let pass goes to the gate's socket. */
static int add_arrival(struct nft *n, int fd, const struct gate_socket *kind)
{
	uint8_t family = kind->a == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint8_t transport = kind->kind == GATE_SOCKET_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	struct sockaddr_storage at;
	const struct sockaddr_in *at4 = (const struct sockaddr_in *)&at;
	const struct sockaddr_in6 *at6 = (const struct sockaddr_in6 *)&at;
	const void *address = kind->a == AF_INET ? (const void *)&at4->sin_addr : &at6->sin6_addr;
	socklen_t size = sizeof(at);
	struct nft_rule r;

	if (getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return -errno;
	r = nft_rule(n, "arriving");
	is_family(n, family);
	is_protocol(n, transport);
	nft_load(n, NFT_REG32_00, address, kind->a == AF_INET ? 4 : 16);
	nft_load(n, NFT_REG32_04, kind->a == AF_INET ? &at4->sin_port : &at6->sin6_port, 2);
	/* the wildcard is no address to look for, but this machine's */
	nft_tproxy(n, family, transport == IPPROTO_TCP ? 0 : NFT_REG32_00, NFT_REG32_04);
	nft_verdict(n, NF_ACCEPT, NULL);
	nft_rule_end(n, r);
	return 0;
}

static int add_arriving(struct nft *n, const int *fds, const struct gate_socket *kinds,
			size_t count)
{
	static const struct nft_hook hook = { "filter", NF_INET_PRE_ROUTING, -150, NF_DROP };
	int r = 0;

	nft_chain_add(n, "arriving", &hook);
	add_loopback(n, "arriving");
	for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
		add_resolver(n, "arriving", families[i], IPPROTO_UDP);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (kinds[i].kind == GATE_SOCKET_TCP || kinds[i].kind == GATE_SOCKET_REST)
			r = add_arrival(n, fds[i], &kinds[i]);
	/* such as the reset of one who is bound to another address than a loopback one */
	add_later(n, "arriving");
	return r;
}

int chains_to_gate(struct nft *n, const int *fds, const struct gate_socket *kinds, size_t count)
{
	add_leaving(n);
	return add_arriving(n, fds, kinds, count);
}

/* What stays in this network passes: a reset of ours, too. */
static void add_local(struct nft *n, const char *chain, enum nft_meta_keys interface)
{
	static const uint32_t lo = 1; /* the first interface of a network namespace */
	struct nft_rule r = nft_rule(n, chain);

	nft_meta(n, interface, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &lo, sizeof(lo));
	nft_verdict(n, NF_ACCEPT, NULL);
	nft_rule_end(n, r);
}

/* IPv6 finds its neighbours by packets that no process inside can send. */
static void add_neighbours(struct nft *n, const char *chain)
{
	static const uint8_t types[] = { 135, 136 }; /* RFC 4861, 4.3 and 4.4 */

	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		struct nft_rule r = nft_rule(n, chain);

		is_protocol(n, IPPROTO_ICMPV6);
		nft_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG32_00);
		nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &types[i], sizeof(types[i]));
		nft_verdict(n, NF_ACCEPT, NULL);
		nft_rule_end(n, r);
	}
}

static void add_all_reset(struct nft *n, const char *chain)
{
	struct nft_rule r = nft_rule(n, chain);

	is_protocol(n, IPPROTO_TCP);
	nft_reset(n);
	nft_rule_end(n, r);
}

/* Every packet is judged, and by what was asked for: before the address of a name changes to that
 * to which it leads. */
static void add_packets_leaving(struct nft *n)
{
	static const struct nft_hook asked = { "filter", NF_INET_LOCAL_OUT, -150, NF_DROP };

	nft_chain_add(n, CHAIN_JUDGE, NULL);
	nft_chain_add(n, "leaving", &asked);
	add_local(n, "leaving", NFT_META_OIF);
	add_neighbours(n, "leaving");
	add_judged(n, "leaving");
	add_all_reset(n, "leaving");
}

/* The address of a name that leads nowhere in this family is not sent out. */
static void add_leads(struct nft *n)
{
	static const struct nft_hook names = { "nat", NF_INET_LOCAL_OUT, -100, NF_ACCEPT };
	static const struct nft_hook led = { "filter", NF_INET_LOCAL_OUT, 0, NF_ACCEPT };
	struct egress_address first;
	static const struct {
		const char *map;
		uint8_t family, mask[16];
		size_t size;
	} ranges[] = {
		{ CHAIN_LEADS4, NFPROTO_IPV4, { 0xff, 0xfe }, 4 },
		{ CHAIN_LEADS6,
		  NFPROTO_IPV6,
		  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		  16 },
	};

	nft_chain_add(n, "names", &names);
	nft_chain_add(n, "led", &led);
	add_local(n, "led", NFT_META_OIF);
	for (size_t i = 0; i < ARRAY_LENGTH(ranges); i++) {
		struct nft_rule r = nft_rule(n, "names");
		uint8_t net[16];

		chain_load_destination(n, ranges[i].family);
		nft_lookup_value(n, ranges[i].map, NFT_REG32_00, NFT_REG32_00);
		nft_destination(n, ranges[i].family, NFT_REG32_00);
		nft_rule_end(n, r);
		egress_name_address(0, ranges[i].family == NFPROTO_IPV6, &first);
		for (size_t k = 0; k < ranges[i].size; k++)
			net[k] = ((const uint8_t *)chain_address(&first, ranges[i].family))[k] &
				 ranges[i].mask[k];
		for (int tcp = 1; tcp >= 0; tcp--) {
			r = nft_rule(n, "led");
			if (tcp)
				is_protocol(n, IPPROTO_TCP);
			chain_load_destination(n, ranges[i].family);
			nft_mask(n, NFT_REG32_00, ranges[i].mask, ranges[i].size);
			nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, net, ranges[i].size);
			if (tcp)
				nft_reset(n);
			else
				nft_verdict(n, NF_DROP, NULL);
			nft_rule_end(n, r);
		}
	}
}

/* Nothing comes in but answers. */
static void add_packets_arriving(struct nft *n)
{
	static const struct nft_hook hook = { "filter", NF_INET_LOCAL_IN, 0, NF_DROP };
	struct nft_rule r;

	nft_chain_add(n, "arriving", &hook);
	add_local(n, "arriving", NFT_META_IIF);
	r = nft_rule(n, "arriving");
	nft_answers(n);
	nft_verdict(n, NF_ACCEPT, NULL);
	nft_rule_end(n, r);
	add_neighbours(n, "arriving");
}

void chains_to_interface(struct nft *n)
{
	add_packets_leaving(n);
	add_packets_arriving(n);
	add_leads(n);
}
