// SPDX-License-Identifier: Apache-2.0
/* A capture from its packets to its findings, with little memory: it is read to its end, and the
 * rows say what events can say. Bytes come as packets of raw IP, so that the file's own rules
 * (fuzz_pcapng) are not in the way: two bytes of length, one of time, the packet.
 *
 * A capture's tables, and the detectors', are 24 MB, which take longer to make than an input to
 * read: so one capture reads TOGETHER inputs as its files, an hour apart. What ends it may have
 * begun in an earlier one: then all of them are what finds it again. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/event_decode.h"
#include "capture/capture.h"

#define MEMORY (256u << 10)
#define FLOWS 64
#define TOGETHER 128
#define HOUR 3600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int fd, const void *data, size_t size)
{
	assert(write(fd, data, size) == (ssize_t)size);
}

static int file_of(const uint8_t *data, size_t size, uint32_t now)
{
	static const uint32_t header[6] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 101 };
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert(fd >= 0);
	put(fd, header, sizeof(header));
	while (size >= 3) {
		uint32_t there = (uint32_t)(data[0] << 8 | data[1]);

		now += data[2];
		data += 3;
		size -= 3;
		if (there > size)
			there = (uint32_t)size;
		put(fd, (const uint32_t[4]){ now, 0, there, there }, 16);
		put(fd, data, there);
		data += there;
		size -= there;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void look(const struct capture_flow *f)
{
	assert(f->last.state < FLOW_STATE_COUNT && f->last.protocol < PROTOCOL_COUNT);
	assert(f->last.h.mono_ns >= f->last.started_mono_ns);
	assert(!f->name || strlen(f->name) == f->last.name_size);
	assert(!f->detail || strlen(f->detail) == f->last.detail_size);
}

static struct capture *begin(void)
{
	struct capture_options o = { .memory = MEMORY, .flows = FLOWS };
	struct capture *c = NULL;

	assert(capture_new(&o, &c) == 0);
	return c;
}

static struct capture *together;

static void end(void)
{
	struct capture *c = together;
	const struct capture_flow *flows;
	size_t count = 0;

	together = NULL;
	if (!c)
		return;
	capture_finish(c);
	flows = capture_flows(c, &count);
	assert(count <= FLOWS && count + capture_counts(c)->flows_dropped >= count);
	for (size_t i = 0; i < count; i++)
		look(&flows[i]);
	capture_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned inputs;
	struct fail f = { .code = 0 };
	char path[32];
	int fd = file_of(data, size, 1700000000 + inputs % TOGETHER * HOUR);

	if (!inputs)
		atexit(end);
	if (!together)
		together = begin();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(capture_read(together, path, &f) == 0);
	close(fd);
	if (++inputs % TOGETHER == 0)
		end();
	return 0;
}
