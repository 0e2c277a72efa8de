// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/store: the segment format, its tree, and what is left of a record after a cut
 * at every byte, a full disk and a changed bit. Roots are compared with the recursive definition of
 * RFC 6962 and with its published test vectors, checksums with RFC 3720. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <sodium.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "bpf/event.h"
#include "store/crc32c.h"
#include "store/cursor.h"
#include "store/root.h"
#include "store/writer.h"

#define RUN "0123456789abcdef"

static char directory[64];

static int open_scratch(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/weir-test-store-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int close_scratch(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static int scratch(void)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void crc32c_agrees_with_rfc3720(void **state)
{
	unsigned char bytes[32] = { 0 };

	(void)state;
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
	assert_int_equal(crc32c(crc32c(0, bytes, 13), bytes + 13, 19), 0x46dd794e);
}

/* MTH() of RFC 6962 section 2.1, as it is written there. */
static void merkle_by_definition(char leaves[][8], size_t n, unsigned char *out)
{
	unsigned char bytes[65];
	size_t k = 1;

	if (n == 0) {
		crypto_hash_sha256(out, NULL, 0);
		return;
	}
	if (n == 1) {
		bytes[0] = 0;
		memcpy(bytes + 1, leaves[0], 8);
		crypto_hash_sha256(out, bytes, 9);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	bytes[0] = 1;
	merkle_by_definition(leaves, k, bytes + 1);
	merkle_by_definition(leaves + k, n - k, bytes + 33);
	crypto_hash_sha256(out, bytes, sizeof(bytes));
}

static void merkle_follows_rfc6962(void **state)
{
	static char leaves[130][8];
	unsigned char root[MERKLE_HASH_SIZE], expected[MERKLE_HASH_SIZE];
	char hex[MERKLE_HEX_SIZE];
	struct merkle m;

	(void)state;
	merkle_init(&m);
	merkle_root(&m, root);
	merkle_hex(root, hex);
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t n = 0; n < 130; n++) {
		merkle_root(&m, root);
		merkle_by_definition(leaves, n, expected);
		assert_memory_equal(root, expected, sizeof(root));
		snprintf(leaves[n], 8, "%zu", n);
		merkle_add(&m, leaves[n], 8);
	}
	/* The first two leaves of the test vectors of RFC 6962's reference tree: "" and 0x00. */
	merkle_init(&m);
	merkle_add(&m, "", 0);
	merkle_add(&m, "", 1);
	merkle_root(&m, root);
	merkle_hex(root, hex);
	assert_string_equal(hex,
			    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
}

struct seen {
	uint64_t written, dropped;
	struct segment_position last;
};

static void on_written(void *context, const struct frame_header *h, struct segment_position at)
{
	struct seen *seen = context;

	if (h->seq)
		seen->written++;
	else
		seen->dropped++;
	if (h->seq)
		seen->last = at;
}

static int on_replayed(void *context, const struct frame_header *h, struct segment_position at)
{
	on_written(context, h, at);
	return 0;
}

static int add(struct run_writer *w, uint8_t kind, uint8_t what, uint64_t wall_ns,
	       const void *payload, size_t size)
{
	return run_writer_add(w, &(struct frame_new){ .kind = kind,
						      .what = what,
						      .wall_ns = wall_ns,
						      .payload = payload,
						      .size = size });
}

/* Frame i: a payload of i bytes of value i. */
static void add_frames(struct run_writer *w, unsigned from, unsigned to)
{
	unsigned char payload[256];

	for (unsigned i = from; i < to; i++) {
		memset(payload, (int)i, sizeof(payload));
		assert_int_equal(add(w, EVENT_FILE, 0, i, payload, i % 200), 0);
	}
}

static unsigned read_back(int runs, struct fail *f, int *ret_end)
{
	cleanup_fd int dir = openat(runs, RUN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct frame_header *h;
	struct cursor *c = NULL;
	unsigned n = 0;

	assert_int_equal(cursor_open(dir, RUN, &c, f), 0);
	while ((*ret_end = cursor_next(c, &h, f)) > 0) {
		assert_int_equal((uintptr_t)h % 8, 0);
		assert_int_equal(h->seq, n + 1);
		assert_int_equal(h->wall_ns, n);
		assert_int_equal(h->size, sizeof(*h) + n % 200);
		for (unsigned i = 0; i < n % 200; i++)
			assert_int_equal(((const unsigned char *)(h + 1))[i], (unsigned char)n);
		n++;
	}
	cursor_close(c);
	return n;
}

static int make(int runs, struct run_writer *ret, struct fail *f)
{
	struct run_writer w;
	int r;

	run_writer_init(&w, RUN);
	r = run_writer_make(&w, runs, f);
	if (r == 0)
		*ret = w;
	return r;
}

static void frames_come_back_as_they_were(void **state)
{
	cleanup_fd int runs = scratch();
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	struct record_root root;
	char hex[MERKLE_HEX_SIZE], again[MERKLE_HEX_SIZE];
	int end;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	assert_int_equal(make(runs, &w, &f), -EEXIST);
	assert_int_equal(read_back(runs, &f, &end), 0);
	add_frames(&w, 0, 300);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	add_frames(&w, 300, 1000);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	assert_int_equal(seen.written, 1000);
	assert_int_equal(read_back(runs, &f, &end), 1000);
	assert_int_equal(end, 0);
	assert_int_equal(run_writer_finish(&w, hex, &f), 0);
	assert_int_equal(record_root_read(w.dir, RUN, &root), 0);
	merkle_hex(root.hash, again);
	assert_string_equal(hex, again);
	assert_int_equal(root.size, 1000);
	assert_int_equal(record_root_read(w.dir, "0123456789abcdeg", &root), -EBADMSG);
	run_writer_close(&w);
}

static void cursor_goes_to_a_place(void **state)
{
	cleanup_fd int runs = scratch();
	cleanup_free struct frame_header *one = NULL;
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	const struct frame_header *h;
	struct cursor *c;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	add_frames(&w, 0, 100);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	assert_int_equal(cursor_open(w.dir, RUN, &c, &f), 0);
	assert_int_equal(cursor_seek(c, seen.last, 100, &f), 0);
	assert_int_equal(cursor_next(c, &h, &f), 1);
	assert_int_equal(h->seq, 100);
	assert_int_equal(cursor_next(c, &h, &f), 0);
	cursor_close(c);
	assert_int_equal(frame_read_at(w.dir, RUN, seen.last, &one, &f), 0);
	assert_int_equal(one->seq, 100);
	seen.last.offset += 8;
	free(take_ptr(one));
	assert_int_equal(frame_read_at(w.dir, RUN, seen.last, &one, &f), -EBADMSG);
	run_writer_close(&w);
}

static void segment_file(char *path, size_t size, unsigned number)
{
	snprintf(path, size, "%s/%s/%06u.seg", directory, RUN, number);
}

/* A crash leaves any prefix of what was being written. From each, the record opens with every frame
 * that was whole, goes on, and its root is that of a record never cut. */
static void a_cut_at_every_byte_is_survived(void **state)
{
	cleanup_fd int runs = scratch();
	struct run_writer w;
	struct fail f = { 0 };
	char path[128], whole[MERKLE_HEX_SIZE], hex[MERKLE_HEX_SIZE];
	cleanup_buf struct buf bytes = { 0 };
	struct seen seen;
	int end;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	add_frames(&w, 0, 12);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	assert_int_equal(run_writer_finish(&w, whole, &f), 0);
	run_writer_close(&w);
	segment_file(path, sizeof(path), 1);
	buf_init(&bytes, 1 << 20);
	assert_int_equal(file_read_path(AT_FDCWD, path, &bytes), 0);
	for (size_t cut = 0; cut <= bytes.size; cut++) {
		cleanup_fd int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

		assert_int_equal(file_write_all(fd, bytes.data, cut), 0);
		memset(&seen, 0, sizeof(seen));
		assert_int_equal(run_writer_resume(runs, RUN, on_replayed, &seen, &w, &f), 0);
		assert_int_equal(w.next_seq, seen.written + 1);
		add_frames(&w, (unsigned)seen.written, 12);
		assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
		assert_int_equal(run_writer_finish(&w, hex, &f), 0);
		assert_string_equal(hex, whole);
		assert_int_equal(w.bytes, bytes.size);
		run_writer_close(&w);
		assert_int_equal(read_back(runs, &f, &end), 12);
		assert_int_equal(end, 0);
	}
}

static void zeros_after_a_power_cut_are_an_end(void **state)
{
	cleanup_fd int runs = scratch();
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	char path[128];
	int end;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	add_frames(&w, 0, 5);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	segment_file(path, sizeof(path), 1);
	assert_int_equal(truncate(path, (off_t)w.offset + 9000), 0);
	run_writer_close(&w);
	assert_int_equal(read_back(runs, &f, &end), 5);
	assert_int_equal(end, 0);
	assert_int_equal(run_writer_resume(runs, RUN, on_replayed, &seen, &w, &f), 0);
	add_frames(&w, 5, 10);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	run_writer_close(&w);
	assert_int_equal(read_back(runs, &f, &end), 10);
	assert_int_equal(end, 0);
}

static void a_changed_bit_is_found_wherever_it_is(void **state)
{
	cleanup_fd int runs = scratch();
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	char path[128];
	cleanup_buf struct buf bytes = { 0 };
	int end;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	add_frames(&w, 0, 8);
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	run_writer_close(&w);
	segment_file(path, sizeof(path), 1);
	buf_init(&bytes, 1 << 20);
	assert_int_equal(file_read_path(AT_FDCWD, path, &bytes), 0);
	for (size_t i = 0; i < bytes.size; i++) {
		cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
		char changed = (char)(bytes.data[i] ^ 0x10);
		unsigned n;

		assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
		n = read_back(runs, &f, &end);
		/* A larger size in the last frame reads as a frame that is not finished. */
		assert_true(end == -EBADMSG || (end == 0 && n < 8));
		assert_int_equal(pwrite(fd, bytes.data + i, 1, (off_t)i), 1);
	}
	assert_int_equal(read_back(runs, &f, &end), 8);
}

static void segments_follow_each_other(void **state)
{
	static char big[FRAME_SIZE_MAX - sizeof(struct frame_header)];
	cleanup_fd int runs = scratch();
	const struct frame_header *h;
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	struct cursor *c;
	char hex[MERKLE_HEX_SIZE], again[MERKLE_HEX_SIZE], path[128];
	struct stat st;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	assert_int_equal(add(&w, EVENT_CALL, 1, 0, big, sizeof(big)), -EMSGSIZE);
	for (unsigned i = 0; i < 40; i++) {
		big[0] = (char)i;
		assert_int_equal(add(&w, EVENT_CALL, 0, 0, big, sizeof(big)), 0);
		if (i % 7 == 6)
			assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	}
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	assert_int_equal(run_writer_finish(&w, hex, &f), 0);
	assert_int_equal(w.number, 3);
	segment_file(path, sizeof(path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= SEGMENT_SIZE_MAX);
	assert_int_equal(cursor_open(w.dir, RUN, &c, &f), 0);
	for (int i = 0; i < 31; i++)
		assert_int_equal(cursor_next(c, &h, &f), 1);
	assert_int_equal(((const char *)(h + 1))[0], 30);
	cursor_close(c);
	run_writer_close(&w);
	assert_int_equal(run_writer_resume(runs, RUN, on_replayed, &seen, &w, &f), 0);
	assert_int_equal(run_writer_finish(&w, again, &f), 0);
	assert_string_equal(hex, again);
	run_writer_close(&w);
}

static void a_full_disk_keeps_whole_frames_and_counts_the_rest(void **state)
{
	char mounted[128];
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	uint64_t kept;
	int end;

	(void)state;
	snprintf(mounted, sizeof(mounted), "%s/full", directory);
	assert_int_equal(mkdir(mounted, 0700), 0);
	if (mount("none", mounted, "tmpfs", 0, "size=64k") < 0) {
		print_message("# skip: no tmpfs can be mounted here: %s\n", strerror(errno));
		skip();
	}
	{
		cleanup_fd int runs = open(mounted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(make(runs, &w, &f), 0);
		add_frames(&w, 0, 2000);
		assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), -ENOSPC);
		assert_non_null(strstr(f.text, "No space left"));
		assert_true(seen.written > 100 && seen.dropped > 100);
		assert_int_equal(seen.written + seen.dropped, 2000);
		kept = seen.written;
		assert_int_equal(read_back(runs, &f, &end), kept);
		assert_int_equal(end, 0);
		/* Space returns: the next number follows the last one that was kept. */
		assert_int_equal(mount("none", mounted, "tmpfs", MS_REMOUNT, "size=1m"), 0);
		add_frames(&w, (unsigned)kept, 2000);
		assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
		assert_int_equal(read_back(runs, &f, &end), 2000);
		assert_int_equal(end, 0);
		run_writer_close(&w);
	}
	assert_int_equal(umount(mounted), 0);
}

static void a_million_frames_in_time(void **state)
{
	cleanup_fd int runs = scratch();
	struct run_writer w;
	struct fail f = { 0 };
	struct seen seen = { 0 };
	char payload[180] = "";
	uint64_t started = clock_mono_ns(), took;

	(void)state;
	assert_int_equal(make(runs, &w, &f), 0);
	for (unsigned i = 0; i < 1000000; i++) {
		memcpy(payload, &i, sizeof(i));
		assert_int_equal(add(&w, EVENT_FILE, 0, i, payload, sizeof(payload)), 0);
		if (i % 4096 == 4095)
			assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	}
	assert_int_equal(run_writer_flush(&w, on_written, &seen, &f), 0);
	took = clock_mono_ns() - started;
	print_message("# 1e6 frames of 180 bytes: %.0f ms, %.0f k/s, %.1f bytes a frame\n",
		      (double)took / 1e6, 1e12 / (double)took, (double)w.bytes / 1e6);
	assert_int_equal(seen.written, 1000000);
	run_writer_close(&w);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, open_scratch, close_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_agrees_with_rfc3720),
		cmocka_unit_test(merkle_follows_rfc6962),
		store_test(frames_come_back_as_they_were),
		store_test(cursor_goes_to_a_place),
		store_test(a_cut_at_every_byte_is_survived),
		store_test(zeros_after_a_power_cut_are_an_end),
		store_test(a_changed_bit_is_found_wherever_it_is),
		store_test(segments_follow_each_other),
		store_test(a_full_disk_keeps_whole_frames_and_counts_the_rest),
		store_test(a_million_frames_in_time),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
