// SPDX-License-Identifier: Apache-2.0
/* Addresses as the gate knows them: text, containment, the ranges that lead to no public host, and
 * the addresses that stand for names. Sources: IANA's registries of special-purpose addresses (RFC
 * 6890), the clouds' manuals for their metadata services. Pure; trusts nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/stand_in.h"
#include "policy/egress_range.h"

static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
#define MAPPED_BITS 96

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (!rest || !((a[whole] ^ b[whole]) >> (8 - rest)));
}

bool egress_is4(const struct egress_address *a)
{
	return same_bits(a->bytes, mapped, MAPPED_BITS);
}

static int parse_prefix(const char *text, unsigned most, unsigned *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned long prefix;

	if (!n || n > 3 || text[n] || (n > 1 && text[0] == '0'))
		return -EINVAL;
	prefix = strtoul(text, NULL, 10);
	if (prefix > most)
		return -EINVAL;
	*ret = (unsigned)prefix;
	return 0;
}

static bool has_bits_beyond(const struct egress_address *a, unsigned prefix)
{
	for (unsigned bit = prefix; bit < 128; bit++)
		if (a->bytes[bit / 8] & (0x80 >> bit % 8))
			return true;
	return false;
}

int egress_address_parse(const char *text, struct egress_address *ret, unsigned *ret_prefix)
{
	char address[EGRESS_ADDRESS_TEXT] = "";
	size_t n = strcspn(text, "/");
	bool v6 = memchr(text, ':', n) != NULL;
	struct egress_address a = { { 0 } };
	unsigned prefix = v6 ? 128 : 32;

	if (n >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, n);
	if (!v6)
		memcpy(a.bytes, mapped, 12);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? a.bytes : a.bytes + 12) != 1)
		return -EINVAL;
	if (text[n] && parse_prefix(text + n + 1, prefix, &prefix) < 0)
		return -EINVAL;
	prefix += v6 ? 0 : MAPPED_BITS;
	if (has_bits_beyond(&a, prefix))
		return -EINVAL;
	*ret = a;
	*ret_prefix = prefix;
	return 0;
}

void egress_address_text(const struct egress_address *a, char text[EGRESS_ADDRESS_TEXT])
{
	if (egress_is4(a))
		inet_ntop(AF_INET, a->bytes + 12, text, EGRESS_ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, a->bytes, text, EGRESS_ADDRESS_TEXT);
}

/* A range of IPv6 that holds all of IPv4's addresses as well is still one of IPv6 alone. */
bool egress_covers(const struct egress_address *net, unsigned prefix,
		   const struct egress_address *a)
{
	if (prefix < MAPPED_BITS && egress_is4(a))
		return false;
	return same_bits(net->bytes, a->bytes, prefix);
}

/* Ranges of IPv4 that lead to no public host. The documentation ranges (192.0.2.0/24,
 * 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20) are not among them: nobody's hosts
 * have such an address, and so test worlds use them as public ones. The more special first. */
static const struct {
	uint8_t net[4];
	unsigned prefix;
	const char *reason;
} special4[] = {
	{ { 169, 254, 169, 254 }, 32, "metadata" }, /* most clouds */
	{ { 169, 254, 170, 2 }, 32, "metadata" },   /* credentials of Amazon's containers */
	{ { 169, 254, 170, 23 }, 32, "metadata" },
	{ { 100, 100, 100, 200 }, 32, "metadata" }, /* Alibaba */
	{ { 168, 63, 129, 16 }, 32, "metadata" },   /* Azure; public by its number alone */
	{ { 0, 0, 0, 0 }, 8, "this host" },
	{ { 10, 0, 0, 0 }, 8, "private" },
	{ { 100, 64, 0, 0 }, 10, "private" }, /* shared by a provider's customers */
	{ { 127, 0, 0, 0 }, 8, "loopback" },
	{ { 169, 254, 0, 0 }, 16, "link-local" },
	{ { 172, 16, 0, 0 }, 12, "private" },
	{ { 192, 0, 0, 0 }, 24, "reserved" },
	{ { 192, 88, 99, 0 }, 24, "reserved" }, /* relays of 6to4 */
	{ { 192, 168, 0, 0 }, 16, "private" },
	{ { 198, 18, 0, 0 }, 15, "benchmark" }, /* inside these stand for names */
	{ { 224, 0, 0, 0 }, 4, "multicast" },
	{ { 255, 255, 255, 255 }, 32, "broadcast" },
	{ { 240, 0, 0, 0 }, 4, "reserved" },
};

