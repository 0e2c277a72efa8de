// SPDX-License-Identifier: Apache-2.0
/* The block format: sections of either byte order, each with interfaces of their own link type and
 * clock. Packets are read (enhanced, simple, and the obsolete block); all other blocks are skipped
 * whatever they hold. Source: draft-ietf-opsawg-pcapng. Owns the interfaces' list. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/format.h"

#define INTERFACES_MAX 4096 /* of a section */
#define HEADER 8	    /* of a block: type and length; the length again ends it */
#define FRAME 12	    /* both */
#define ORDER_MAGIC 0x1a2b3c4du
#define OPTION_RESOLUTION 9
#define OPTION_OFFSET 14
#define DECIMAL_MAX 19 /* powers of ten that 64 bits hold */
#define BINARY_MAX 63

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_OLD_PACKET = 2,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

struct interface {
	uint32_t link, snap;
	uint64_t per_second; /* units of its clock */
	uint64_t offset;     /* seconds, modulo 2^64: what is added is signed */
};

struct pcapng {
	bool big;
	size_t count, room;
	struct interface *interfaces;
	uint64_t last_ns; /* a simple packet has no time */
};

/* A block without its frame. */
struct body {
	uint32_t type;
	const uint8_t *data;
	size_t size;
};

static bool pcapng_is(const uint8_t first[4])
{
	return read32(first, true) == BLOCK_SECTION;
}

static int malformed(const struct source *s, struct fail *f, const char *what, uint32_t n)
{
	return fail_text(f, EBADMSG,
			 "'%s' is malformed at byte %llu: %s (%u); what came before it was read",
			 s->name, (unsigned long long)s->offset, what, n);
}

static int pcapng_open(struct source *s, void **ret_state, struct fail *f)
{
	*ret_state = calloc(1, sizeof(struct pcapng));
	return *ret_state ? 0 : fail(f, ENOMEM, "read '%s'", s->name);
}

static void pcapng_close(void *state)
{
	struct pcapng *p = state;

	free(p->interfaces);
	free(p);
}

/* The section's byte order stands behind the length, which is read by it. */
static int section(struct source *s, struct pcapng *p, struct fail *f)
{
	size_t left;
	const uint8_t *h = source_peek(s, HEADER + 8, &left);

	if (!h)
		return source_ended(s, left, "a section's header", f);
	p->big = read32(h + HEADER, true) == ORDER_MAGIC;
	if (!p->big && read32(h + HEADER, false) != ORDER_MAGIC)
		return malformed(s, f, "a section of neither byte order", read32(h + HEADER, true));
	if (read16(h + HEADER + 4, p->big) != 1)
		return malformed(s, f, "a section of an unknown version",
				 read16(h + HEADER + 4, p->big));
	p->count = 0;
	return 0;
}

static bool wanted(uint32_t type)
{
	return type == BLOCK_INTERFACE || type == BLOCK_OLD_PACKET || type == BLOCK_SIMPLE_PACKET ||
	       type == BLOCK_PACKET;
}

/* The next block's frame, its bytes not yet looked at. As next_block(). */
static int frame(struct source *s, struct pcapng *p, uint32_t *ret_type, uint32_t *ret_size,
		 struct fail *f)
{
	size_t left;
	const uint8_t *h = source_peek(s, HEADER, &left);
	int r = 0;

	if (!h && left == 0 && !s->error)
		return 0;
	if (!h)
		return source_ended(s, left, "a block's header", f);
	if (read32(h, true) == BLOCK_SECTION)
		r = section(s, p, f);
	if (r < 0)
		return r;
	h = source_peek(s, HEADER, &left);
	if (!h)
		return source_ended(s, left, "a block's header", f);
	*ret_type = read32(h, p->big);
	*ret_size = read32(h + 4, p->big);
	if (*ret_size < FRAME || *ret_size % 4)
		return malformed(s, f, "a block of an impossible length", *ret_size);
	return 1;
}

static int whole(struct source *s, const struct pcapng *p, uint32_t type, uint32_t size,
		 struct body *ret, struct fail *f)
{
	const uint8_t *h;
	size_t left;

	if (size > SOURCE_PEEK_MAX)
		return malformed(s, f, "a packet or interface longer than there can be", size);
	h = source_peek(s, size, &left);
	if (!h)
		return source_ended(s, left, "a block", f);
	if (read32(h + size - 4, p->big) != size)
		return malformed(s, f, "a block that ends with another length",
				 read32(h + size - 4, p->big));
	*ret = (struct body){ type, h + HEADER, size - FRAME };
	return 1;
}

/* 1: a block that is wanted; 0: the end. Others are skipped, in pieces: they may be of any size. */
static int next_block(struct source *s, struct pcapng *p, struct body *ret, struct fail *f)
{
	for (;;) {
		uint32_t type = 0, size = 0;
		int r = frame(s, p, &type, &size, f);

		if (r <= 0)
			return r;
		if (wanted(type))
			return whole(s, p, type, size, ret, f);
		if (!source_skip(s, size))
			return source_ended(s, 0, "a block", f);
	}
}

