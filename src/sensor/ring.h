/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a BPF ring buffer by its descriptor alone (mmap), without libbpf and without bpf(2), so
 * that the process that reads needs no privilege. Layout: kernel/bpf/ringbuf.c (consumer page,
 * producer page, data mapped twice; record header of 8 bytes with BUSY and DISCARD bits). */
#ifndef WEIR_SENSOR_RING_H
#define WEIR_SENSOR_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring;

/* size: bytes of the data area (a power of two of pages). fd is borrowed. 0 or -errno. */
int ring_open(int fd, size_t size, struct ring **ret);
/* Calls on_event for each committed record up to the first busy one, at most `max`; returns how
 * many, or the first negative value that on_event returned. What was given is consumed only by
 * ring_release(), so a reader that dies in between leaves the records to the next. */
int ring_read(struct ring *r, size_t max,
	      int (*on_event)(void *context, const void *data, size_t size), void *context);
/* Did the last ring_read() stop before a record that another processor was still writing? */
bool ring_is_behind(const struct ring *r);
void ring_release(struct ring *r);
void ring_close(struct ring *r);

#endif
