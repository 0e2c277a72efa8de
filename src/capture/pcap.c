// SPDX-License-Identifier: Apache-2.0
/* The classic format: a header and records. Both byte orders, microseconds and nanoseconds.
 * Source: draft-ietf-opsawg-pcap; for versions before 2.4, libpcap's sf-pcap.c, which says that the
 * two lengths of a record changed places. Owns its state; trusts nothing. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "capture/format.h"

#define HEADER 24
#define RECORD 16
#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du

struct pcap {
	bool big, nanoseconds;
	uint16_t minor;
	uint32_t link;
};

static bool magic(const uint8_t *p, struct pcap *ret)
{
	for (int big = 0; big < 2; big++) {
		uint32_t word = read32(p, big);

		ret->big = big;
		ret->nanoseconds = word == MAGIC_NANOSECONDS;
		if (word == MAGIC_MICROSECONDS || word == MAGIC_NANOSECONDS)
			return true;
	}
	return false;
}

static bool pcap_is(const uint8_t first[4])
{
	struct pcap p;

	return magic(first, &p);
}

static int pcap_open(struct source *s, void **ret_state, struct fail *f)
{
	size_t left;
	const uint8_t *h = source_peek(s, HEADER, &left);
	struct pcap *p;

	if (!h)
		return source_ended(s, left, "the header", f);
	if (read16(h + 4, h[0] == 0xa1) != 2)
		return fail_text(f, EBADMSG,
				 "'%s' is a pcap of version %u.%u, of which nothing is known: 2 "
				 "is the version that is read",
				 s->name, read16(h + 4, h[0] == 0xa1), read16(h + 6, h[0] == 0xa1));
	p = calloc(1, sizeof(*p));
	if (!p)
		return fail(f, ENOMEM, "read '%s'", s->name);
	magic(h, p);
	p->minor = read16(h + 6, p->big);
	p->link = read32(h + 20, p->big) & 0xffff; /* above: whether a checksum follows packets */
	source_skip(s, HEADER);
	*ret_state = p;
	return 0;
}

static void lengths(const struct pcap *p, const uint8_t *record, uint32_t *ret_there,
		    uint32_t *ret_size)
{
	uint32_t there = read32(record + 8, p->big), size = read32(record + 12, p->big);
	bool swapped = p->minor < 3 || (p->minor == 3 && there > size);

	*ret_there = swapped ? size : there;
	*ret_size = swapped ? there : size;
}

static int pcap_next(struct source *s, void *state, struct packet *ret, struct fail *f)
{
	const struct pcap *p = state;
	const uint8_t *record;
	uint32_t there, size;
	uint64_t fraction;
	size_t left;

	record = source_peek(s, RECORD, &left);
	if (!record && left == 0 && !s->error)
		return 0;
	if (!record)
		return source_ended(s, left, "a packet's header", f);
	lengths(p, record, &there, &size);
	if (there > PACKET_MAX)
		return fail_text(f, EBADMSG,
				 "'%s' is malformed at byte %llu: a packet of %u bytes, where %u "
				 "are the most that there can be; what came before it was read",
				 s->name, (unsigned long long)s->offset, there, PACKET_MAX);
	record = source_peek(s, RECORD + there, &left);
	if (!record)
		return source_ended(s, left, "a packet", f);
	fraction = read32(record + 4, p->big);
	*ret = (struct packet){ .ns = read32(record, p->big) * NSEC_PER_SEC +
				      fraction * (p->nanoseconds ? 1 : 1000),
				.link = p->link,
				.data = record + RECORD,
				.there = there,
				.size = size };
	source_skip(s, RECORD + there);
	return 1;
}

const struct capture_format capture_pcap = {
	.is = pcap_is,
	.open = pcap_open,
	.next = pcap_next,
	.close = free,
};
