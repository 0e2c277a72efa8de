// SPDX-License-Identifier: Apache-2.0
/* Capture files (src/capture/file.h), written out by hand after the formats' own pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <errno.h>

#include "capture/file.h"
#include "tests/unit/packet_maker.h"

#define MAGIC 0xa1b2c3d4
#define MAGIC_NANOSECONDS 0xa1b23c4d
#define SECTION 0x0a0d0d0a

static void record(struct packet_maker *m, uint32_t seconds, uint32_t fraction, uint32_t there,
		   uint32_t size)
{
	static const char bytes[64] = "a packet";

	file32(m, seconds);
	file32(m, fraction);
	file32(m, there);
	file32(m, size);
	file_add(m, bytes, there < sizeof(bytes) ? there : sizeof(bytes));
}

/* A file, made with &b->m, and what came of reading it. */
struct bench {
	struct packet_maker m;
	struct packet last;
	size_t count;
	struct fail f;
};

static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	file_open(&b->m);
	return b;
}

static void bench_free(struct bench *b)
{
	close(b->m.fd);
	free(b);
}

/* Packets until the end; how it ended. */
static int read_all(struct bench *b)
{
	struct capture_file *c = NULL;
	struct packet p;
	int r;

	b->count = 0;
	lseek(b->m.fd, 0, SEEK_SET);
	r = capture_file_open(b->m.path, &c, &b->f);
	if (r < 0)
		return r;
	while ((r = capture_file_next(c, &p, &b->f)) > 0) {
		assert_true(p.there <= p.size && p.size <= PACKET_MAX);
		b->last = p;
		b->count++;
	}
	capture_file_close(c);
	return r;
}

static void every_byte_order_and_clock_of_pcap(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++)
		for (int nano = 0; nano < 2; nano++) {
			struct bench *b = bench_new();

			b->m.big = big;
			file_header(&b->m, nano ? MAGIC_NANOSECONDS : MAGIC, 4);
			record(&b->m, 5, 7, 8, 1514);
			record(&b->m, 6, 8, 8, 8);
			assert_int_equal(read_all(b), 0);
			assert_int_equal(b->count, 2);
			assert_int_equal(b->last.ns, 6000000000ull + (nano ? 8 : 8000));
			assert_int_equal(b->last.link, 1);
			bench_free(b);
		}
}

/* libpcap, sf-pcap.c: before 2.3 the lengths stood in the other order, in 2.3 in either. */
static void old_versions_have_their_lengths_swapped(void **state)
{
	static const struct {
		unsigned minor;
		uint32_t first, second;
	} cases[] = { { 2, 60, 8 }, { 3, 60, 8 }, { 3, 8, 60 }, { 4, 8, 60 } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct bench *b = bench_new();

		file_header(&b->m, MAGIC, cases[i].minor);
		file32(&b->m, 1);
		file32(&b->m, 1);
		file32(&b->m, cases[i].first);
		file32(&b->m, cases[i].second);
		file_add(&b->m, "a packet", 8);
		assert_int_equal(read_all(b), 0);
		assert_int_equal(b->last.there, 8);
		assert_int_equal(b->last.size, 60);
		bench_free(b);
	}
}

static void a_cut_file_is_read_up_to_there(void **state)
{
	struct bench *b = bench_new();
	size_t whole;

	(void)state;
	file_header(&b->m, MAGIC, 4);
	for (int i = 0; i < 3; i++)
		record(&b->m, 1, 1, 8, 8);
	whole = (size_t)lseek(b->m.fd, 0, SEEK_END);
	for (size_t size = whole; size > 0; size--) {
		int r;

		assert_int_equal(ftruncate(b->m.fd, (off_t)size), 0);
		r = read_all(b);
		if (size >= 24 && (size - 24) % 24 == 0)
			assert_int_equal(r, 0);
		else
			assert_int_equal(r, size < 4 ? -EBADMSG : -ENODATA);
		assert_int_equal(b->count, size < 24 ? 0 : (size - 24) / 24);
	}
	bench_free(b);
}

