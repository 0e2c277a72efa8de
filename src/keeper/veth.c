// SPDX-License-Identifier: Apache-2.0
/* Makes the pair by netlink; see veth.h. The pair's number is its name outside, so that the kernel
 * itself lets nobody have it twice, and gives its addresses. Of the host nothing is changed: what
 * forwards and masquerades is a table of our own, which the kernel takes away with the socket that
 * made it. Owns that socket. */
#include "keeper/veth.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/netlink.h"
#include "base/nft.h"
#include "policy/egress.h"
#include "policy/gate_socket.h"

#define NAME_SIZE 16
#define OUTSIDE_INDEX 0x77656900 /* of the interface outside, and the pair's number */
#define INSIDE_INDEX GATE_INTERFACE
#define LO_INDEX 1
#define REQUEST_MAX 1024
#define HERE 0 /* the order in which ends have their addresses */
#define THERE 1

struct veth {
	int nft; /* the table outside lives as long */
};

/* An address, as the kernel wants it. */
struct place {
	uint8_t family, size, prefix;
	uint8_t bytes[16];
};

struct pair {
	uint32_t number;
	int outside, inside; /* NETLINK_ROUTE there */
	bool v6;
	struct place ends[2][2]; /* IPv4, IPv6: of the end outside, and inside */
};

static int order(int fd, struct buf *b, size_t message)
{
	int r;

	netlink_end(b, message);
	r = netlink_order(fd, b, 1);
	buf_free(b);
	return r;
}

static size_t begin(struct buf *b, uint16_t type, uint16_t flags, const void *header, size_t size)
{
	buf_init(b, REQUEST_MAX);
	return netlink_begin(b, type, flags | NLM_F_ACK, 1, header, size);
}

/* 100.127.240.0/22 and fd77:6569:73::/64, four addresses for each pair. */
static void places_fill(struct pair *p)
{
	for (uint8_t end = 0; end < 2; end++) {
		uint32_t low = p->number * 4 + 1 + end;

		p->ends[0][end] = (struct place){
			AF_INET, 4, 30, { 100, 127, (uint8_t)(240 + (low >> 8)), (uint8_t)low }
		};
		p->ends[1][end] =
			(struct place){ AF_INET6, 16, 126, { 0xfd, 0x77, 0x65, 0x69, 0, 0x73 } };
		p->ends[1][end].bytes[14] = (uint8_t)(low >> 8);
		p->ends[1][end].bytes[15] = (uint8_t)low;
	}
}

/* Does the network outside have a way of its own to these addresses? */
static bool is_taken(const struct pair *p)
{
	const struct place *at = &p->ends[0][THERE];
	struct rtmsg ask = { .rtm_family = AF_INET,
			     .rtm_dst_len = 32,
			     .rtm_flags = RTM_F_FIB_MATCH };
	struct netlink_list all, rest;
	struct netlink_part m;
	struct rtmsg found;
	struct buf b;
	size_t message;
	char answer[4096];
	ssize_t n;

	buf_init(&b, REQUEST_MAX);
	message = netlink_begin(&b, RTM_GETROUTE, 0, 1, &ask, sizeof(ask));
	netlink_put(&b, RTA_DST, at->bytes, at->size);
	netlink_end(&b, message);
	n = netlink_send(p->outside, &b) < 0 ? -1 : recv(p->outside, answer, sizeof(answer), 0);
	buf_free(&b);
	all = (struct netlink_list){ (unsigned char *)answer, n > 0 ? (size_t)n : 0 };
	return netlink_message(&all, &m) && m.type == RTM_NEWROUTE &&
	       netlink_header(&m, &found, sizeof(found), &rest) && found.rtm_dst_len > 0;
}

static int link_make(const struct pair *p, const char *name, int inside_network)
{
	struct ifinfomsg here = { .ifi_index = (int)(OUTSIDE_INDEX + p->number) };
	struct ifinfomsg there = { .ifi_index = INSIDE_INDEX };
	size_t info, data, peer;
	struct buf b;
	size_t message = begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &here, sizeof(here));

	netlink_put_text(&b, IFLA_IFNAME, name);
	info = netlink_nest(&b, IFLA_LINKINFO);
	netlink_put_text(&b, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&b, IFLA_INFO_DATA);
	peer = netlink_nest(&b, VETH_INFO_PEER);
	buf_add(&b, &there, sizeof(there));
	netlink_put_text(&b, IFLA_IFNAME, "eth0");
	netlink_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)inside_network);
	netlink_nest_end(&b, peer);
	netlink_nest_end(&b, data);
	netlink_nest_end(&b, info);
	return order(p->outside, &b, message);
}

static int link_up(int fd, uint32_t index)
{
	struct ifinfomsg up = { .ifi_index = (int)index,
				.ifi_flags = IFF_UP,
				.ifi_change = IFF_UP };
	struct buf b;
	size_t message = begin(&b, RTM_NEWLINK, 0, &up, sizeof(up));

	return order(fd, &b, message);
}

