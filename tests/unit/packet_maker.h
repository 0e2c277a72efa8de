/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-made packets and captures for tests, written out after RFC 791, 8200, 9293 and the formats'
 * own pages. Checksums are 0: nobody looks at them. One packet at a time; the capture is a file
 * without a name. */
#ifndef WEIR_TESTS_PACKET_MAKER_H
#define WEIR_TESTS_PACKET_MAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PACKET_FIN 0x01
#define PACKET_SYN 0x02
#define PACKET_RST 0x04
#define PACKET_ACK 0x10

struct packet_end {
	uint8_t address[4];
	uint16_t port;
};

struct packet_maker {
	int fd;
	char path[32];
	uint64_t ns; /* of the next packet; each makes it a millisecond later */
	bool big;    /* byte order of the file */
	uint8_t way; /* of Linux cooked: 0 to the machine, 4 from it */
	uint32_t link, snap;
	uint8_t bytes[70000];
	size_t size; /* of the packet so far */
};

static inline void packet_byte(struct packet_maker *m, unsigned n)
{
	m->bytes[m->size++] = (uint8_t)n;
}

static inline void packet16(struct packet_maker *m, unsigned n)
{
	packet_byte(m, n >> 8);
	packet_byte(m, n);
}

static inline void packet32(struct packet_maker *m, uint32_t n)
{
	packet16(m, n >> 16);
	packet16(m, n & 0xffff);
}

static inline void packet_add(struct packet_maker *m, const void *data, size_t size)
{
	if (size)
		memcpy(m->bytes + m->size, data, size);
	m->size += size;
}

/* To the file, in its byte order. */
static inline void file_add(struct packet_maker *m, const void *data, size_t size)
{
	if (size && write(m->fd, data, size) != (ssize_t)size)
		perror("write");
}

static inline void file16(struct packet_maker *m, unsigned n)
{
	uint8_t b[2] = { (uint8_t)(m->big ? n >> 8 : n), (uint8_t)(m->big ? n : n >> 8) };

	file_add(m, b, 2);
}

static inline void file32(struct packet_maker *m, uint32_t n)
{
	file16(m, m->big ? n >> 16 : n & 0xffff);
	file16(m, m->big ? n & 0xffff : n >> 16);
}

static inline void file_open(struct packet_maker *m)
{
	*m = (struct packet_maker){ .fd = memfd_create("capture", MFD_CLOEXEC),
				    .ns = 1700000000000000000ull,
				    .link = 1,
				    .snap = 262144 };
	snprintf(m->path, sizeof(m->path), "/proc/self/fd/%d", m->fd);
}

static inline void file_header(struct packet_maker *m, uint32_t magic, unsigned minor)
{
	file32(m, magic);
	file16(m, 2);
	file16(m, minor);
	file32(m, 0);
	file32(m, 0);
	file32(m, m->snap);
	file32(m, m->link);
}

/* A classic capture of Ethernet in microseconds. */
static inline void capture_open(struct packet_maker *m, uint32_t link)
{
	file_open(m);
	m->link = link;
	file_header(m, 0xa1b2c3d4, 4);
}

static inline void packet_end_record(struct packet_maker *m)
{
	uint32_t there = m->size < m->snap ? (uint32_t)m->size : m->snap;

	file32(m, (uint32_t)(m->ns / 1000000000));
	file32(m, (uint32_t)(m->ns % 1000000000 / 1000));
	file32(m, there);
	file32(m, (uint32_t)m->size);
	file_add(m, m->bytes, there);
	m->ns += 1000000;
	m->size = 0;
}

/* The link's header, as m->link says. */
static inline void packet_link(struct packet_maker *m, unsigned ethertype)
{
	static const uint8_t zero[16];

	switch (m->link) {
	case 1: /* Ethernet */
		packet_add(m, zero, 12);
		packet16(m, ethertype);
		break;
	case 113: /* LINUX_SLL */
		packet16(m, m->way);
		packet_add(m, zero, 12);
		packet16(m, ethertype);
		break;
	case 276: /* LINUX_SLL2 */
		packet16(m, ethertype);
		packet_add(m, zero, 16);
		packet16(m, 0);
		break;
	case 0: /* NULL: a word of the writer's order */
		packet_byte(m, ethertype == 0x0800 ? 2 : 30);
		packet_add(m, zero, 3);
		break;
	case 108: /* LOOP: the same in network order */
		packet_add(m, zero, 3);
		packet_byte(m, ethertype == 0x0800 ? 2 : 30);
		break;
	default: /* raw */
		break;
	}
}

static inline void packet_ip4(struct packet_maker *m, const struct packet_end *from,
			      const struct packet_end *to, unsigned protocol, size_t payload,
			      unsigned id, unsigned place)
{
	packet16(m, 0x4500);
	packet16(m, (unsigned)(20 + payload));
	packet16(m, id);
	packet16(m, place);
	packet_byte(m, 64);
	packet_byte(m, protocol);
	packet16(m, 0);
	packet_add(m, from->address, 4);
	packet_add(m, to->address, 4);
}

static inline void packet_ip6(struct packet_maker *m, const struct packet_end *from,
			      const struct packet_end *to, unsigned next, size_t payload)
{
	static const uint8_t prefix[12] = { 0x20, 0x01, 0x0d, 0xb8 };

	packet32(m, 0x60000000);
	packet16(m, (unsigned)payload);
	packet_byte(m, next);
	packet_byte(m, 64);
	packet_add(m, prefix, 12);
	packet_add(m, from->address, 4);
	packet_add(m, prefix, 12);
	packet_add(m, to->address, 4);
}

static inline void packet_tcp_header(struct packet_maker *m, const struct packet_end *from,
				     const struct packet_end *to, uint32_t sequence, uint32_t ack,
				     unsigned flags)
{
	packet16(m, from->port);
	packet16(m, to->port);
	packet32(m, sequence);
	packet32(m, ack);
	packet16(m, 0x5000 | flags);
	packet16(m, 65535);
	packet32(m, 0);
}

static inline void packet_udp_header(struct packet_maker *m, const struct packet_end *from,
				     const struct packet_end *to, size_t payload)
{
	packet16(m, from->port);
	packet16(m, to->port);
	packet16(m, (unsigned)(8 + payload));
	packet16(m, 0);
}

static inline void make_tcp(struct packet_maker *m, const struct packet_end *from,
			    const struct packet_end *to, uint32_t sequence, uint32_t ack,
			    unsigned flags, const void *data, size_t size)
{
	packet_link(m, 0x0800);
	packet_ip4(m, from, to, 6, 20 + size, 0, 0);
	packet_tcp_header(m, from, to, sequence, ack, flags);
	packet_add(m, data, size);
	packet_end_record(m);
}

static inline void make_udp(struct packet_maker *m, const struct packet_end *from,
			    const struct packet_end *to, const void *data, size_t size)
{
	packet_link(m, 0x0800);
	packet_ip4(m, from, to, 17, 8 + size, 0, 0);
	packet_udp_header(m, from, to, size);
	packet_add(m, data, size);
	packet_end_record(m);
}

#endif
