// SPDX-License-Identifier: Apache-2.0
/* From the kernel's rings to the runs' segments. A batch is read from all rings, put in the order
 * of time, written, and only then released, so a recorder that dies leaves it to the next. The ring
 * of the handovers is read last and whole: an event's label was made before the event, so it stands
 * in the record before it. Trusts the kernel for which run and call an event belongs to. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "recorder/recorder.h"

#define BATCHES_MAX 32 /* a flood must not keep us from the keepers for ever */
#define BEHIND_TRIES 1000

void drain_close(struct recorder *r)
{
	for (size_t i = 0; i < r->ring_count; i++)
		ring_close(r->rings[i]);
	r->ring_count = 0;
	r->handovers = NULL;
}

static bool open_ring(struct recorder *r, int fd, size_t size, size_t max)
{
	if (ring_open(fd, size, &r->rings[r->ring_count]) < 0)
		return false;
	r->ring_max[r->ring_count++] = max;
	return true;
}

void drain_rings(struct recorder *r, const struct message_rings *rings, int *fds)
{
	size_t last = rings->count;

	drain_close(r);
	for (size_t i = 0; i < rings->count; i++)
		if (strcmp(rings->rings[i].name, "ring.handover") == 0)
			last = i;
		else
			open_ring(r, fds[i], rings->rings[i].size, BATCH_PER_RING);
	if (last < rings->count &&
	    open_ring(r, fds[last], rings->rings[last].size,
		      rings->rings[last].size / sizeof(struct event_handover)))
		r->handovers = r->rings[r->ring_count - 1];
	/* The mappings keep the rings; the descriptors may be closed. */
}

static int on_record(void *context, const void *data, size_t size)
{
	struct recorder *r = context;

	if (size < sizeof(struct event_header)) {
		r->unattributed++;
		return 0;
	}
	r->batch[r->batch_count++] = (struct drained){
		.mono_ns = ((const struct event_header *)data)->mono_ns,
		.h = data,
		.size = size,
	};
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct drained *x = a, *y = b;

	if (x->mono_ns == y->mono_ns)
		return (y->h->kind == EVENT_HANDOVER) - (x->h->kind == EVENT_HANDOVER);
	return x->mono_ns < y->mono_ns ? -1 : 1;
}

static void sort(struct drained *batch, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (by_time(&batch[i], &batch[i - 1]) < 0) {
			qsort(batch, count, sizeof(*batch), by_time);
			return;
		}
}

/* The recording that takes events of this run. One whose end is written takes none: its root is
 * known. */
static struct recording *find_key(struct recorder *r, uint64_t key, struct recording *last)
{
	if (last && last->key == key)
		return last;
	for (size_t i = 0; i < r->count; i++)
		if (r->recordings[i]->key == key && r->recordings[i]->phase != RECORDING_WAITING &&
		    !recording_is_over(r->recordings[i]))
			return r->recordings[i];
	return NULL;
}

/* The run's keeper has not spoken yet. */
static void hold(struct recorder *r, const struct drained *d)
{
	static const char zeros[8];

	if (r->held.size == 0)
		r->held_since_ns = clock_mono_ns();
	if (buf_add(&r->held, d->h, d->size) < 0 ||
	    buf_add(&r->held, zeros, frame_padded(d->size) - d->size) < 0) {
		r->held.error = 0;
		r->unattributed++;
	}
}

static void place(struct recorder *r, uint64_t wall_offset)
{
	struct recording *run = NULL;

	for (size_t i = 0; i < r->batch_count; i++) {
		const struct drained *d = &r->batch[i];

		run = find_key(r, d->h->run, run);
		if (!run && d->h->size == d->size)
			hold(r, d);
		else if (!run)
			r->unattributed++;
		else if (!recording_has_seen(run, d->h))
			recording_event(run, 0, d->h, d->size, d->mono_ns + wall_offset);
	}
}

/* Returns whether the ring may hold more. The handovers are read up to where they end now, be
 * another processor still at it. */
static bool read_ring(struct recorder *r, size_t i)
{
	int n = ring_read(r->rings[i], r->ring_max[i], on_record, r);

	for (int tries = 0; r->rings[i] == r->handovers && n >= 0 && tries < BEHIND_TRIES &&
			    ring_is_behind(r->rings[i]);
	     tries++) {
		sched_yield();
		n = ring_read(r->rings[i], r->ring_max[i], on_record, r);
	}
	return n == (int)r->ring_max[i];
}

/* One batch; returns whether a ring may hold more. */
static bool drain_batch(struct recorder *r)
{
	bool more = false;

	r->batch_count = 0;
	for (size_t i = 0; i < r->ring_count; i++)
		more |= read_ring(r, i);
	if (r->batch_count == 0)
		return more;
	sort(r->batch, r->batch_count);
	place(r, clock_wall_ns() - clock_mono_ns());
	for (size_t i = 0; i < r->count; i++)
		if (run_writer_pending(&r->recordings[i]->writer))
			recording_flush(r->recordings[i]);
	for (size_t i = 0; i < r->ring_count; i++)
		ring_release(r->rings[i]);
	return more;
}

size_t drain(struct recorder *r)
{
	size_t total = 0, room = 0;
	bool more = r->ring_count > 0;

	for (size_t i = 0; i < r->ring_count; i++)
		room += r->ring_max[i];

	if (r->batch_room < room) {
		free(r->batch);
		r->batch = malloc(room * sizeof(*r->batch));
		r->batch_room = r->batch ? room : 0;
	}
	for (int i = 0; more && r->batch_room && i < BATCHES_MAX; i++) {
		more = drain_batch(r);
		total += r->batch_count;
	}
	if (!more && r->batch_room)
		for (size_t i = 0; i < r->count; i++)
			recording_forget_seen(r->recordings[i]);
	return total;
}

void drain_forget_held(struct recorder *r)
{
	for (size_t at = 0; at < r->held.size; r->unattributed++)
		at += frame_padded(((const struct event_header *)(r->held.data + at))->size);
	buf_clear(&r->held);
}

void drain_held(struct recorder *r, struct recording *run)
{
	cleanup_buf struct buf held = r->held;
	uint64_t offset = clock_wall_ns() - clock_mono_ns();

	buf_init(&r->held, HELD_BYTES_MAX);
	for (size_t at = 0; at < held.size;) {
		const struct event_header *h = (const struct event_header *)(held.data + at);
		struct drained d = { h->mono_ns, h, h->size };

		if (h->run != run->key)
			hold(r, &d);
		else if (!recording_has_seen(run, h))
			recording_event(run, 0, h, h->size, h->mono_ns + offset);
		at += frame_padded(h->size);
	}
	recording_flush(run);
}
