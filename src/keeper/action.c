// SPDX-License-Identifier: Apache-2.0
/* What findings order; see action.h. Owns the list of orders, which the next gate is told again.
 * An order is worked off in steps: destinations are refused in the kernel, flows are cut (by the
 * gate, or where none carries them by the kernel), the gate's answer is waited for, then the call
 * is frozen, noted and ended, then the run. Trusts the recorder for what was found. */
#include "keeper/action.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "call/cgroup.h"
#include "keeper/gate.h"
#include "keeper/owner_socket.h"

#define ACTIONS_MAX 4096	     /* findings that act; a run with more is ended */
#define ANSWER_NS (2 * NSEC_PER_SEC) /* of the gate; then it is ended, and its flows with it */
#define FREEZE_WAIT_MS 50	     /* a process deep in the kernel stops when it comes out */
#define TEXT_MAX 1024		     /* of what was left, and of the processes */

struct action {
	struct action *next;
	struct order order;
	uint64_t ordered_ns,
		by_ns; /* by_ns: the gate's answer; UINT64_MAX: nothing is waited for */
	uint32_t cut, also, destinations; /* also: flows cut that the finding does not name */
	bool by_gate;			  /* only the gate refuses the destinations */
	bool names;			  /* the gate answers none any more */
};

struct actions {
	struct action *first;
	size_t count;
	int diag; /* NETLINK_SOCK_DIAG made inside; -1: none was needed */
};

static void leave(struct buf *left, const char *text)
{
	buf_printf(left, "%s%s", left->size ? "; " : "", text);
}

/* As it was when nothing of the call moved any more. */
static void note_process(const char *pid, struct buf *ret)
{
	cleanup_buf struct buf name = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	buf_init(&name, 64);
	if (file_read_path(AT_FDCWD, path, &name) == 0 && name.size)
		buf_printf(ret, "%s%s %.*s", ret->size ? ", " : "", pid, (int)name.size - 1,
			   name.data);
}

static void note_processes(int cgroup, struct buf *ret)
{
	cleanup_buf struct buf list = { 0 };

	buf_init(&list, 65536);
	if (file_read_path(cgroup, "cgroup.procs", &list) < 0)
		return;
	for (char *rest = list.data, *line; (line = strsep(&rest, "\n")) && *line;)
		note_process(line, ret);
}

/* Without cgroups: everything where no other call lives, else the first process and what descends
 * from it; who left that tree is not known to be the call's. */
static uint32_t end_without_cgroup(struct call *c, struct buf *processes, struct buf *left)
{
	struct keeper *k = c->keeper;
	bool alone = k->calls == c && !c->next;
	struct inside_stopped *s = NULL;
	uint32_t count = 0;

	if (k->inside[0] && (alone || c->pid))
		s = inside_stop(k->inside, sandbox_init_pid(k->sandbox), alone ? 0 : c->pid);
	for (; s && count < s->count; count++) {
		char pid[16];

		snprintf(pid, sizeof(pid), "%d", s->of[count].pid);
		note_process(pid, processes);
	}
	if (!alone)
		leave(left, "without cgroups what has left the tree of the call's first process is "
			    "not known to be its own");
	inside_end(s);
	call_kill(c, ENDING_FINDING);
	return count;
}

static uint32_t end_call(struct keeper *k, uint32_t n, struct buf *processes, struct buf *left)
{
	struct call *c = n ? call_find(k, n) : NULL;
	uint32_t count;

	if (!c) {
		leave(left, n ? "the call had ended before" : "it is blamed on no call");
		return 0;
	}
	if (c->cgroup < 0)
		return end_without_cgroup(c, processes, left);
	if (cgroup_freeze(c->cgroup, FREEZE_WAIT_MS) < 0)
		leave(left, "the call could not be frozen first");
	note_processes(c->cgroup, processes);
	count = call_count(c);
	call_kill(c, ENDING_FINDING);
	return count;
}