static int address_add(int fd, uint32_t index, const struct place *at)
{
	struct ifaddrmsg a = { .ifa_family = at->family,
			       .ifa_prefixlen = at->prefix,
			       .ifa_flags = at->family == AF_INET6 ? IFA_F_NODAD : 0,
			       .ifa_index = index };
	struct buf b;
	size_t message = begin(&b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &a, sizeof(a));

	netlink_put(&b, IFA_LOCAL, at->bytes, at->size);
	netlink_put(&b, IFA_ADDRESS, at->bytes, at->size);
	return order(fd, &b, message);
}

/* In the sandbox: every address was local to it (sandbox/sockets.c). Now the resolver's is, and all
 * others lie behind the interface. */
static int routes_set(const struct pair *p, int family)
{
	const struct place *gateway = &p->ends[family == AF_INET6][HERE];
	struct rtmsg local = { .rtm_family = (unsigned char)family,
			       .rtm_table = RT_TABLE_LOCAL,
			       .rtm_protocol = RTPROT_STATIC,
			       .rtm_scope = RT_SCOPE_HOST,
			       .rtm_type = RTN_LOCAL };
	struct rtmsg out = { .rtm_family = (unsigned char)family,
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = RT_SCOPE_UNIVERSE,
			     .rtm_type = RTN_UNICAST };
	uint32_t loopback = htonl(INADDR_LOOPBACK);
	struct egress_address resolver;
	struct buf b;
	size_t message = begin(&b, RTM_DELROUTE, 0, &local, sizeof(local));
	int r;

	egress_name_address(0, family == AF_INET6, &resolver);
	netlink_put_u32(&b, RTA_OIF, LO_INDEX);
	r = order(p->inside, &b, message);
	local.rtm_dst_len = family == AF_INET6 ? 128 : 32;
	message = begin(&b, RTM_NEWROUTE, NLM_F_CREATE, &local, sizeof(local));
	netlink_put(&b, RTA_DST, resolver.bytes + 16 - gateway->size, gateway->size);
	netlink_put_u32(&b, RTA_OIF, LO_INDEX);
	if (family == AF_INET)
		netlink_put(&b, RTA_PREFSRC, &loopback, sizeof(loopback));
	r = order(p->inside, &b, message) ?: r;
	if (family == AF_INET6 && !p->v6)
		return r;
	message = begin(&b, RTM_NEWROUTE, NLM_F_CREATE, &out, sizeof(out));
	netlink_put(&b, RTA_GATEWAY, gateway->bytes, gateway->size);
	netlink_put_u32(&b, RTA_OIF, INSIDE_INDEX);
	return order(p->inside, &b, message) ?: r;
}

static int pair_set_up(const struct pair *p)
{
	uint32_t outside = OUTSIDE_INDEX + p->number;
	int r = 0;

	for (int v6 = 0; r == 0 && v6 <= p->v6; v6++) {
		r = address_add(p->outside, outside, &p->ends[v6][HERE]);
		r = r ?: address_add(p->inside, INSIDE_INDEX, &p->ends[v6][THERE]);
	}
	r = r ?: link_up(p->outside, outside);
	r = r ?: link_up(p->inside, INSIDE_INDEX);
	r = r ?: routes_set(p, AF_INET);
	/* a host without IPv6 has no such route to change */
	return r ?: routes_set(p, AF_INET6) < 0 && p->v6 ? -EADDRNOTAVAIL : 0;
}

static void is_interface(struct nft *n, enum nft_meta_keys which, uint32_t index)
{
	nft_meta(n, which, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &index, sizeof(index));
}

static void is_from(struct nft *n, const struct place *at, enum nft_cmp_ops op)
{
	const uint8_t family = at->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	nft_meta(n, NFT_META_NFPROTO, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &family, sizeof(family));
	nft_payload(n, NFT_PAYLOAD_NETWORK_HEADER, at->family == AF_INET ? 12 : 8, at->size,
		    NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, op, at->bytes, at->size);
}

/* The host itself is no part of the outside: under no policy its own servers are reached so. IPv6
 * still finds its neighbour. */
static void host_closed(struct nft *n, uint32_t index)
{
	static const struct nft_hook arrive = { "filter", NF_INET_LOCAL_IN, 0, NF_ACCEPT };
	static const uint8_t tcp = IPPROTO_TCP, icmp6 = IPPROTO_ICMPV6;
	struct nft_rule r;

	nft_chain_add(n, "host", &arrive);
	r = nft_rule(n, "host");
	is_interface(n, NFT_META_IIF, index);
	nft_meta(n, NFT_META_L4PROTO, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_EQ, &tcp, sizeof(tcp));
	nft_reset(n);
	nft_rule_end(n, r);
	r = nft_rule(n, "host");
	is_interface(n, NFT_META_IIF, index);
	nft_meta(n, NFT_META_L4PROTO, NFT_REG32_00);
	nft_compare(n, NFT_REG32_00, NFT_CMP_NEQ, &icmp6, sizeof(icmp6));
	nft_verdict(n, NF_DROP, NULL);
	nft_rule_end(n, r);
}

