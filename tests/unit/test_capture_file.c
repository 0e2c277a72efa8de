// SPDX-License-Identifier: Apache-2.0
/* Capture files (src/capture/file.h), written out by hand after the formats' own pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

/* Packets until the end; how it ended. */
static int read_all(struct packet_maker *m, struct packet *ret_last, size_t *ret_count,
		    struct fail *f)
{
	struct capture_file *c = NULL;
	struct packet p;
	int r;

	*ret_count = 0;
	lseek(m->fd, 0, SEEK_SET);
	r = capture_file_open(m->path, &c, f);
	if (r < 0)
		return r;
	while ((r = capture_file_next(c, &p, f)) > 0) {
		assert_true(p.there <= p.size && p.size <= PACKET_MAX);
		*ret_last = p;
		++*ret_count;
	}
	capture_file_close(c);
	return r;
}

static void every_byte_order_and_clock_of_pcap(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++)
		for (int nano = 0; nano < 2; nano++) {
			struct packet_maker m;
			struct packet p = { 0 };
			struct fail f = { 0 };
			size_t count;

			file_open(&m);
			m.big = big;
			file_header(&m, nano ? MAGIC_NANOSECONDS : MAGIC, 4);
			record(&m, 5, 7, 8, 1514);
			record(&m, 6, 8, 8, 8);
			assert_int_equal(read_all(&m, &p, &count, &f), 0);
			assert_int_equal(count, 2);
			assert_int_equal(p.ns, 6000000000ull + (nano ? 8 : 8000));
			assert_int_equal(p.link, 1);
			close(m.fd);
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
		struct packet_maker m;
		struct packet p = { 0 };
		struct fail f = { 0 };
		size_t count;

		file_open(&m);
		file_header(&m, MAGIC, cases[i].minor);
		file32(&m, 1);
		file32(&m, 1);
		file32(&m, cases[i].first);
		file32(&m, cases[i].second);
		file_add(&m, "a packet", 8);
		assert_int_equal(read_all(&m, &p, &count, &f), 0);
		assert_int_equal(p.there, 8);
		assert_int_equal(p.size, 60);
		close(m.fd);
	}
}

static void a_cut_file_is_read_up_to_there(void **state)
{
	struct packet_maker m;
	struct packet p = { 0 };
	size_t count, whole;

	(void)state;
	file_open(&m);
	file_header(&m, MAGIC, 4);
	for (int i = 0; i < 3; i++)
		record(&m, 1, 1, 8, 8);
	whole = (size_t)lseek(m.fd, 0, SEEK_END);
	for (size_t size = whole; size > 0; size--) {
		struct fail f = { 0 };
		int r;

		assert_int_equal(ftruncate(m.fd, (off_t)size), 0);
		r = read_all(&m, &p, &count, &f);
		if (size >= 24 && (size - 24) % 24 == 0)
			assert_int_equal(r, 0);
		else
			assert_int_equal(r, size < 4 ? -EBADMSG : -ENODATA);
		assert_int_equal(count, size < 24 ? 0 : (size - 24) / 24);
	}
	close(m.fd);
}

static void a_packet_of_the_largest_size_passes_and_no_larger_one(void **state)
{
	static const char bytes[PACKET_MAX];

	(void)state;
	for (uint32_t more = 0; more < 2; more++) {
		struct packet_maker m;
		struct packet p = { 0 };
		struct fail f = { 0 };
		size_t count;
		int r;

		file_open(&m);
		file_header(&m, MAGIC, 4);
		record(&m, 1, 1, 8, 8);
		file32(&m, 2);
		file32(&m, 0);
		file32(&m, PACKET_MAX + more);
		file32(&m, UINT32_MAX);
		file_add(&m, bytes, PACKET_MAX);
		r = read_all(&m, &p, &count, &f);
		assert_int_equal(r, more ? -EBADMSG : 0);
		assert_int_equal(count, more ? 1 : 2);
		if (more)
			assert_non_null(strstr(f.text, "at byte 48"));
		close(m.fd);
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
		struct packet_maker m;
		struct packet p;
		struct fail f = { 0 };
		size_t count;

		file_open(&m);
		file_add(&m, cases[i].bytes, cases[i].size);
		assert_int_equal(read_all(&m, &p, &count, &f), -EBADMSG);
		assert_non_null(strstr(f.text, cases[i].says));
		close(m.fd);
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
		struct packet_maker m;
		struct packet p = { 0 };
		struct fail f = { 0 };
		size_t count;

		file_open(&m);
		section(&m, !cases[i].big); /* another one before, of the other order */
		interface(&m, 999, 6, 0);
		section(&m, cases[i].big);
		interface(&m, 998, 0, 0);
		interface(&m, cases[i].link, cases[i].resolution, cases[i].offset);
		file32(&m, 0x0bad); /* an unknown block */
		file32(&m, 16);
		file32(&m, 0);
		file32(&m, 16);
		enhanced(&m, 1, cases[i].ticks);
		assert_int_equal(read_all(&m, &p, &count, &f), 0);
		assert_int_equal(count, 1);
		assert_int_equal(p.link, cases[i].link);
		assert_int_equal(p.ns, cases[i].ns);
		assert_int_equal(p.there, 6);
		assert_int_equal(p.size, 1514);
		close(m.fd);
	}
}

static void simple_and_obsolete_packets_of_pcapng(void **state)
{
	struct packet_maker m;
	struct packet p = { 0 };
	struct fail f = { 0 };
	size_t count;

	(void)state;
	file_open(&m);
	section(&m, false);
	interface(&m, 101, 0, 0);
	file32(&m, 2); /* the obsolete block: its interface has 16 bits, the rest counts drops */
	file32(&m, 36);
	file16(&m, 0);
	file16(&m, 77);
	file32(&m, 0);
	file32(&m, 9);
	file32(&m, 3);
	file32(&m, 4);
	file_add(&m, "abc\0", 4);
	file32(&m, 36);
	file32(&m, 3);
	file32(&m, 24);
	file32(&m, 1500); /* a simple one has what its block has */
	file_add(&m, "abcdefgh", 8);
	file32(&m, 24);
	assert_int_equal(read_all(&m, &p, &count, &f), 0);
	assert_int_equal(count, 2);
	assert_int_equal(p.there, 8);
	assert_int_equal(p.size, 1500);
	assert_int_equal(p.ns, 9000); /* it has no time of its own */
	close(m.fd);
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
		struct packet_maker m;
		struct packet p = { 0 };
		struct fail f = { 0 };
		size_t count;

		file_open(&m);
		section(&m, false);
		interface(&m, 1, 0, 0);
		enhanced(&m, 0, 1);
		for (size_t k = 0; k < 6; k++)
			file32(&m, blocks[i][k]);
		assert_int_equal(read_all(&m, &p, &count, &f), -EBADMSG);
		assert_int_equal(count, 1);
		close(m.fd);
	}
}

static void a_packet_of_no_interface_ends_it(void **state)
{
	struct packet_maker m;
	struct packet p = { 0 };
	struct fail f = { 0 };
	size_t count;

	(void)state;
	file_open(&m);
	section(&m, false);
	interface(&m, 1, 0, 0);
	section(&m, false); /* a section's interfaces are its own */
	enhanced(&m, 0, 1);
	assert_int_equal(read_all(&m, &p, &count, &f), -EBADMSG);
	assert_int_equal(count, 0);
	close(m.fd);
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
