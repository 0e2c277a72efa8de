// SPDX-License-Identifier: Apache-2.0
/* Reads a BPF ring buffer through its memory alone; see ring.h. The kernel writes the producer's
 * page and the data, which are mapped read-only; we write one number, the consumer's position.
 * Trusts the kernel for positions, and still never reads outside the mapping. */
#include "sensor/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

struct ring {
	size_t size, page;
	uint64_t *consumer;	  /* where the next reader begins */
	const uint64_t *producer; /* up to where the kernel has reserved */
	const unsigned char *data;
	uint64_t at;  /* up to where this reader has read */
	uint64_t end; /* where the records ended when it last looked */
};

int ring_open(int fd, size_t size, struct ring **ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ring *r;
	void *map;

	if (size < page || (size & (size - 1)))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->size = size;
	r->page = page;
	map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		goto failed;
	r->consumer = map;
	map = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (map == MAP_FAILED)
		goto failed;
	r->producer = map;
	r->data = (const unsigned char *)map + page;
	r->at = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	*ret = r;
	return 0;
failed:;
	int err = errno;

	ring_close(r);
	return -err;
}

/* The record at r->at: 1 with its bytes, 0 when it is still being written, -EBADMSG when its length
 * cannot be. A discarded record has no bytes. */
static int record_at(const struct ring *r, uint64_t end, const void **ret_data, size_t *ret_size)
{
	const unsigned char *head = r->data + (r->at & (r->size - 1));
	uint32_t word = __atomic_load_n((const uint32_t *)head, __ATOMIC_ACQUIRE);
	size_t size = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

	if (word & BPF_RINGBUF_BUSY_BIT)
		return 0;
	if (size + BPF_RINGBUF_HDR_SZ > end - r->at)
		return -EBADMSG;
	*ret_data = word & BPF_RINGBUF_DISCARD_BIT ? NULL : head + BPF_RINGBUF_HDR_SZ;
	*ret_size = size;
	return 1;
}

int ring_read(struct ring *r, size_t max,
	      int (*on_event)(void *context, const void *data, size_t size), void *context)
{
	size_t count = 0;

	r->end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	while (count < max && r->at < r->end) {
		const void *data;
		size_t size;
		int n = record_at(r, r->end, &data, &size);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		if (data) {
			int err = on_event(context, data, size);

			if (err < 0)
				return err;
			count++;
		}
		r->at += (BPF_RINGBUF_HDR_SZ + size + 7) & ~(uint64_t)7;
	}
	return (int)count;
}

bool ring_is_behind(const struct ring *r)
{
	return r->at < r->end;
}

void ring_release(struct ring *r)
{
	__atomic_store_n(r->consumer, r->at, __ATOMIC_RELEASE);
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	if (r->consumer)
		munmap(r->consumer, r->page);
	if (r->producer)
		munmap((void *)r->producer, r->page + 2 * r->size);
	free(r);
}
