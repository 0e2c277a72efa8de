// SPDX-License-Identifier: Apache-2.0
/* A capture file of either format: each packet lies within its limits, and the file ends. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/file.h"
#include "capture/link.h"
#include "flow/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct packet *p)
{
	struct ip_packet ip;
	struct octets o;

	assert(p->there <= p->size && p->size <= PACKET_MAX);
	if (link_strip(p, &o) != LINK_IP || ip_read(o, &ip) < 0)
		return;
	assert(ip.payload.there <= ip.payload.size && ip.payload.data >= p->data);
	assert(ip.payload.data + ip.payload.there <= p->data + p->there);
	assert(ip.fragment || ip_pass_extensions(&ip) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct capture_file *c = NULL;
	struct fail f = { .code = 0 };
	struct packet p;
	char path[32];
	size_t count = 0;

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (capture_file_open(path, &c, &f) == 0) {
		while (capture_file_next(c, &p, &f) > 0) {
			look(&p);
			assert(++count <= size / 16); /* no packet takes less */
		}
		assert(capture_file_offset(c) <= size);
	}
	capture_file_close(c);
	close(fd);
	return 0;
}
