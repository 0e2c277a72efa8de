// SPDX-License-Identifier: Apache-2.0
/* A capture from its packets to its findings, with little memory: it is read to its end, and the
 * rows say what events can say. Bytes come as packets of raw IP, so that the file's own rules
 * (fuzz_pcapng) are not in the way: two bytes of length, one of time, the packet. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/event_decode.h"
#include "capture/capture.h"

#define MEMORY (256u << 10)
#define FLOWS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int fd, const void *data, size_t size)
{
	assert(write(fd, data, size) == (ssize_t)size);
}

static int file_of(const uint8_t *data, size_t size)
{
	static const uint32_t header[6] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 101 };
	int fd = memfd_create("capture", MFD_CLOEXEC);
	uint32_t now = 1700000000;

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture_options o = { .memory = MEMORY, .flows = FLOWS };
	const struct capture_flow *flows;
	struct capture *c = NULL;
	struct fail f = { .code = 0 };
	size_t count = 0;
	char path[32];
	int fd = file_of(data, size);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(capture_new(&o, &c) == 0);
	assert(capture_read(c, path, &f) == 0);
	capture_finish(c);
	flows = capture_flows(c, &count);
	assert(count <= FLOWS && count + capture_counts(c)->flows_dropped >= count);
	for (size_t i = 0; i < count; i++)
		look(&flows[i]);
	capture_free(c);
	close(fd);
	return 0;
}
