// SPDX-License-Identifier: Apache-2.0
/* Writes a pcap to standard output: bench/run pcap and the tests of weir pcap's limits read it.
 *   make_capture KIND COUNT
 *     mixed N      N bytes: bulk, requests and datagrams of many flows at once
 *     flows N      N connections of different ends, with a request and an answer each
 *     syns N       N SYNs from different addresses
 *     fragments N  N fragments, each of a packet of its own that never comes to be whole
 *     early N      N segments that came too early, on 1,000 connections with a hole each
 *     udp N        N datagrams of different ends
 * Checksums are 0: nobody looks at them. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYN 2
#define PSH_ACK 24
#define FIN_ACK 17
#define ACK 16

static uint64_t now_us = 1700000000000000ull;
static uint64_t written;

struct end {
	uint32_t address;
	uint16_t port;
};

static void put(const void *data, size_t size)
{
	if (fwrite(data, 1, size, stdout) != size)
		exit(1);
	written += size;
}

static void frame(const uint8_t *ip, size_t size, const void *payload, size_t payload_size)
{
	static const uint8_t ethernet[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	uint32_t whole = (uint32_t)(sizeof(ethernet) + size + payload_size);
	uint32_t record[4] = { (uint32_t)(now_us / 1000000), (uint32_t)(now_us % 1000000), whole,
			       whole };

	put(record, sizeof(record));
	put(ethernet, sizeof(ethernet));
	put(ip, size);
	put(payload, payload_size);
}

static void put16(uint8_t *at, unsigned n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static void put32(uint8_t *at, uint32_t n)
{
	put16(at, n >> 16);
	put16(at + 2, n & 0xffff);
}

static void ip_header(uint8_t h[20], const struct end *from, const struct end *to, uint8_t protocol,
		      size_t payload)
{
	memset(h, 0, 20);
	h[0] = 0x45;
	put16(h + 2, (unsigned)(20 + payload));
	h[8] = 64;
	h[9] = protocol;
	put32(h + 12, from->address);
	put32(h + 16, to->address);
}

static void tcp(const struct end *from, const struct end *to, uint32_t sequence, uint32_t ack,
		uint8_t flags, const void *payload, size_t size)
{
	uint8_t h[40];

	ip_header(h, from, to, 6, 20 + size);
	memset(h + 20, 0, 20);
	put16(h + 20, from->port);
	put16(h + 22, to->port);
	put32(h + 24, sequence);
	put32(h + 28, ack);
	h[32] = 5 << 4;
	h[33] = flags;
	put16(h + 34, 65535);
	frame(h, sizeof(h), payload, size);
}

static void udp(const struct end *from, const struct end *to, const void *payload, size_t size)
{
	uint8_t h[28];

	ip_header(h, from, to, 17, 8 + size);
	put16(h + 20, from->port);
	put16(h + 22, to->port);
	put16(h + 24, (unsigned)(8 + size));
	put16(h + 26, 0);
	frame(h, sizeof(h), payload, size);
}

static struct end client(uint64_t i)
{
	return (struct end){ 0x0a000000u + (uint32_t)(i / 50000 % 0xffffff),
			     (uint16_t)(10000 + i % 50000) };
}

static struct end server(uint64_t i)
{
	return (struct end){ 0xc6336400u + (uint32_t)(i % 251), 443 };
}

/* A flow's whole life: handshake, a request, `segments` of an answer, the end. */
static void connection(uint64_t i, unsigned segments)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n";
	static uint8_t answer[1448];
	struct end c = client(i), s = server(i);
	uint32_t a = (uint32_t)i, b = (uint32_t)(7 * i);

	tcp(&c, &s, a, 0, SYN, "", 0);
	tcp(&s, &c, b, a + 1, SYN | ACK, "", 0);
	tcp(&c, &s, a + 1, b + 1, PSH_ACK, request, sizeof(request) - 1);
	for (unsigned k = 0; k < segments; k++) {
		for (size_t n = 0; n < sizeof(answer); n += 8)
			answer[n] = (uint8_t)(now_us >> (n & 7));
		tcp(&s, &c, b + 1 + k * 1448, a + (uint32_t)sizeof(request), PSH_ACK, answer,
		    sizeof(answer));
		if (k % 2)
			tcp(&c, &s, a + (uint32_t)sizeof(request), b + 1 + (k + 1) * 1448, ACK, "",
			    0);
		now_us += 20;
	}
	tcp(&c, &s, a + (uint32_t)sizeof(request), b + 1 + segments * 1448, FIN_ACK, "", 0);
	tcp(&s, &c, b + 1 + segments * 1448, a + (uint32_t)sizeof(request) + 1, FIN_ACK, "", 0);
	tcp(&c, &s, a + (uint32_t)sizeof(request) + 1, b + 2 + segments * 1448, ACK, "", 0);
	now_us += 10;
}

static void mixed(uint64_t bytes)
{
	struct end resolver = { 0x0a636363, 53 };
	static const uint8_t question[] =
		"\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\7example\4test\0\0\1\0\1";

	for (uint64_t i = 0; written < bytes; i++) {
		struct end c = client(i);

		udp(&c, &resolver, question, sizeof(question) - 1);
		connection(i, i % 1000 == 0 ? 20000 : i % 20 == 0 ? 200 : 4);
	}
}

static void flows(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		connection(i, 1);
}

static void syns(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct end c = { (uint32_t)(0x0b000000u + i), 40000 }, s = server(0);

		tcp(&c, &s, 1, 0, SYN, "", 0);
		now_us += 5;
	}
}

static void datagrams(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct end c = { (uint32_t)(0x0b000000u + i), 40000 }, s = server(i);

		udp(&c, &s, "something that is said", 22);
		now_us += 5;
	}
}

static void fragments(uint64_t count)
{
	static uint8_t payload[1480];
	struct end s = server(0);

	for (uint64_t i = 0; i < count; i++) {
		struct end c = client(i / 65536);
		uint8_t h[20];

		ip_header(h, &c, &s, 17, sizeof(payload));
		put16(h + 4, (unsigned)(i & 0xffff));
		put16(h + 6, 0x2000 | (unsigned)(i % 40 * 185));
		frame(h, sizeof(h), payload, sizeof(payload));
		now_us += 5;
	}
}

static void early(uint64_t count)
{
	static uint8_t payload[1448];

	for (uint64_t i = 0; i < count; i++) {
		struct end c = client(i % 1000), s = server(i % 1000);

		if (i < 1000)
			tcp(&c, &s, 0, 0, SYN, "", 0);
		else
			tcp(&c, &s, (uint32_t)(2 + i / 1000 * 1449), 1, PSH_ACK, payload,
			    sizeof(payload));
		now_us += 5;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(uint64_t n);
	} kinds[] = { { "mixed", mixed },   { "flows", flows },		{ "syns", syns },
		      { "udp", datagrams }, { "fragments", fragments }, { "early", early } };
	static const uint32_t header[6] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 262144, 1 };

	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		put(header, sizeof(header));
		kinds[i].make(strtoull(argv[2], NULL, 10));
		return fflush(stdout) != 0;
	}
	fprintf(stderr, "usage: make_capture mixed|flows|syns|udp|fragments|early COUNT\n");
	return 2;
}
