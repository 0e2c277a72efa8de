// SPDX-License-Identifier: Apache-2.0
/* weir-recorder: started by the supervisor with their connection on descriptor 3. It reads the
 * kernel's rings and the keepers' words, writes the store, and runs the detectors. No capabilities,
 * no sockets but those it is given, no file but the store's. When the supervisor goes it goes too:
 * what it has not written is still in the rings and in the keepers' backlogs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "recorder/confine.h"
#include "recorder/recorder.h"

#define SUPERVISOR_FD 3
#define BUSY_MS 5   /* between two looks at the rings while runs live */
#define QUIET_MS 20 /* the same when nothing came for a while */
#define QUIET_AFTER 100
#define IDLE_MS 1000
#define TICK_NS (100 * 1000000ull)
#define ORPHAN_NS (500 * 1000000ull)
#define HELD_NS (10 * NSEC_PER_SEC)
#define MESSAGES_A_TURN 256

static volatile sig_atomic_t stop;

static void on_stop(int signal)
{
	stop = 1;
}

static void remove_recording(struct recorder *r, size_t i)
{
	recording_free(r->recordings[i]);
	r->recordings[i] = r->recordings[--r->count];
}

static void hung_up(struct recording *run, uint64_t now)
{
	cleanup_fd_(&run->keeper.fd);
	run->keeper.fd = -1;
	if (run->phase == RECORDING_LIVE) {
		run->phase = RECORDING_ORPHAN;
		run->orphan_ns = now;
	}
}

static void hear_keeper(struct recorder *r, struct recording *run)
{
	int e = 1;

	for (int i = 0; i < MESSAGES_A_TURN && e == 1; i++)
		e = control_keeper(r, run);
	if (run->phase != RECORDING_WAITING)
		recording_flush(run);
	if (e != 1 && e != -EAGAIN)
		hung_up(run, clock_mono_ns());
}

/* The keeper is dead and nobody brought it back: the kernel has ended its sandbox. */
static void close_orphan(struct recorder *r, struct recording *run)
{
	const struct run_close close = { .ended_ns = clock_wall_ns(),
					 .exit_code = -1,
					 .reason = "the keeper died" };

	drain(r);
	recording_close(run, &close, 0, 0);
	publish_run(r, run);
}

static void look_after(struct recorder *r, uint64_t now)
{
	for (size_t i = 0; i < r->count;) {
		struct recording *run = r->recordings[i];

		if (run->phase == RECORDING_ORPHAN && now - run->orphan_ns > ORPHAN_NS)
			close_orphan(r, run);
		else if (run->phase == RECORDING_CLOSING)
			recording_close(run, NULL, 0, 0);
		else if (run->phase != RECORDING_WAITING)
			recording_tick(run, now);
		if ((run->phase == RECORDING_DONE && !run->tally.dirty) ||
		    (run->phase == RECORDING_WAITING && run->keeper.fd < 0))
			remove_recording(r, i);
		else
			i++;
	}
}

static void tick(struct recorder *r, uint64_t now)
{
	if (now - r->tick_ns >= TICK_NS) {
		r->tick_ns = now;
		look_after(r, now);
		if (r->held.size && now - r->held_since_ns > HELD_NS)
			drain_forget_held(r);
		if (r->heal_ns && now >= r->heal_ns && r->ready) {
			r->heal_ns = 0;
			heal(r);
			heal_removed(r);
		}
	}
	if (!r->index && r->index_fail.code)
		publish_open(r);
	publish(r, now);
	publish_idle(r, now);
}

/* How long to wait for words when the rings do not wake us (BPF_RB_NO_WAKEUP: 94 us a spawn
 * cheaper, doc/kernel facts). */
static int patience(const struct recorder *r, unsigned quiet)
{
	if (r->count == 0 && !r->index && !r->heal_ns && !r->held.size && !r->index_fail.code)
		return IDLE_MS;
	if (r->count == 0)
		return QUIET_MS;
	return quiet > QUIET_AFTER ? QUIET_MS : BUSY_MS;
}

static int listen_all(struct recorder *r, struct pollfd *p, int timeout)
{
	size_t heard = r->count; /* those that come meanwhile are asked next time */
	int e;

	p[0] = (struct pollfd){ .fd = r->supervisor.fd, .events = POLLIN };
	for (size_t i = 0; i < heard; i++)
		p[i + 1] = (struct pollfd){ .fd = r->recordings[i]->keeper.fd, .events = POLLIN };
	if (poll(p, heard + 1, timeout) < 0)
		return errno == EINTR ? 1 : -errno;
	for (size_t i = 0; i < heard; i++)
		if (p[i + 1].revents)
			hear_keeper(r, r->recordings[i]);
	if (!p[0].revents)
		return 1;
	while ((e = control_supervisor(r)) == 1)
		;
	/* Who is new says first which run it is, so that its events are not held (and lost, should
	 * we die before they are written). */
	for (size_t i = heard; i < r->count; i++)
		hear_keeper(r, r->recordings[i]);
	return e == -EAGAIN ? 1 : e;
}

static int loop(struct recorder *r)
{
	struct pollfd *p = calloc(RECORDINGS_MAX + 1, sizeof(*p));
	unsigned quiet = 0;
	int e = p ? 1 : -ENOMEM;

	while (e == 1 && !stop) {
		e = listen_all(r, p, patience(r, quiet));
		quiet = drain(r) ? 0 : quiet + 1;
		tick(r, clock_mono_ns());
	}
	free(p);
	return e == 1 ? 0 : e;
}

static void finish(struct recorder *r)
{
	drain(r);
	for (size_t i = 0; i < r->count; i++)
		if (r->recordings[i]->phase != RECORDING_WAITING)
			recording_flush(r->recordings[i]);
	r->publish_ns = 0;
	publish(r, clock_mono_ns());
	while (r->count)
		remove_recording(r, 0);
	index_close(r->index);
	drain_close(r);
	notifier_stop(&r->notifier);
	layout_close(&r->layout);
	cleanup_fd_(&r->lock);
	buf_free(&r->held);
	free(r->batch);
	free(r->path);
	free(r);
}

int main(void)
{
	struct recorder *r = calloc(1, sizeof(*r));
	struct fail f = { 0 };
	int e;

	log_open("weir-recorder");
	umask(0077);
	if (!r || fcntl(SUPERVISOR_FD, F_SETFD, FD_CLOEXEC) < 0) {
		log_error(
			"started by hand? the supervisor starts this, with itself on descriptor 3");
		free(r);
		return 125;
	}
	r->supervisor = (struct channel){ SUPERVISOR_FD, PARTY_RECORDER, PARTY_SUPERVISOR };
	r->layout = (struct layout){ -1, -1, -1, -1 };
	r->lock = -1;
	buf_init(&r->held, HELD_BYTES_MAX);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_stop }, NULL);
	notifier_start(&r->notifier);
	e = confine_privileges(&f);
	if (e >= 0)
		e = loop(r);
	else
		log_error("%s", f.text);
	finish(r);
	return e < 0 ? 125 : 0;
}