/* Outside: nothing goes in that was not asked for, and nothing comes out with another's address. */
static int table_make(const struct pair *p, int fd, const char *name)
{
	static const struct nft_hook forward = { "filter", NF_INET_FORWARD, 0, NF_ACCEPT };
	static const struct nft_hook leave = { "nat", NF_INET_POST_ROUTING, 100, NF_ACCEPT };
	struct nft n = { .fd = fd, .table = name, .family = NFPROTO_INET };
	uint32_t index = OUTSIDE_INDEX + p->number;
	struct nft_rule r;

	nft_begin(&n);
	nft_table_add(&n, true);
	nft_chain_add(&n, "forward", &forward);
	r = nft_rule(&n, "forward");
	is_interface(&n, NFT_META_OIF, index);
	nft_answers(&n);
	nft_verdict(&n, NF_ACCEPT, NULL);
	nft_rule_end(&n, r);
	r = nft_rule(&n, "forward");
	is_interface(&n, NFT_META_OIF, index);
	nft_verdict(&n, NF_DROP, NULL);
	nft_rule_end(&n, r);
	host_closed(&n, index);
	nft_chain_add(&n, "leave", &leave);
	for (int v6 = 0; v6 < 2; v6++) {
		r = nft_rule(&n, "forward");
		is_interface(&n, NFT_META_IIF, index);
		is_from(&n, &p->ends[v6][THERE], NFT_CMP_NEQ);
		nft_verdict(&n, NF_DROP, NULL);
		nft_rule_end(&n, r);
		r = nft_rule(&n, "leave");
		is_from(&n, &p->ends[v6][THERE], NFT_CMP_EQ);
		nft_masquerade(&n);
		nft_rule_end(&n, r);
	}
	return nft_commit(&n);
}

static bool is_on(const char *path)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 16);
	return file_read_path(AT_FDCWD, path, &text) == 0 && buf_text(&text)[0] == '1';
}

/* What is opened in a network belongs to it, wherever we are afterwards. */
static int sockets_open(int outside, int inside, struct pair *p, int *ret_nft, bool *ret_forwards)
{
	cleanup_fd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (home < 0 || (outside >= 0 && setns(outside, CLONE_NEWNET) < 0))
		return -errno;
	p->outside = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	*ret_nft = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	*ret_forwards = is_on("/proc/sys/net/ipv4/ip_forward");
	p->v6 = is_on("/proc/sys/net/ipv6/conf/all/forwarding");
	r = setns(inside, CLONE_NEWNET) < 0 ? -errno : 0;
	if (r == 0)
		p->inside = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	/* a keeper that cannot come home would do all else in the wrong network */
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return r ?: p->outside < 0 || p->inside < 0 || *ret_nft < 0 ? -EMFILE : 0;
}

/* A dead sandbox's pair may be there for a while longer. */
static int pair_make(struct pair *p, int inside_network, char name[NAME_SIZE])
{
	int r = -EEXIST;

	for (p->number = 0; r == -EEXIST && p->number < VETH_MAX; p->number++) {
		snprintf(name, NAME_SIZE, "weir-%u", p->number);
		places_fill(p);
		if (is_taken(p))
			continue;
		r = link_make(p, name, inside_network);
		if (r == -EBUSY) /* its number is another's */
			r = -EEXIST;
		if (r == 0)
			return 0;
	}
	return r == -EEXIST ? -EBUSY : r;
}

int veth_open(int outside, int inside, struct veth **ret, struct fail *f)
{
	struct pair p = { .outside = -1, .inside = -1 };
	struct veth *v = calloc(1, sizeof(*v));
	char name[NAME_SIZE];
	bool forwards = false;
	int r;

	if (!v)
		return fail(f, ENOMEM, "network.veth");
	v->nft = -1;
	r = sockets_open(outside, inside, &p, &v->nft, &forwards);
	if (r < 0)
		fail(f, -r, "network.veth: netlink");
	else if (!forwards)
		r = fail_text(
			f, ENOTSUP,
			"network.veth: this host does not forward (sysctl net.ipv4.ip_forward "
			"is 0), and weir does not change that; without the key the gate "
			"relays");
	if (r == 0) {
		r = pair_make(&p, inside, name);
		r = r ?: table_make(&p, v->nft, name);
		r = r ?: pair_set_up(&p);
		if (r < 0)
			fail(f, -r, "network.veth: the pair of interfaces");
	}
	cleanup_fd_(&p.outside);
	cleanup_fd_(&p.inside);
	if (r < 0)
		veth_close(v);
	else
		*ret = v;
	return r;
}

void veth_close(struct veth *v)
{
	if (!v)
		return;
	cleanup_fd_(&v->nft);
	free(v);
}
