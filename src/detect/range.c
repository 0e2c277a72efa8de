// SPDX-License-Identifier: Apache-2.0
/* Destinations counted and said in one phrase; see range.h. Bounded: where the set of a run is
 * full, further destinations are no longer told apart and the phrase says "at least". Address
 * blocks: RFC 1918, 3927, 4193, 4291, 6598. */
#include "detect/range.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text_escape.h"

enum what { WHAT_ADDRESS = 1, WHAT_PORT, WHAT_DESTINATION, WHAT_NAME, WHAT_NAMED };

void address_set(struct address *a, uint16_t family, const uint8_t bytes[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*a = (struct address){ .family = family };
	if (family == AF_INET6 && !memcmp(bytes, mapped, sizeof(mapped))) {
		a->family = AF_INET;
		memcpy(a->bytes, bytes + 12, 4);
	} else {
		memcpy(a->bytes, bytes, family == AF_INET ? 4 : 16);
	}
}

static bool in_block(const uint8_t *bytes, const uint8_t *block, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((bytes[i / 8] ^ block[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static enum address_class class_v4(const uint8_t *b)
{
	static const struct {
		uint8_t block[4], bits;
	} private[] = {
		{ { 10 }, 8 },	      { { 172, 16 }, 12 }, { { 192, 168 }, 16 },
		{ { 169, 254 }, 16 }, { { 100, 64 }, 10 },
	};

	if (b[0] == 127 || (!b[0] && !b[1] && !b[2] && !b[3]))
		return ADDRESS_LOOPBACK;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (in_block(b, private[i].block, private[i].bits))
			return ADDRESS_PRIVATE;
	return ADDRESS_PUBLIC;
}

enum address_class address_class(const struct address *a)
{
	static const uint8_t any[16], loopback[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return class_v4(a->bytes);
	if (!memcmp(a->bytes, any, 16) || !memcmp(a->bytes, loopback, 16))
		return ADDRESS_LOOPBACK;
	/* fc00::/7, fe80::/10 */
	if ((a->bytes[0] & 0xfe) == 0xfc || (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80))
		return ADDRESS_PRIVATE;
	return ADDRESS_PUBLIC;
}

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

/* Whether the fact was not in the set; it is now, unless the set is full. */
static bool is_new(struct destination_set *set, uint64_t fact, bool *ret_full)
{
	size_t size = DESTINATIONS_MAX * 2;
	size_t at;

	fact = fact ? fact : 1;
	for (at = (fact * 0x9e3779b97f4a7c15ull >> 40) % size; set->slots[at]; at = (at + 1) % size)
		if (set->slots[at] == fact)
			return false;
	if (set->count >= DESTINATIONS_MAX) {
		*ret_full = true;
		return false;
	}
	set->slots[at] = fact;
	set->count++;
	return true;
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned limit)
{
	unsigned n = 0;

	while (n < limit && !((a[n / 8] ^ b[n / 8]) & (0x80 >> n % 8)))
		n++;
	return n;
}

static void add_address(struct prefix *p, const struct address *a)
{
	if (p->count++ == 0) {
		memcpy(p->first, a->bytes, sizeof(p->first));
		p->bits = a->family == AF_INET ? 32 : 128;
	} else {
		p->bits = (uint8_t)common_bits(p->first, a->bytes, p->bits);
	}
}

static uint64_t fact(uint32_t owner, enum what what, const struct address *a, uint16_t port)
{
	uint64_t h = mix(0xcbf29ce484222325ull, &owner, sizeof(owner));

	h = mix(h, &what, sizeof(what));
	if (what == WHAT_ADDRESS || what == WHAT_DESTINATION)
		h = mix(mix(h, &a->family, sizeof(a->family)), a->bytes, sizeof(a->bytes));
	if (what != WHAT_ADDRESS)
		h = mix(h, &port, sizeof(port));
	return h;
}

static void add_port(struct range *r, struct destination_set *set, uint32_t owner, uint16_t port)
{
	static const struct address none;

	if (!is_new(set, fact(owner, WHAT_PORT, &none, port), &r->more))
		return;
	if (r->port_total < RANGE_PORTS_MAX)
		r->ports[r->port_total] = port;
	r->port_total++;
}

bool range_add(struct range *r, struct destination_set *set, uint32_t owner,
	       const struct address *a, uint16_t port)
{
	if (!is_new(set, fact(owner, WHAT_DESTINATION, a, port), &r->more))
		return false;
	r->destinations++;
	if (is_new(set, fact(owner, WHAT_ADDRESS, a, 0), &r->more))
		add_address(a->family == AF_INET ? &r->v4 : &r->v6, a);
	add_port(r, set, owner, port);
	return true;
}

static uint64_t named_fact(uint32_t owner, enum what what, const char *name, uint16_t port)
{
	static const struct address none;

	return mix(fact(owner, what, &none, port), name, strlen(name));
}

bool range_add_name(struct range *r, struct destination_set *set, uint32_t owner, const char *name,
		    uint16_t port)
{
	cleanup_buf struct buf text = { .max = 4 * RANGE_NAME_MAX };

	if (!is_new(set, named_fact(owner, WHAT_NAMED, name, port), &r->more))
		return false;
	r->destinations++;
	if (is_new(set, named_fact(owner, WHAT_NAME, name, 0), &r->more) && r->names++ == 0) {
		text_escape_cut(&text, name, strlen(name), RANGE_NAME_MAX);
		r->name = strdup(buf_text(&text));
	}
	if (port)
		add_port(r, set, owner, port);
	return true;
}

void range_free(struct range *r)
{
	free(r->name);
	r->name = NULL;
}

static void print_prefix(const struct prefix *p, int family, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t base[16] = { 0 };
	unsigned bits = p->bits;

	if (p->count == 1) {
		inet_ntop(family, p->first, text, sizeof(text));
		buf_add_text(out, text);
		return;
	}
	memcpy(base, p->first, bits / 8);
	if (bits % 8)
		base[bits / 8] = p->first[bits / 8] & (uint8_t)(0xff << (8 - bits % 8));
	inet_ntop(family, base, text, sizeof(text));
	buf_printf(out, "%u addresses in %s/%u", p->count, text, bits);
}

static void print_ports(const struct range *r, struct buf *out)
{
	uint32_t shown = r->port_total < RANGE_PORTS_MAX ? r->port_total : RANGE_PORTS_MAX;

	if (!shown)
		return;
	buf_add_text(out, r->port_total == 1 ? " port" : ", ports");
	for (uint32_t i = 0; i < shown; i++)
		buf_printf(out, "%s %u", i ? "," : "", r->ports[i]);
	if (r->port_total > shown)
		buf_printf(out, " and %u more", r->port_total - shown);
}

void range_print(const struct range *r, struct buf *out)
{
	if (r->more)
		buf_add_text(out, "at least ");
	if (r->names)
		buf_add_text(out, r->name ? r->name : "a name");
	if (r->names > 1)
		buf_printf(out, " and %u more name%s", r->names - 1, r->names == 2 ? "" : "s");
	if (r->v4.count) {
		buf_add_text(out, r->names ? " and " : "");
		print_prefix(&r->v4, AF_INET, out);
	}
	if (r->v6.count) {
		if (r->v4.count || r->names)
			buf_add_text(out, " and ");
		print_prefix(&r->v6, AF_INET6, out);
	}
	print_ports(r, out);
}
