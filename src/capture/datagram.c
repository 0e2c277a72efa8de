// SPDX-License-Identifier: Apache-2.0
/* What comes without connections: UDP, ICMP's echoes and errors, and protocols without ports. The
 * first to speak has opened the flow, unless its port says that it answers. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/part.h"

#define UDP_HEADER 8
#define ICMP_HEADER 8
#define SERVICE_PORTS 1024 /* below: of services, whoever speaks first */
#define PORT_VXLAN 4789	   /* RFC 7348 */
#define PORT_VXLAN_OLD 8472
#define PORT_GENEVE 6081 /* RFC 8926 */

static struct octets behind(struct octets o, size_t size)
{
	size_t there = size < o.there ? size : o.there;

	return (struct octets){ o.data + there, o.there - there, o.size - size };
}

/* The flow, new or not, with the packet counted; NULL without memory. */
static struct flow *flow_of(struct capture *c, const struct arrival *a, bool by_from,
			    enum meter_side *ret_side)
{
	struct flow *f = flows_find(c, a, ret_side);

	if (f && f->list == LIST_OVER) { /* it was silent for long, and begins anew */
		flows_forget(c, f);
		f = NULL;
	}
	if (!f) {
		f = flows_add(c, a, by_from, LIST_DATAGRAM);
		if (!f)
			return NULL;
		f->midstream = !by_from;
		flows_find(c, a, ret_side);
		tell_flow(c, f, FLOW_OPENED, NULL);
	}
	f->answered = f->answered || *ret_side == OUTSIDE;
	f->packets[*ret_side]++;
	f->last_ns = c->now_ns;
	flows_move(c, f, LIST_DATAGRAM);
	return f;
}

void udp_arrived(struct capture *c, struct arrival *a)
{
	const uint8_t *h = a->payload.data;
	enum meter_side side = INSIDE;
	struct octets o;
	struct flow *f;

	if (a->payload.there < UDP_HEADER) {
		c->counts.malformed++;
		return;
	}
	a->from_port = read16(h, true);
	a->to_port = read16(h + 2, true);
	o = behind(a->payload, UDP_HEADER);
	f = flow_of(c, a, a->from_port >= SERVICE_PORTS || a->to_port < SERVICE_PORTS, &side);
	if (!f)
		return;
	if (flow_port(f) == PORT_VXLAN || flow_port(f) == PORT_VXLAN_OLD ||
	    flow_port(f) == PORT_GENEVE)
		f->traits |= 1u << FLOW_TRAIT_OVERLAY;
	if (o.size > 0)
		flow_said(c, f, side, o);
	dns_datagram(c, f, side, o);
}

/* What says that something was not reached: RFC 792, RFC 4443. */
static const struct {
	uint8_t transport, type, code;
	int error;
} errors[] = {
	{ IPPROTO_ICMP, 3, 0, ENETUNREACH },	{ IPPROTO_ICMP, 3, 1, EHOSTUNREACH },
	{ IPPROTO_ICMP, 3, 2, ENOPROTOOPT },	{ IPPROTO_ICMP, 3, 3, ECONNREFUSED },
	{ IPPROTO_ICMP, 3, 9, EACCES },		{ IPPROTO_ICMP, 3, 10, EACCES },
	{ IPPROTO_ICMP, 3, 13, EACCES },	{ IPPROTO_ICMPV6, 1, 0, ENETUNREACH },
	{ IPPROTO_ICMPV6, 1, 1, EACCES },	{ IPPROTO_ICMPV6, 1, 3, EHOSTUNREACH },
	{ IPPROTO_ICMPV6, 1, 4, ECONNREFUSED }, { IPPROTO_ICMPV6, 1, 5, EACCES },
	{ IPPROTO_ICMPV6, 1, 6, EACCES },
};

static int unreachable(uint8_t transport, const uint8_t *head)
{
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (errors[i].transport == transport && errors[i].type == head[0] &&
		    errors[i].code == head[1])
			return errors[i].error;
	return 0;
}

/* o: the beginning of the packet that was not delivered. */
static void not_delivered(struct capture *c, struct octets o, int error)
{
	enum meter_side side = INSIDE;
	struct arrival a;
	struct ip_packet p;
	struct flow *f;

	if (ip_read(o, &p) < 0 || p.payload.there < 4)
		return;
	a = (struct arrival){ .from = p.from, .to = p.to, .transport = p.protocol };
	if (p.protocol == IPPROTO_TCP || p.protocol == IPPROTO_UDP) {
		a.from_port = read16(p.payload.data, true);
		a.to_port = read16(p.payload.data + 2, true);
	} else if (p.payload.there >= ICMP_HEADER) {
		a.from_port = read16(p.payload.data + 4, true);
	}
	f = flows_find(c, &a, &side);
	if (!f || side != INSIDE || f->answered || f->list == LIST_OVER)
		return; /* an error about a living connection may be anybody's */
	tell_connect(c, f, error);
	flow_over(c, f, error, NULL);
}

static uint64_t payload_hash(const struct capture *c, struct octets o)
{
	return hash_of(&c->hash, o.data, o.there);
}

/* An answer repeats what was asked, byte for byte (RFC 792); one that says something of its own
 * carries something. */
static void echo(struct capture *c, struct arrival *a, bool request)
{
	enum meter_side side = INSIDE;
	struct octets o = behind(a->payload, ICMP_HEADER);
	uint16_t id = read16(a->payload.data + 4, true);
	struct flow *f;

	*(request ? &a->from_port : &a->to_port) = id;
	f = flow_of(c, a, request, &side);
	if (!f)
		return;
	if (request && side == INSIDE) {
		f->echoes++;
		f->echoed = payload_hash(c, o);
	} else if (f->echoes > 0 && f->echoed != payload_hash(c, o) && o.there == o.size) {
		f->traits |= 1u << FLOW_TRAIT_PACKETS;
	}
	if (o.size > 0)
		flow_said(c, f, side, o);
}

void icmp_arrived(struct capture *c, struct arrival *a)
{
	bool four = a->transport == IPPROTO_ICMP;
	const uint8_t *h = a->payload.data;
	int error;

	if (a->payload.there < ICMP_HEADER) {
		c->counts.malformed++;
		return;
	}
	if (h[0] == (four ? 8 : 128) || h[0] == (four ? 0 : 129)) {
		echo(c, a, h[0] == (four ? 8 : 128));
		return;
	}
	error = unreachable(a->transport, h);
	if (error)
		not_delivered(c, behind(a->payload, ICMP_HEADER), error);
}

/* Whole packets of another network as payload. */
static bool carries_packets(uint8_t protocol)
{
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6 || protocol == IPPROTO_GRE ||
	       protocol == IPPROTO_ESP;
}

void other_arrived(struct capture *c, struct arrival *a)
{
	enum meter_side side = INSIDE;
	struct flow *f = flow_of(c, a, true, &side);

	if (!f)
		return;
	if (carries_packets(a->transport))
		f->traits |= 1u << FLOW_TRAIT_OVERLAY;
	if (a->payload.size > 0)
		flow_said(c, f, side, a->payload);
}