/* The same of IPv6. What is in none of the roots is reserved. */
static const struct {
	uint8_t net[16];
	unsigned prefix;
	const char *reason;
} special6[] = {
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128, "metadata" },	/* Amazon */
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 }, 128, "metadata" },	/* Google */
	{ { 0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe }, 128, "metadata" }, /* Oracle */
	{ { 0xfd, 0x00, 0x00, 0x42, [15] = 0x42 }, 128, "metadata" }, /* Scaleway */
	{ { [15] = 1 }, 128, "loopback" },
	{ { 0 }, 128, "this host" },
	{ { 0xfc }, 7, "private" },
	{ { 0xfe, 0x80 }, 10, "link-local" },
	{ { 0xfe, 0xc0 }, 10, "private" }, /* site-local, RFC 3879 */
	{ { 0xff }, 8, "multicast" },
	{ { 0x20, 0x01 }, 32, "tunnel" }, /* Teredo: both IPv4 addresses are the sender's choice */
	{ { 0x20, 0x01 }, 23, "reserved" },
	{ { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48, "private" }, /* a site's own NAT64, RFC 8215 */
};

/* Forms that hold an IPv4 address behind these bits and are judged by it. */
static const struct {
	uint8_t net[16];
	unsigned prefix;
} forms4[] = {
	{ { [10] = 0xff, 0xff }, 96 },	    /* mapped */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96 }, /* NAT64, RFC 6052 */
	{ { 0x20, 0x02 }, 16 },		    /* 6to4, RFC 3056 */
	{ { 0 }, 96 },			    /* compatible, RFC 4291 */
	{ { [8] = 0xff, 0xff }, 96 },	    /* translated, RFC 2765 */
};

const struct egress_range egress_root[EGRESS_ROOTS] = {
	{ { { [10] = 0xff, 0xff } }, MAPPED_BITS },
	{ { { 0x20 } }, 3 },
	{ { { 0x00, 0x64, 0xff, 0x9b } }, 96 },
};

const struct egress_range egress_standin[EGRESS_STANDINS] = {
	{ { { [10] = 0xff, 0xff, 198, 18 } }, MAPPED_BITS + 15 },
	{ { { 0xfd, 0x77, 0x65, 0x69, 0x00, 0x72 } }, 64 },
};

bool egress_range_covers(const struct egress_range *range, const struct egress_range *in)
{
	return in->prefix >= range->prefix && egress_covers(&range->net, range->prefix, &in->net);
}

bool egress_range_holds(const struct egress_range *range, const struct egress_range *in)
{
	return in->prefix >= range->prefix &&
	       same_bits(range->net.bytes, in->net.bytes, range->prefix);
}

bool egress_range_special(size_t index, struct egress_range *ret, const char **ret_reason)
{
	size_t form = (index - ARRAY_LENGTH(special6)) / ARRAY_LENGTH(special4);
	size_t i = (index - ARRAY_LENGTH(special6)) % ARRAY_LENGTH(special4);

	if (index < ARRAY_LENGTH(special6)) {
		memcpy(ret->net.bytes, special6[index].net, 16);
		ret->prefix = special6[index].prefix;
		*ret_reason = special6[index].reason;
		return true;
	}
	if (form >= ARRAY_LENGTH(forms4))
		return false;
	memcpy(ret->net.bytes, forms4[form].net, 16);
	memcpy(ret->net.bytes + forms4[form].prefix / 8, special4[i].net, 4);
	ret->prefix = forms4[form].prefix + special4[i].prefix;
	*ret_reason = special4[i].reason;
	return true;
}

const char *egress_range_reason(const struct egress_range *range)
{
	struct egress_range special;
	const char *reason;

	for (size_t i = 0; egress_range_special(i, &special, &reason); i++)
		if (egress_range_covers(&special, range))
			return reason;
	for (size_t i = 0; i < ARRAY_LENGTH(egress_root); i++)
		if (egress_range_covers(&egress_root[i], range))
			return NULL;
	return "reserved";
}

const char *egress_special(const struct egress_address *a)
{
	const struct egress_range range = { *a, 128 };

	return egress_range_reason(&range);
}

void egress_name_address(uint32_t index, bool v6, struct egress_address *ret)
{
	stand_in_address(index, v6, ret->bytes);
}

int64_t egress_name_index(const struct egress_address *a)
{
	struct egress_address back;
	uint32_t n;

	for (int v6 = 0; v6 < EGRESS_STANDINS; v6++) {
		if (!egress_covers(&egress_standin[v6].net, egress_standin[v6].prefix, a))
			continue;
		memcpy(&n, a->bytes + 12, sizeof(n));
		n = ntohl(n) - (v6 ? 1 : 0xc6120001u);
		if (n > EGRESS_NAMES_MAX)
			return -1;
		egress_name_address(n, v6, &back);
		return memcmp(&back, a, sizeof(back)) == 0 ? (int64_t)n : -1;
	}
	return -1;
}