static void a_packet_of_the_largest_size_passes_and_no_larger_one(void **state)
{
	static const char bytes[PACKET_MAX];

	(void)state;
	for (uint32_t more = 0; more < 2; more++) {
		struct bench *b = bench_new();
		int r;

		file_header(&b->m, MAGIC, 4);
		record(&b->m, 1, 1, 8, 8);
		file32(&b->m, 2);
		file32(&b->m, 0);
		file32(&b->m, PACKET_MAX + more);
		file32(&b->m, UINT32_MAX);
		file_add(&b->m, bytes, PACKET_MAX);
		r = read_all(b);
		assert_int_equal(r, more ? -EBADMSG : 0);
		assert_int_equal(b->count, more ? 1 : 2);
		if (more)
			assert_non_null(strstr(b->f.text, "at byte 48"));
		bench_free(b);
	}
}

static void what_is_no_capture_is_said_to_be_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *says;
	} cases[] = {
		{ "", 0, "0 bytes" },
		{ "\x1f\x8b\x08\0", 4, "zcat" },
		{ "snoop\0\0\0", 8, "editcap" },
		{ "root:x:0:0", 10, "72 6f 6f 74" },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct bench *b = bench_new();

		file_add(&b->m, cases[i].bytes, cases[i].size);
		assert_int_equal(read_all(b), -EBADMSG);
		assert_non_null(strstr(b->f.text, cases[i].says));
		bench_free(b);
	}
}

/* pcapng */

static void section(struct packet_maker *m, bool big)
{
	m->big = big;
	file32(m, SECTION);
	file32(m, 28);
	file32(m, 0x1a2b3c4d);
	file16(m, 1);
	file16(m, 0);
	file32(m, UINT32_MAX);
	file32(m, UINT32_MAX);
	file32(m, 28);
}

/* resolution, offset: options that are written where they are not 0. */
static void interface(struct packet_maker *m, unsigned link, unsigned resolution, uint32_t offset)
{
	uint32_t size = 20 + (resolution ? 8 : 0) + (offset ? 12 : 0) + 4;

	file32(m, 1);
	file32(m, size);
	file16(m, link);
	file16(m, 0);
	file32(m, 0);
	if (resolution) {
		file16(m, 9);
		file16(m, 1);
		file_add(m, &(uint8_t){ (uint8_t)resolution }, 1);
		file_add(m, "\0\0\0", 3);
	}
	if (offset) {
		file16(m, 14);
		file16(m, 8);
		file32(m, m->big ? 0 : offset);
		file32(m, m->big ? offset : 0);
	}
	file32(m, 0); /* end of options */
	file32(m, size);
}

static void enhanced(struct packet_maker *m, uint32_t number, uint64_t ticks)
{
	file32(m, 6);
	file32(m, 32 + 8 + 8);
	file32(m, number);
	file32(m, (uint32_t)(ticks >> 32));
	file32(m, (uint32_t)ticks);
	file32(m, 6);
	file32(m, 1514);
	file_add(m, "packet\0\0", 8);
	file32(m, 1); /* a comment, skipped */
	file32(m, 0);
	file32(m, 32 + 8 + 8);
}

