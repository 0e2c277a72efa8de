// SPDX-License-Identifier: Apache-2.0
/* The parts of sensing that need no kernel: decoding, the JSON form, the table of processes, the
 * ring reader on a made-up ring, and how patterns become rules. Expected bytes are written by hand
 * from event.h, the design page's JSON names and the kernel's ring layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/event_json.h"
#include "bpf/shared.h"
#include "sensor/ring.h"
#include "sensor/rules.h"

/* An exec event with its four strings. */
struct exec_bytes {
	struct event_exec e;
	char text[64];
};

static size_t exec_make(struct exec_bytes *x, uint32_t pid, uint64_t start_ns, const char *exe)
{
	size_t n = strlen(exe);

	*x = (struct exec_bytes){ .e = { .h = { .kind = EVENT_EXEC,
						.call = 17,
						.mono_ns = 5,
						.start_ns = start_ns,
						.parent_start_ns = 44,
						.pid = pid,
						.tid = pid,
						.ppid = 9,
						.pid_inside = 2,
						.uid = 1000 },
					 .inode = 7,
					 .device = 8,
					 .mode = 0100755,
					 .exec_flags = EXEC_SCRIPT,
					 .writer = EVENT_NO_CALL,
					 .comm = "x" } };
	x->e.exe_size = (uint16_t)n;
	x->e.filename_size = 4;
	x->e.cwd_size = 5;
	x->e.argv_size = 5;
	memcpy(x->text, exe, n);
	memcpy(x->text + n, "./x\"/work", 9);
	memcpy(x->text + n + 9, "x\0-\xff", 5);
	x->e.h.size = (uint16_t)(sizeof(x->e) + n + 14);
	return x->e.h.size;
}

static void decodes_what_is_well_formed(void **state)
{
	struct exec_bytes x;
	struct event_view e;
	size_t size = exec_make(&x, 10, 55, "/bin/sh");

	assert_int_equal(event_decode(&x, size, &e), 0);
	assert_int_equal(e.h->call, 17);
	assert_memory_equal(e.text[0].data, "/bin/sh", 7);
	assert_int_equal(e.text[1].size, 4);
	assert_memory_equal(e.text[2].data, "/work", 5);
	assert_int_equal(e.text[3].size, 5);
}

static void refuses_what_is_not(void **state)
{
	struct exec_bytes x;
	struct event_view e;
	size_t size = exec_make(&x, 10, 55, "/bin/sh");

	assert_int_equal(event_decode(&x, size - 1, &e), -EBADMSG); /* not its size */
	assert_int_equal(event_decode(&x, 10, &e), -EBADMSG);
	x.e.argv_size++; /* past the end */
	assert_int_equal(event_decode(&x, size, &e), -EBADMSG);
	x.e.argv_size -= 2; /* bytes that belong to nothing */
	assert_int_equal(event_decode(&x, size, &e), -EBADMSG);
	x.e.argv_size++;
	x.e.h.kind = EVENT_RUN; /* a frame of the record */
	assert_int_equal(event_decode(&x, size, &e), -EBADMSG);
	x.e.h.kind = 200;
	assert_int_equal(event_decode(&x, size, &e), -EBADMSG);
	x.e.h.kind = EVENT_EXEC;
	assert_int_equal(event_decode((char *)&x + 1, size, &e), -EBADMSG); /* not aligned */
	assert_int_equal(event_decode(&x, size, &e), 0);
}

static void writes_json(void **state)
{
	struct event_context context = { .run_id = "run", .wall_ns = 1, .exe = "/bin/sh" };
	cleanup_buf struct buf out = { 0 };
	struct exec_bytes x;
	struct event_view e;
	struct json json;

	buf_init(&out, 4096);
	json_init(&json, &out);
	assert_int_equal(event_decode(&x, exec_make(&x, 10, 55, "/bin/sh"), &e), 0);
	e.seq = 3;
	event_json(&json, &e, &context);
	assert_string_equal(
		buf_text(&out),
		"{\"id\":\"run:3\",\"ts\":\"1970-01-01T00:00:00.000000001Z\",\"mono_ns\":5,"
		"\"run\":\"run\",\"call\":17,\"basis\":\"exact\",\"kind\":\"exec\",\"pid\":10,"
		"\"ppid\":9,\"pid_inside\":2,\"proc\":\"10.55\",\"parent_proc\":\"9.44\","
		"\"uid\":1000,\"exe\":\"/bin/sh\",\"argv\":[\"x\",\"-\\u00ff\"],\"cwd\":\"/work\","
		"\"filename\":\"./"
		"x\\\"\",\"streams\":{},\"inode\":7,\"device\":8,\"mode\":33261,\"comm\":\"x\","
		"\"writer\":null,\"flags\":[\"script\"]}");
}

/* A ring as the kernel lays it out, in a file that is ours to write. */
struct made_ring {
	int fd;
	size_t page, size;
	unsigned char *map;
	uint64_t *consumer, *producer;
};

