/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder: the store's only writer.
 *
 *   main.c       start, loop, end
 *   control.c    what the supervisor and the keepers say
 *   drain.c      the kernel's rings: from records to frames
 *   publish.c    the index: what, when, and when it cannot
 *   heal.c       what a crash left
 *   recording.c  one run; open.c its beginning, findings.c its findings
 *   entered.c    calls that only the kernel tells of
 *   notify.c     calling a person
 *   confine.c    what it gives up */
#ifndef WEIR_RECORDER_RECORDER_H
#define WEIR_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/notify.h"
#include "recorder/recording.h"
#include "sensor/ring.h"
#include "store/index.h"

#define RECORDINGS_MAX 4096
#define BATCH_PER_RING 8192
#define HELD_BYTES_MAX (4u * 1024 * 1024) /* events of runs that were not announced yet */

struct drained {
	uint64_t mono_ns;
	const struct event_header *h;
	size_t size;
};

struct recorder {
	struct channel supervisor;
	struct notifier notifier;
	char *path;
	int lock; /* of the whole store, for a recorder's life */
	struct layout layout;
	bool ready; /* layout is open and we are confined to it */

	struct index *index;	/* NULL: closed while idle, or cannot be opened */
	struct fail index_fail; /* why it cannot; code 0: nothing is wrong */
	int told_code;		/* what RECORDER_STATE said last */
	uint64_t publish_ns;	/* monotonic: when to write the index again */
	uint64_t index_retry_ns, idle_ns, tick_ns, heal_ns;

	size_t ring_count;
	struct ring *rings[MESSAGE_FDS_MAX];
	size_t ring_max[MESSAGE_FDS_MAX]; /* records of it in one batch */
	const struct ring *handovers;	  /* the last of them, where it is there */
	size_t batch_count, batch_room;
	struct drained *batch;
	struct buf held;
	uint64_t held_since_ns;
	uint64_t unattributed; /* events of no run that we know, not yet in the index */

	size_t count;
	struct recording *recordings[RECORDINGS_MAX];
};

/* control.c */
int control_supervisor(struct recorder *r); /* one message; 1, 0: it hung up, -EAGAIN */
int control_keeper(struct recorder *r, struct recording *run);
void control_state(struct recorder *r, int code, const char *text);
struct recording *recorder_find(struct recorder *r, const char *id);

/* drain.c */
void drain_rings(struct recorder *r, const struct message_rings *rings, int *fds);
/* Everything that the rings hold now. Returns how many records. */
size_t drain(struct recorder *r);
void drain_held(struct recorder *r, struct recording *run);
void drain_forget_held(struct recorder *r); /* nobody came for them: they are counted */
void drain_close(struct recorder *r);

/* publish.c */
bool publish_open(struct recorder *r); /* opens the index where it is not */
/* A run is about to begin: the index is opened while its sandbox is made, not at its end. */
void publish_begin(struct recorder *r);
void publish_warn(struct recorder *r, struct recording *run); /* says why it cannot */
void publish(struct recorder *r, uint64_t now);		      /* what is due */
/* One run at once, because somebody waits for it. */
void publish_run(struct recorder *r, struct recording *run);
void publish_idle(struct recorder *r, uint64_t now);

/* heal.c */
void heal(struct recorder *r); /* runs marked live that nobody claims */
void heal_removed(struct recorder *r);

#endif