static void tell(struct keeper *k, const struct action *a, uint32_t ended, bool run_ended,
		 const struct buf *left, const struct buf *processes)
{
	struct {
		struct event_action e;
		char text[2 * TEXT_MAX];
	} event = { .e = { .h = { .kind = EVENT_ACTION,
				  .call = a->order.call,
				  .run = k->assign.key,
				  .mono_ns = clock_mono_ns() },
			   .ordered_mono_ns = a->ordered_ns,
			   .finding = a->order.finding,
			   .flows = (uint32_t)a->order.flow_count,
			   .cut = a->cut + a->also,
			   .destinations = a->destinations,
			   .processes = ended,
			   .action = (uint16_t)a->order.action,
			   .run_ended = run_ended,
			   .names = a->names } };

	event.e.left_size = (uint16_t)left->size;
	event.e.processes_size = (uint16_t)processes->size;
	if (left->size)
		memcpy(event.text, left->data, left->size);
	if (processes->size)
		memcpy(event.text + left->size, processes->data, processes->size);
	event.e.h.size = (uint16_t)(sizeof(event.e) + left->size + processes->size);
	if (left->error || processes->error)
		event.e.h.flags |= EVENT_TRUNCATED;
	record_bytes(k, MESSAGE_REC_EVENT, &event, event.e.h.size);
}

static void leave_flows(const struct action *a, struct buf *left)
{
	uint32_t gone = (uint32_t)a->order.flow_count - a->cut;

	if (a->order.flow_count == 0 && !a->names)
		leave(left, "it names no flow to cut");
	else if (gone && gone <= a->order.flow_count)
		buf_printf(left, "%s%u of %zu flows had ended before", left->size ? "; " : "", gone,
			   a->order.flow_count);
	if (a->destinations && a->by_gate)
		leave(left, "the gate refuses, for the kernel's rules here know no calls");
}

/* The flows are at an end: on to the call, then to the run. */
static void go_on(struct keeper *k, struct action *a)
{
	bool ends_run = a->order.action == ACTION_KILL && k->state == RUN_LIVING;
	cleanup_buf struct buf left = { 0 }, processes = { 0 };
	char reason[sizeof(k->end_reason)];
	uint32_t ended = 0;

	a->by_ns = UINT64_MAX;
	buf_init(&left, TEXT_MAX);
	buf_init(&processes, TEXT_MAX);
	leave_flows(a, &left);
	if (k->state != RUN_LIVING)
		leave(&left, "the run was over");
	else if (a->order.action >= ACTION_KILL_CALL)
		ended = end_call(k, a->order.call, &processes, &left);
	tell(k, a, ended, ends_run, &left, &processes);
	if (!ends_run)
		return;
	snprintf(reason, sizeof(reason), "killed: finding F%u: %.90s", a->order.finding,
		 a->order.summary);
	run_stop(k, reason);
}

static int diag_socket(struct keeper *k)
{
	struct gate_socket kind = { .kind = GATE_SOCKET_DIAG };
	struct fail f = { .code = 0 };

	if (k->actions->diag < 0 && k->sandbox &&
	    sandbox_make_sockets(k->sandbox, &kind, 1, &k->actions->diag, &f) < 0)
		k->actions->diag = -1;
	return k->actions->diag;
}

/* A flow that no gate carries: its socket inside is ended by the kernel, which resets both. */
static bool cut_inside(struct keeper *k, const struct order_flow *f)
{
	struct flow_key key = { .to_port = f->port,
				.from_port = f->from_port,
				.protocol = (uint8_t)f->transport };
	int diag = diag_socket(k);

	memcpy(key.to, f->address, sizeof(key.to));
	memcpy(key.from, f->from, sizeof(key.from));
	return diag >= 0 && owner_socket_destroy(diag, &key, f->cookie) == 0;
}

/* Returns how many of them the gate carries, if it lives. */
static size_t cut_flows(struct keeper *k, struct action *a)
{
	size_t carried = 0;

	for (size_t i = 0; i < a->order.flow_count; i++)
		if (egress_relays(k) && a->order.flows[i].direction != FLOW_INSIDE)
			carried++;
		else
			a->cut += cut_inside(k, &a->order.flows[i]);
	return carried;
}

