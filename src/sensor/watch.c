// SPDX-License-Identifier: Apache-2.0
/* Beginning to watch what is not ours (weir attach): which processes are call 0, and which cgroup's
 * newcomers are calls. The kernel's programs do the rest, and the ending (bpf/watch.h). Owns
 * nothing; trusts whoever calls that the target may be watched. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/shared.h"
#include "sensor/load.h"
#include "sensor/sensor.h"

#define LOOKS_MAX 64 /* at all tasks, for those that were forked while one went on */

extern const struct sensor sensor_watch;
const struct sensor sensor_watch = {
	.name = "watch",
	.without = "weir attach cannot tell who comes in",
	.needs = {
		{ .name = "weir_begin", .kind = PROGRAM_ASKED },
		{ .name = "weir_moved", .kind = PROGRAM_TYPED },
		{ .name = "weir_fork", .kind = PROGRAM_RAW, .hook = "sched_process_fork" },
		{ .name = "weir_exit", .kind = PROGRAM_RAW, .hook = "sched_process_exit" },
	},
};

/* Everything that it takes, looked up once. */
struct beginning {
	struct watch_state *state; /* mapped */
	int runs, watched, walk;
	uint64_t key;
	const struct watch_target *target;
};

/* Runs the program over all tasks once. */
static int look(const struct beginning *b)
{
	cleanup_fd int link = bpf_link_create(b->walk, 0, BPF_TRACE_ITER, NULL);
	cleanup_fd int walk = link < 0 ? -1 : bpf_iter_create(link);
	char nothing[64];
	ssize_t n;

	if (walk < 0)
		return link < 0 ? link : -errno;
	do
		n = read(walk, nothing, sizeof(nothing));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n < 0 ? -errno : 0;
}

/* Until none is new: what is forked from now on has its parent's call. Returns how many there were.
 */
static int look_all(const struct beginning *b)
{
	uint32_t before;
	int err = 0;

	b->state->found = 0;
	for (int i = 0; i < LOOKS_MAX && err == 0; i++) {
		before = b->state->found;
		err = look(b);
		if (b->state->found == before)
			break;
	}
	return err < 0 ? err : (int)b->state->found;
}

/* Newcomers are calls only once those who are there already are none. */
static int open_gate(const struct beginning *b, struct fail *f)
{
	int err = bpf_map_update_elem(b->watched, &b->target->cgroup, &b->key, BPF_NOEXIST);

	if (err == -EEXIST)
		return fail_text(f, EEXIST, "another run watches this cgroup; 'weir ps' lists it");
	if (err < 0)
		return fail_text(f, ENOSPC, "%d cgroups are watched already, which is the most",
				 WATCHED_MAX);
	err = look_all(b);
	return err < 0 ? fail(f, -err, "cannot look through the host's processes") : 0;
}

static int begin(const struct beginning *b, struct fail *f)
{
	struct run_entry run;
	int err = bpf_map_lookup_elem(b->runs, &b->key, &run);

	if (err < 0)
		return fail(f, -err, "the sensors do not know the run");
	run.watching = 1;
	err = bpf_map_update_elem(b->runs, &b->key, &run, BPF_EXIST);
	if (err < 0)
		return fail(f, -err, "cannot tell the sensors what to watch");
	if (__atomic_fetch_add(&b->state->runs, 1, __ATOMIC_SEQ_CST) == 0)
		memset(b->state->bits, 0, sizeof(b->state->bits));
	b->state->begin_run = b->key;
	b->state->begin_cgroup = b->target->cgroup;
	b->state->begin_pid = (uint32_t)b->target->pid;
	err = look_all(b);
	if (err < 0)
		return fail(f, -err, "cannot look through the host's processes");
	if (err == 0 && !b->target->cgroup)
		return fail_text(f, ESRCH, "process %d has gone, or another run watches it",
				 b->target->pid);
	return b->target->cgroup ? open_gate(b, f) : 0;
}

int sensors_watch(struct sensors *s, uint64_t key, const struct watch_target *target,
		  struct fail *f)
{
	int state = fd_table_find(&s->table, "map", "watch");
	struct beginning b = {
		.runs = fd_table_find(&s->table, "map", "runs"),
		.watched = fd_table_find(&s->table, "map", "watched"),
		.walk = fd_table_find(&s->table, "prog", "begin"),
		.key = key,
		.target = target,
	};
	void *map;
	int err;

	if (state < 0 || b.walk < 0)
		return fail_text(f, ENOTSUP,
				 "weir attach needs root and BPF; 'weir doctor' says what this "
				 "host lacks");
	map = mmap(NULL, sizeof(*b.state), PROT_READ | PROT_WRITE, MAP_SHARED, state, 0);
	if (map == MAP_FAILED)
		return fail(f, errno, "cannot map the sensors' state");
	b.state = map;
	err = begin(&b, f);
	munmap(map, sizeof(*b.state));
	return err;
}
