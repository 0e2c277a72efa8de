// SPDX-License-Identifier: Apache-2.0
/* Runs that watch what is not ours (weir attach): there is no sandbox, no call is begun here, and
 * nothing is ever killed. Owns the target's descriptors. Which calls there are the kernel tells the
 * recorder, and that tells us how many. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "call/cgroup.h"
#include "keeper/keeper.h"
#include "sandbox/barrier.h"
#include "sensor/watched.h"

#define CGROUP_CHECK_NS (NSEC_PER_SEC / 2) /* nobody says when a cgroup is removed */

bool watches(const struct keeper *k)
{
	return k->request.watch != WATCH_NONE;
}

struct state_line *watch_barriers(size_t *ret_count)
{
	struct state_line *lines = calloc(barrier_count, sizeof(*lines));

	for (size_t i = 0; lines && i < barrier_count; i++) {
		lines[i].state = STATE_NOT_OURS;
		snprintf(lines[i].name, sizeof(lines[i].name), "%s", barriers[i]->name);
		snprintf(lines[i].reason, sizeof(lines[i].reason),
			 "weir attach watches, and changes nothing");
	}
	*ret_count = barrier_count;
	return lines;
}

static void process_ended(struct watch *w, uint32_t events)
{
	struct keeper *k = container_of(w, struct keeper, target);

	loop_remove(&k->loop, &k->target);
	close(take_fd(&k->target.fd));
	k->target_gone = true;
}

int watch_start(struct keeper *k, struct fail *f)
{
	int r;

	sandbox_launcher_stop(take_ptr(k->launcher));
	if (k->request.watch == WATCH_CGROUP) {
		k->target_check_ns = 0;
		return 0;
	}
	k->watched_living = 1; /* call 0, of which the recorder will tell */
	k->target.events = EPOLLIN;
	k->target.ready = process_ended;
	r = loop_add(&k->loop, &k->target);
	return r < 0 ? fail(f, -r, "cannot follow the process") : 0;
}

void watch_stop(struct keeper *k)
{
	if (k->target.fd < 0)
		return;
	if (k->request.watch == WATCH_PROCESS)
		loop_remove(&k->loop, &k->target);
	close(take_fd(&k->target.fd));
	k->target_check_ns = UINT64_MAX;
}

/* What came from it may live on elsewhere; whether it does only a recorder can say. */
static bool nothing_lives(const struct keeper *k)
{
	return k->watched_living == 0 || !k->recorder_expected || k->recorder_failed;
}

uint64_t watch_check(struct keeper *k, uint64_t now)
{
	if (!watches(k) || k->state != RUN_LIVING)
		return UINT64_MAX;
	if (k->target_check_ns <= now) {
		k->target_gone = !cgroup_exists(k->target.fd);
		k->target_check_ns = now + CGROUP_CHECK_NS;
	}
	if (k->target_gone && nothing_lives(k))
		run_stop(k, k->request.watch == WATCH_CGROUP ? "the cgroup has gone"
							     : "the process has ended");
	return k->target_check_ns;
}

void watch_calls(struct keeper *k, uint32_t begun, uint32_t living)
{
	k->calls_begun = begun;
	k->watched_living = living;
}

uint32_t watch_processes(const struct keeper *k)
{
	int calls = handover_sensor(k, WATCHED_CALLS_MAP);

	return calls >= 0 ? watched_processes(calls, k->assign.key) : 0;
}