/* Where the kernel cannot tell calls apart the gate alone refuses, as it does what comes in. */
static void refuse(struct keeper *k, struct action *a)
{
	uint32_t call = a->order.call ? a->order.call : EVENT_NO_CALL;

	for (size_t i = 0; i < a->order.flow_count; i++) {
		const struct order_flow *f = &a->order.flows[i];
		struct order_target to[ORDER_TARGETS_MAX];
		size_t count = order_targets(f, to);

		a->destinations += count > 0;
		for (size_t n = 0; n < count && f->direction == FLOW_OUT; n++)
			if (egress_refuse(k, call, &to[n]) < 0)
				a->by_gate = true;
	}
}

static void begin(struct keeper *k, struct action *a)
{
	a->ordered_ns = clock_mono_ns();
	a->cut = a->also = a->destinations = 0;
	a->names = a->order.names && k->state == RUN_LIVING && k->egress;
	if (k->state == RUN_LIVING) {
		refuse(k, a);
		if (cut_flows(k, a) + a->names && egress_cut(k, &a->order)) {
			a->by_ns = a->ordered_ns + ANSWER_NS;
			return;
		}
	}
	go_on(k, a);
}

static struct action *find(const struct keeper *k, uint32_t finding)
{
	struct action *a = k->actions ? k->actions->first : NULL;

	while (a && a->order.finding != finding)
		a = a->next;
	return a;
}

static struct action *add(struct keeper *k, const struct order *o)
{
	struct action *a;

	if (!k->actions) {
		k->actions = calloc(1, sizeof(*k->actions));
		if (!k->actions)
			return NULL;
		k->actions->diag = -1;
	}
	a = k->actions->count < ACTIONS_MAX ? calloc(1, sizeof(*a)) : NULL;
	if (!a)
		return NULL;
	a->order.finding = o->finding;
	a->by_ns = UINT64_MAX;
	a->next = k->actions->first;
	k->actions->first = a;
	k->actions->count++;
	return a;
}

/* A recorder that was started anew may order again what was done. */
void action_take(struct keeper *k, const struct order *o)
{
	struct action *a = find(k, o->finding);

	if (watches(k) || k->state == RUN_SPARE || k->close_told ||
	    (a && a->order.action >= o->action))
		return;
	a = a ? a : add(k, o);
	if (!a) {
		run_stop(k, "more findings act than weir can hold");
		return;
	}
	a->order = *o;
	begin(k, a);
}

void action_cut(struct keeper *k, const struct order_done *done)
{
	struct action *a = find(k, done->finding);

	if (!a || a->by_ns == UINT64_MAX)
		return;
	if (done->cut <= a->order.flow_count - a->cut)
		a->cut += done->cut;
	a->also = done->also;
	go_on(k, a);
}

/* What it had was told as cut. */
void action_gate_gone(struct keeper *k)
{
	for (struct action *a = k->actions ? k->actions->first : NULL; a; a = a->next)
		if (a->by_ns != UINT64_MAX)
			go_on(k, a);
}

uint64_t actions_limits(struct keeper *k, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (struct action *a = k->actions ? k->actions->first : NULL; a; a = a->next)
		if (a->by_ns <= now) {
			egress_cut_late(k); /* ends in action_gate_gone() for all of them */
			return UINT64_MAX;
		} else if (a->by_ns < next) {
			next = a->by_ns;
		}
	return next;
}

void actions_each(const struct keeper *k, void (*on_order)(void *context, const struct order *o),
		  void *context)
{
	for (const struct action *a = k->actions ? k->actions->first : NULL; a; a = a->next)
		on_order(context, &a->order);
}

void actions_close(struct keeper *k)
{
	while (k->actions && k->actions->first) {
		struct action *a = k->actions->first;

		k->actions->first = a->next;
		free(a);
	}
	if (k->actions)
		cleanup_fd_(&k->actions->diag);
	free(take_ptr(k->actions));
}