static void sections_interfaces_and_clocks_of_pcapng(void **state)
{
	static const struct {
		bool big;
		unsigned link, resolution;
		uint32_t offset;
		uint64_t ticks, ns;
	} cases[] = {
		{ false, 1, 0, 0, 1700000000000001, 1700000000000001000 },
		{ true, 113, 9, 0, 1700000000000000001, 1700000000000000001 },
		{ false, 101, 3, 100, 5, 100005000000 },
		{ true, 276, 0x80 | 10, 0, 1024 * 3 + 512, 3500000000 },
		{ false, 0, 19, 0, 10000000000000000000u, 1000000000 },
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct bench *b = bench_new();

		section(&b->m, !cases[i].big); /* another one before, of the other order */
		interface(&b->m, 999, 6, 0);
		section(&b->m, cases[i].big);
		interface(&b->m, 998, 0, 0);
		interface(&b->m, cases[i].link, cases[i].resolution, cases[i].offset);
		file32(&b->m, 0x0bad); /* an unknown block */
		file32(&b->m, 16);
		file32(&b->m, 0);
		file32(&b->m, 16);
		enhanced(&b->m, 1, cases[i].ticks);
		assert_int_equal(read_all(b), 0);
		assert_int_equal(b->count, 1);
		assert_int_equal(b->last.link, cases[i].link);
		assert_int_equal(b->last.ns, cases[i].ns);
		assert_int_equal(b->last.there, 6);
		assert_int_equal(b->last.size, 1514);
		bench_free(b);
	}
}

static void simple_and_obsolete_packets_of_pcapng(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	section(&b->m, false);
	interface(&b->m, 101, 0, 0);
	file32(&b->m, 2); /* the obsolete block: its interface has 16 bits, the rest counts drops */
	file32(&b->m, 36);
	file16(&b->m, 0);
	file16(&b->m, 77);
	file32(&b->m, 0);
	file32(&b->m, 9);
	file32(&b->m, 3);
	file32(&b->m, 4);
	file_add(&b->m, "abc\0", 4);
	file32(&b->m, 36);
	file32(&b->m, 3);
	file32(&b->m, 24);
	file32(&b->m, 1500); /* a simple one has what its block has */
	file_add(&b->m, "abcdefgh", 8);
	file32(&b->m, 24);
	assert_int_equal(read_all(b), 0);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->last.there, 8);
	assert_int_equal(b->last.size, 1500);
	assert_int_equal(b->last.ns, 9000); /* it has no time of its own */
	bench_free(b);
}

static void what_breaks_the_rules_of_pcapng_ends_it(void **state)
{
	static const uint32_t blocks[][6] = {
		{ 6, 8, 0, 0, 0, 0 },		     /* shorter than its frame */
		{ 6, 33, 0, 0, 0, 0 },		     /* no multiple of four */
		{ 6, 16, 0, 16, 0, 0 },		     /* shorter than a packet's head */
		{ 6, 0xfffffffc, 0, 0, 0, 0 },	     /* longer than there can be */
		{ 1, 0x7ffffffc, 0, 0, 0, 0 },	     /* the same of an interface */
		{ 3, 16, 4, 20, 0, 0 },		     /* its end says another length */
		{ SECTION, 28, 0xdeadbeef, 1, 0, 0 } /* neither byte order */
	};

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		struct bench *b = bench_new();

		section(&b->m, false);
		interface(&b->m, 1, 0, 0);
		enhanced(&b->m, 0, 1);
		for (size_t k = 0; k < 6; k++)
			file32(&b->m, blocks[i][k]);
		assert_int_equal(read_all(b), -EBADMSG);
		assert_int_equal(b->count, 1);
		bench_free(b);
	}
}

static void a_packet_of_no_interface_ends_it(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	section(&b->m, false);
	interface(&b->m, 1, 0, 0);
	section(&b->m, false); /* a section's interfaces are its own */
	enhanced(&b->m, 0, 1);
	assert_int_equal(read_all(b), -EBADMSG);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_order_and_clock_of_pcap),
		cmocka_unit_test(old_versions_have_their_lengths_swapped),
		cmocka_unit_test(a_cut_file_is_read_up_to_there),
		cmocka_unit_test(a_packet_of_the_largest_size_passes_and_no_larger_one),
		cmocka_unit_test(what_is_no_capture_is_said_to_be_none),
		cmocka_unit_test(sections_interfaces_and_clocks_of_pcapng),
		cmocka_unit_test(simple_and_obsolete_packets_of_pcapng),
		cmocka_unit_test(what_breaks_the_rules_of_pcapng_ends_it),
		cmocka_unit_test(a_packet_of_no_interface_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
