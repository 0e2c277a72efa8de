// SPDX-License-Identifier: Apache-2.0
/* IP headers; see ip.h. RFC 791, RFC 8200. Checksums are left alone: captures of a sending host
 * have none yet. Owns nothing. */
#include "flow/ip.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "flow/octets.h"

#define HEADER4 20
#define HEADER6 40
#define EXTENSIONS_MAX 16
#define MORE_FRAGMENTS 0x2000
#define OFFSET_MASK 0x1fff

/* Behind a header of `head` bytes, where the packet says that all of it has `whole`. */
static void payload(struct octets o, size_t head, size_t whole, struct octets *ret)
{
	size_t there = o.there < whole ? o.there : whole;

	if (whole > o.size)
		whole = o.size;
	*ret = (struct octets){ o.data + head, there - head, whole - head };
}

static void map4(const uint8_t *address, uint8_t ret[16])
{
	memset(ret, 0, 10);
	memset(ret + 10, 0xff, 2);
	memcpy(ret + 12, address, 4);
}

static int read4(struct octets o, struct ip_packet *ret)
{
	size_t head = (size_t)(o.data[0] & 15) * 4, whole;
	uint16_t place;

	if (o.there < HEADER4)
		return -ENODATA;
	whole = read16(o.data + 2, true);
	if (whole == 0) /* offloaded: the card cuts and counts */
		whole = o.size;
	if (head < HEADER4 || whole < head || o.size < head)
		return -EBADMSG;
	if (o.there < head)
		return -ENODATA;
	place = read16(o.data + 6, true);
	ret->four = true;
	ret->protocol = o.data[9];
	ret->id = read16(o.data + 4, true);
	ret->at = (uint32_t)(place & OFFSET_MASK) * 8;
	ret->more = place & MORE_FRAGMENTS;
	ret->fragment = ret->more || ret->at;
	map4(o.data + 12, ret->from);
	map4(o.data + 16, ret->to);
	payload(o, head, whole, &ret->payload);
	return 0;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_AH;
}

/* One extension header: its size, 0 where it was cut. Behind a fragment's there is nothing more to
 * follow unless it is the first one, and of that one the whole is read later. */
static size_t extension(struct ip_packet *p)
{
	const uint8_t *at = p->payload.data;
	size_t size;

	if (p->payload.there < 8)
		return 0;
	size = p->protocol == IPPROTO_FRAGMENT ? 8
	       : p->protocol == IPPROTO_AH     ? ((size_t)at[1] + 2) * 4
					       : ((size_t)at[1] + 1) * 8;
	if (p->payload.there < size)
		return 0;
	if (p->protocol == IPPROTO_FRAGMENT) {
		uint16_t place = read16(at + 2, true);

		p->id = read32(at + 4, true);
		p->at = place & 0xfff8;
		p->more = place & 1;
		p->fragment = p->more || p->at;
	}
	p->protocol = at[0];
	return size;
}

int ip_pass_extensions(struct ip_packet *p)
{
	for (int i = 0; is_extension(p->protocol) && !p->fragment; i++) {
		size_t size = extension(p);

		if (i == EXTENSIONS_MAX)
			return -EBADMSG;
		if (size == 0)
			return -ENODATA;
		p->payload.data += size;
		p->payload.there -= size;
		p->payload.size -= size;
	}
	return 0;
}

static int read6(struct octets o, struct ip_packet *ret)
{
	size_t whole;

	if (o.there < HEADER6)
		return -ENODATA;
	whole = HEADER6 + (size_t)read16(o.data + 4, true);
	if (whole == HEADER6 && o.size > HEADER6) /* a jumbogram, or offloaded */
		whole = o.size;
	ret->protocol = o.data[6];
	memcpy(ret->from, o.data + 8, 16);
	memcpy(ret->to, o.data + 24, 16);
	payload(o, HEADER6, whole, &ret->payload);
	return ip_pass_extensions(ret);
}

int ip_read(struct octets o, struct ip_packet *ret)
{
	*ret = (struct ip_packet){ .protocol = 0 };
	if (o.there < 1)
		return -ENODATA;
	if (o.data[0] >> 4 == 4)
		return read4(o, ret);
	return o.data[0] >> 4 == 6 ? read6(o, ret) : -EBADMSG;
}