/* 10^n or 2^n units a second, as the option's byte says; 0: more than 64 bits hold. */
static uint64_t units(uint8_t resolution)
{
	uint64_t n = 1;

	if (resolution & 0x80)
		return (resolution & 0x7f) <= BINARY_MAX ? 1ull << (resolution & 0x7f) : 0;
	if (resolution > DECIMAL_MAX)
		return 0;
	for (; resolution > 0; resolution--)
		n *= 10;
	return n;
}

static void options(const struct pcapng *p, const uint8_t *at, size_t left, struct interface *i)
{
	while (left >= 4) {
		uint16_t code = read16(at, p->big), size = read16(at + 2, p->big);
		size_t whole = 4 + ((size_t)size + 3) / 4 * 4;

		if (code == 0 || whole > left)
			return;
		if (code == OPTION_RESOLUTION && size == 1)
			i->per_second = units(at[4]);
		if (code == OPTION_OFFSET && size == 8)
			i->offset =
				p->big ? (uint64_t)read32(at + 4, true) << 32 | read32(at + 8, true)
				       : (uint64_t)read32(at + 8, false) << 32 |
						 read32(at + 4, false);
		at += whole;
		left -= whole;
	}
}

static int add_interface(struct source *s, struct pcapng *p, const struct body *b, struct fail *f)
{
	struct interface i = { .per_second = 1000000 };
	struct interface *more;
	size_t room;

	if (b->size < 8)
		return malformed(s, f, "an interface too short", (uint32_t)b->size);
	if (p->count == INTERFACES_MAX)
		return malformed(s, f, "more interfaces than are kept", INTERFACES_MAX);
	if (p->count == p->room) {
		room = p->room ? 2 * p->room : 8;
		more = reallocarray(p->interfaces, room, sizeof(*more));
		if (!more)
			return fail(f, ENOMEM, "read '%s'", s->name);
		p->interfaces = more;
		p->room = room;
	}
	i.link = read16(b->data, p->big);
	i.snap = read32(b->data + 4, p->big);
	options(p, b->data + 8, b->size - 8, &i);
	if (i.per_second == 0)
		return malformed(s, f, "an interface whose clock is finer than 64 bits hold",
				 (uint32_t)p->count);
	p->interfaces[p->count++] = i;
	return 0;
}

static uint64_t time_of(const struct pcapng *p, const struct interface *i, const uint8_t *at)
{
	uint64_t ticks = (uint64_t)read32(at, p->big) << 32 | read32(at + 4, p->big);
	uint64_t seconds = ticks / i->per_second, rest = ticks % i->per_second;
	unsigned __int128 fraction = (unsigned __int128)rest * NSEC_PER_SEC / i->per_second;

	seconds += i->offset;
	if (seconds > UINT32_MAX) /* 2106: a broken clock, or a broken file */
		seconds = UINT32_MAX;
	return seconds * NSEC_PER_SEC + (uint64_t)fraction;
}

/* Where each of the three kinds has what. */
static const struct packet_form {
	uint32_t type;
	size_t head; /* before the packet's bytes */
	bool simple, narrow;
} forms[] = {
	{ BLOCK_PACKET, 20, false, false },
	{ BLOCK_OLD_PACKET, 20, false, true }, /* the interface has 16 bits */
	{ BLOCK_SIMPLE_PACKET, 4, true, false },
};

static int packet_of(struct source *s, struct pcapng *p, const struct body *b, struct packet *ret,
		     struct fail *f)
{
	const struct packet_form *form = forms;
	const struct interface *i;
	uint32_t index, there, size;

	while (form->type != b->type)
		form++;
	if (b->size < form->head)
		return malformed(s, f, "a packet too short", (uint32_t)b->size);
	index = form->simple ? 0 : form->narrow ? read16(b->data, p->big) : read32(b->data, p->big);
	if (index >= p->count)
		return malformed(s, f, "a packet of an interface that was not named", index);
	i = &p->interfaces[index];
	size = read32(b->data + form->head - 4, p->big);
	there = form->simple ? size : read32(b->data + 12, p->big);
	if (form->simple && i->snap && there > i->snap)
		there = i->snap;
	if (form->simple && there > b->size - form->head)
		there = (uint32_t)(b->size - form->head);
	if (there > b->size - form->head || there > PACKET_MAX)
		return malformed(s, f, "a packet longer than its block", there);
	if (!form->simple)
		p->last_ns = time_of(p, i, b->data + 4);
	*ret = (struct packet){ .ns = p->last_ns,
				.link = i->link,
				.data = b->data + form->head,
				.there = there,
				.size = size };
	return 0;
}

static int pcapng_next(struct source *s, void *state, struct packet *ret, struct fail *f)
{
	struct pcapng *p = state;

	for (;;) {
		struct body b = { 0 };
		int r = next_block(s, p, &b, f);

		if (r <= 0)
			return r;
		r = b.type == BLOCK_INTERFACE ? add_interface(s, p, &b, f)
					      : packet_of(s, p, &b, ret, f);
		if (r < 0)
			return r;
		source_skip(s, b.size + FRAME);
		if (b.type != BLOCK_INTERFACE)
			return 1;
	}
}

const struct capture_format capture_pcapng = {
	.is = pcapng_is,
	.open = pcapng_open,
	.next = pcapng_next,
	.close = pcapng_close,
};