static void ring_make(struct made_ring *m)
{
	m->page = (size_t)sysconf(_SC_PAGESIZE);
	m->size = m->page;
	m->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(m->fd >= 0 && ftruncate(m->fd, (off_t)(2 * m->page + 2 * m->size)) == 0);
	m->map =
		mmap(NULL, 2 * m->page + 2 * m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	assert_ptr_not_equal(m->map, MAP_FAILED);
	m->consumer = (uint64_t *)m->map;
	m->producer = (uint64_t *)(m->map + m->page);
}

/* Both copies of the data, as the kernel maps the same pages twice. */
static void ring_put(struct made_ring *m, uint32_t bits, const char *text)
{
	uint32_t head[2] = { (uint32_t)strlen(text) | bits, 0 };
	char record[64] = { 0 };
	size_t total = (8 + strlen(text) + 7) & ~(size_t)7;

	memcpy(record, head, 8);
	memcpy(record + 8, text, strlen(text));
	for (size_t i = 0; i < total; i++) {
		size_t at = (*m->producer + i) % m->size;

		m->map[2 * m->page + at] = (unsigned char)record[i];
		m->map[2 * m->page + m->size + at] = (unsigned char)record[i];
	}
	*m->producer += total;
}

struct seen {
	size_t count;
	char text[64];
};

static int remember(void *context, const void *data, size_t size)
{
	struct seen *s = context;

	s->count++;
	snprintf(s->text, sizeof(s->text), "%.*s", (int)size, (const char *)data);
	return strcmp(s->text, "stop") == 0 ? -ECANCELED : 0;
}

static void reads_a_ring(void **state)
{
	struct made_ring m;
	struct ring *r;
	struct seen s = { 0 };

	ring_make(&m);
	assert_int_equal(ring_open(m.fd, m.size + 1, &r), -EINVAL);
	assert_int_equal(ring_open(m.fd, m.size, &r), 0);
	assert_int_equal(ring_read(r, 10, remember, &s), 0);
	ring_put(&m, 0, "one");
	ring_put(&m, BPF_RINGBUF_DISCARD_BIT, "not sent");
	ring_put(&m, 0, "two words");
	ring_put(&m, BPF_RINGBUF_BUSY_BIT, "later");
	assert_int_equal(ring_read(r, 10, remember, &s), 2);
	assert_string_equal(s.text, "two words");
	assert_int_equal(*m.consumer, 0); /* read, not released: another reader gets it again */
	ring_release(r);
	assert_int_equal(*m.consumer, 16 + 16 + 24);
	ring_close(r);
	munmap(m.map, 2 * m.page + 2 * m.size);
	close(m.fd);
}

static void reads_around_the_end(void **state)
{
	struct made_ring m;
	struct ring *r;
	struct seen s = { 0 };

	ring_make(&m);
	assert_int_equal(ring_open(m.fd, m.size, &r), 0);
	for (int i = 0; i < 5000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "n%d", i);
		ring_put(&m, 0, text);
		assert_int_equal(ring_read(r, 10, remember, &s), 1);
		assert_string_equal(s.text, text);
		ring_release(r);
	}
	ring_put(&m, 0, "stop");
	assert_int_equal(ring_read(r, 10, remember, &s), -ECANCELED);
	assert_int_equal(ring_read(r, 10, remember, &s), -ECANCELED); /* not given up */
	*m.producer += 8;
	m.map[2 * m.page + *m.consumer % m.size + 1] = 0xff; /* a length beyond the end */
	assert_int_equal(ring_read(r, 10, remember, &s), -EBADMSG);
	ring_close(r);
	munmap(m.map, 2 * m.page + 2 * m.size);
	close(m.fd);
}

static uint64_t fnv(enum rule_kind kind, const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull;

	h = (h ^ kind) * 0x100000001b3ull;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
	return h;
}

static void reduces_patterns(void **state)
{
	static const struct {
		const char *pattern;
		enum rule_kind kind;
		const char *text;
	} rows[] = {
		{ ".env", RULE_NAME, ".env" },
		{ "/etc/shadow", RULE_NAME, "shadow" },
		{ "*.pem", RULE_EXTENSION, ".pem" },
		{ "*/.aws/sso/cache/*", RULE_PARENT, "cache" },
		{ "/etc/ssh/ssh_host_*_key", RULE_PREFIX, "ssh" },
		{ "/proc/*/environ", RULE_NAME, "environ" },
		{ "*secret*", RULE_ANY, "" },
		{ "/a*/*", RULE_ANY, "" },
		{ "x*.key", RULE_EXTENSION, ".key" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_int_equal(rule_of_pattern(rows[i].pattern), fnv(rows[i].kind, rows[i].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_is_well_formed),
		cmocka_unit_test(refuses_what_is_not),
		cmocka_unit_test(writes_json),
		cmocka_unit_test(reads_a_ring),
		cmocka_unit_test(reads_around_the_end),
		cmocka_unit_test(reduces_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
