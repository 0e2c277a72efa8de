/* SPDX-License-Identifier: Apache-2.0 */
/* The store's supervisor: it loads the sensors, starts runs by handing them to spare keepers, and
 * keeps one recorder alive. It parses nothing that an agent wrote, and its clients are known by
 * uid. Its death ends no run: the keepers hold copies of all that matters, and give them to the
 * next supervisor.
 *
 *   main.c      start, the loop, leaving after idleness
 *   runs.c      requests, keepers, spares, adoption and sweeping
 *   recorder.c  the recorder's life
 *   sense.c     sensors: loading, attaching, handing on
 *   watch.c     what may be watched, for weir attach
 *   probe.c     weir-supervisor --probe, for `weir doctor` */
#ifndef WEIR_SUPERVISOR_SUPERVISOR_H
#define WEIR_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "call/call.h"
#include "call/channel.h"
#include "call/loop.h"
#include "call/message.h"
#include "sensor/sensor.h"

/* A keeper: the spare, or one that keeps a run. */
struct keeper_link {
	struct keeper_link *next;
	struct supervisor *supervisor;
	struct channel channel;
	struct watch watch;
	char id[RUN_ID_SIZE]; /* "": a spare */
	uint64_t key;
};

/* Connected, and has not asked for anything yet. */
struct guest {
	struct guest *next;
	struct supervisor *supervisor;
	struct channel channel;
	struct watch watch;
};

struct supervisor {
	struct loop loop;
	const char *store;
	int place;
	struct watch listener;
	int cgroup; /* weir's root; -1: none */
	char *build_id;

	struct sensors *sensors;
	bool attached;
	uint64_t detach_ns; /* when the sensors are no longer needed; UINT64_MAX: not known */

	struct keeper_link *keepers;
	struct keeper_link *spares; /* without a run yet */
	unsigned spare_count;
	uint64_t spare_ns; /* when to start the next; UINT64_MAX: there are enough */
	struct guest *guests;
	uint64_t sweep_ns; /* when to look for what a dead keeper's launcher left */

	struct channel recorder; /* fd -1: none lives */
	struct watch recorder_watch;
	uint64_t recorder_started_ns, recorder_retry_ns;
	struct message_text recorder_state; /* code 0: fine */
	bool recorder_missing;		    /* not installed */

	uint64_t idle_ns; /* since when nothing lives; UINT64_MAX: something does */
};

/* main.c */
/* Starts an executable of libexec with `fd` as its descriptor 3 and the store as argument. 0 or
 * -errno. */
int supervisor_spawn(struct supervisor *s, const char *name, int fd, struct fail *f);

/* runs.c */
void runs_listener_ready(struct watch *w, uint32_t events);
void runs_spare_start(struct supervisor *s);
void runs_quiet(struct supervisor *s); /* a run may begin now: put off the next spare */
/* At the start: takes over living runs, removes what dead ones left. */
void runs_find(struct supervisor *s);
bool runs_any(const struct supervisor *s); /* something lives, or is being asked for */

/* recorder.c */
/* Starts the recorder where none lives, and leads every run to it. */
void recorder_start(struct supervisor *s);
void recorder_rings(struct supervisor *s);
/* Tells the recorder of a run; returns the keeper's end, or -errno. */
int recorder_add_run(struct supervisor *s, const char *run_id);

/* sense.c */
int sense_open(struct supervisor *s, struct fail *f); /* unless some were adopted */
void sense_adopt(struct supervisor *s, const struct message_assign *a, struct message *m,
		 size_t first_fd);
int sense_attach(struct supervisor *s, struct fail *f);
void sense_detach(struct supervisor *s);

/* watch.c */
/* What the descriptor that came with a request stands for, if whoever we serve may watch it; -errno
 * with a reason. client: the connection that asked. */
int watch_target_of(const struct supervisor *s, enum watch_kind kind, int fd, int client,
		    struct watch_target *ret, struct fail *f);
/* Whether this host can watch at all: 0, or -ENOTSUP. Seeing half of who comes in would put what
 * they do on nobody. */
int watch_possible(const struct message_assign *a, struct fail *f);
/* The sensors' states as this run's record has them: how well others are watched is of no interest
 * to a run that is contained, and no barrier is ours in one that is not. Returns how many. */
size_t watch_states(const struct state_line *states, size_t count, enum watch_kind kind,
		    struct state_line *ret);

/* probe.c */
int probe_print(void);
/* Whether the processor time of living calls is told. */
void probe_usage(bool cgroups, struct state_line *ret);

#endif
