// SPDX-License-Identifier: Apache-2.0
/* What the supervisor and the keepers say. channel.c has held every message against the table of
 * messages; contents are decoded here or in recording.c before they are believed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "recorder/confine.h"
#include "recorder/recorder.h"

#define LOCK_WAIT_MS 5000 /* the recorder before us is on its way out */
#define HEAL_AFTER_NS (2 * NSEC_PER_SEC)

void control_state(struct recorder *r, int code, const char *text)
{
	struct message_text t = { .code = code };
	cleanup_buf struct buf b = { 0 };

	if (code == r->told_code)
		return;
	r->told_code = code;
	snprintf(t.text, sizeof(t.text), "%s", text);
	buf_init(&b, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &b);
	channel_send(&r->supervisor, MESSAGE_RECORDER_STATE, 0, buf_text(&b), b.size, NULL, 0,
		     MSG_DONTWAIT);
}

struct recording *recorder_find(struct recorder *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->recordings[i]->id, id) == 0)
			return r->recordings[i];
	return NULL;
}

static int lock_store(struct recorder *r, struct fail *f)
{
	int waited;

	r->lock = openat(r->layout.store, "recorder.lock",
			 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->lock < 0)
		return fail(f, errno, "cannot write to the store %s", r->path);
	for (waited = 0; waited < LOCK_WAIT_MS; waited += 10) {
		if (flock(r->lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		usleep(10000);
	}
	return fail_text(f, EBUSY, "another recorder writes the store %s", r->path);
}

static int open_store(struct recorder *r, struct fail *f)
{
	int e = layout_open(r->path, true, &r->layout, f);

	if (e >= 0)
		e = lock_store(r, f);
	if (e >= 0)
		e = confine_to_store(r->layout.store, f);
	if (e < 0)
		return e;
	r->ready = true;
	r->told_code = -1; /* say something in any case */
	r->heal_ns = clock_mono_ns() + HEAL_AFTER_NS;
	publish_open(r);
	return 0;
}

/* -EBUSY: another recorder does not go; the supervisor will start the next one of us. */
static int take_open(struct recorder *r, const struct message *m)
{
	struct fail f = { 0 };

	if (r->path)
		return 1;
	r->path = strndup(m->data, m->size);
	if (!r->path)
		fail(&f, ENOMEM, "open the store");
	else
		open_store(r, &f);
	if (f.code)
		control_state(r, f.code, f.text);
	return f.code == EBUSY ? -EBUSY : 1;
}

static void take_rings(struct recorder *r, const struct message *m)
{
	struct message_rings rings;
	struct wire w;
	int fds[MESSAGE_FDS_MAX];

	wire_init(&w, m->data, m->size);
	if (message_rings_decode(&w, &rings) < 0 || rings.count != m->fd_count)
		return;
	memcpy(fds, m->fds, sizeof(fds));
	drain(r); /* what the former rings still hold */
	drain_rings(r, &rings, fds);
}

static void take_run(struct recorder *r, struct message *m)
{
	char id[RUN_ID_SIZE];
	struct recording *run;

	snprintf(id, sizeof(id), "%.*s", (int)m->size, m->data);
	if (!run_id_valid(id))
		return;
	run = recorder_find(r, id);
	if (run) {
		/* Known: the same keeper by a new way. It begins with REC_RUN_OPEN again. */
		cleanup_fd_(&run->keeper.fd);
		run->keeper.fd = take_fd(&m->fds[0]);
		if (run->phase == RECORDING_ORPHAN)
			run->phase = RECORDING_LIVE;
		return;
	}
	if (r->count == RECORDINGS_MAX ||
	    recording_new(id, m->fds[0], &r->layout, &r->notifier, &run) < 0)
		return;
	m->fds[0] = -1;
	r->recordings[r->count++] = run;
	publish_begin(r);
}

int control_supervisor(struct recorder *r)
{
	cleanup_message struct message m = { .fd_count = 0 };
	int e = channel_receive(&r->supervisor, &m, MSG_DONTWAIT);

	if (e != 1)
		return e;
	switch (m.type) {
	case MESSAGE_RECORDER_OPEN:
		return take_open(r, &m);
	case MESSAGE_RECORDER_RINGS:
		take_rings(r, &m);
		break;
	case MESSAGE_RECORDER_RUN:
		take_run(r, &m);
		break;
	default:
		break;
	}
	return 1;
}

static void take_run_open(struct recorder *r, struct recording *run, const struct message *m)
{
	struct fail f = { 0 };

	if (run->phase != RECORDING_WAITING) { /* goes on: what do we have? */
		recording_tell(run, MESSAGE_REC_ACK, run->tally.last_message, NULL, 0);
		return;
	}
	if (recording_open(run, m->data, m->size, &f) < 0) {
		log_error("%s", f.text);
		recording_tell_text(run, MESSAGE_REC_TROUBLE, 0, f.code, f.text);
		return;
	}
	if (run->received)
		recording_tell(run, MESSAGE_REC_ACK, run->received, NULL, 0);
	publish_warn(r, run);
	drain_held(r, run);
}

static void take_gap(struct recording *run, const struct message *m)
{
	struct message_gap lost;
	struct gap gap = { .reason = GAP_BACKLOG, .from_ns = clock_wall_ns() };
	cleanup_buf struct buf b = { 0 };
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (message_gap_decode(&w, &lost) < 0)
		return;
	gap.to_ns = gap.from_ns;
	gap.unknown = lost.last - lost.first + 1;
	snprintf(gap.text, sizeof(gap.text), "messages %llu to %llu, %llu bytes",
		 (unsigned long long)lost.first, (unsigned long long)lost.last,
		 (unsigned long long)lost.bytes);
	buf_init(&b, 4096);
	gap_encode(&gap, &b);
	recording_message(run, FRAME_GAP, m->seq, buf_text(&b), b.size);
}

static void take_close(struct recorder *r, struct recording *run, const struct message *m)
{
	struct run_close close;
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (run_close_decode(&w, &close) < 0)
		return;
	recording_close(run, &close, 0, m->seq);
	publish_run(r, run);
	recording_answer(run);
}

/* An event may have waited in the keeper: its own clock says when it was. */
static uint64_t when(const void *data, size_t size)
{
	uint64_t wall = clock_wall_ns(), mono = clock_mono_ns();
	struct event_header h;

	if (size < sizeof(h))
		return wall;
	memcpy(&h, data, sizeof(h));
	return h.mono_ns && h.mono_ns <= mono ? wall - (mono - h.mono_ns) : wall;
}

static void take_frame(struct recorder *r, struct recording *run, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_REC_CALL_ANNOUNCE:
		recording_message(run, FRAME_CALL_ANNOUNCE, m->seq, m->data, m->size);
		return;
	case MESSAGE_REC_EVENT:
		recording_event(run, m->seq, m->data, m->size, when(m->data, m->size));
		return;
	case MESSAGE_REC_GAP:
		take_gap(run, m);
		return;
	default:
		break;
	}
	/* These say that something is over: what the kernel saw of it comes first. */
	drain(r);
	switch (m->type) {
	case MESSAGE_REC_CALL_EXIT:
		recording_message(run, FRAME_CALL_EXIT, m->seq, m->data, m->size);
		break;
	case MESSAGE_REC_CALL_OBSERVATION:
		recording_message(run, FRAME_CALL_OBSERVATION, m->seq, m->data, m->size);
		break;
	case MESSAGE_REC_CALL_GONE:
		recording_message(run, FRAME_CALL_GONE, m->seq, m->data, m->size);
		break;
	case MESSAGE_REC_RUN_CLOSE:
		take_close(r, run, m);
		break;
	default:
		break;
	}
}

/* A run that cannot be opened ends with an empty answer, so that nobody waits for it. */
static void refuse(struct recording *run, const struct message *m)
{
	if (m->type == MESSAGE_REC_RUN_CLOSE)
		recording_answer(run);
}

int control_keeper(struct recorder *r, struct recording *run)
{
	cleanup_message struct message m = { .fd_count = 0 };
	int e = channel_receive(&run->keeper, &m, MSG_DONTWAIT);

	if (e != 1)
		return e;
	if (m.type == MESSAGE_REC_RUN_OPEN)
		take_run_open(r, run, &m);
	else if (run->phase == RECORDING_WAITING)
		refuse(run, &m);
	else
		take_frame(r, run, &m);
	return 1;
}
