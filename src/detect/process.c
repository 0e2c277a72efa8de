// SPDX-License-Identifier: Apache-2.0
/* The table of living processes; see process.h. A chained hash by pid. Where it is full, or memory
 * is short, a new process is left out: detectors then know it by its event alone. A lost exit event
 * leaves an entry behind until its call's counters say that nothing lives there any more. */
#include "detect/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/edge.h"

#define SLOTS 1024
#define ENDED_MAX 256 /* that are remembered */

struct processes {
	struct process *slots[SLOTS];
	size_t count;
	struct process *ended[ENDED_MAX]; /* the last ones, around; found by their key alone */
	size_t next_ended;
};

int processes_new(struct processes **ret)
{
	struct processes *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

static void process_free(struct process *p)
{
	free(p->exe);
	free(p->argv);
	free(p);
}

void processes_free(struct processes *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		while (t->slots[i]) {
			struct process *p = t->slots[i];

			t->slots[i] = p->next;
			process_free(p);
		}
	}
	for (size_t i = 0; i < ENDED_MAX; i++)
		if (t->ended[i])
			process_free(t->ended[i]);
	free(t);
}

static struct process *find(const struct processes *t, uint32_t pid, uint64_t start_ns)
{
	struct process *p = t->slots[pid % SLOTS];

	while (p && (p->pid != pid || p->start_ns != start_ns))
		p = p->next;
	return p;
}

const struct process *processes_find(const struct processes *t, uint32_t pid, uint64_t start_ns)
{
	return find(t, pid, start_ns);
}

const struct process *processes_recall(const struct processes *t, uint32_t pid, uint64_t start_ns)
{
	const struct process *p = find(t, pid, start_ns);

	for (size_t i = 0; !p && i < ENDED_MAX; i++)
		if (t->ended[i] && t->ended[i]->pid == pid && t->ended[i]->start_ns == start_ns)
			p = t->ended[i];
	return p;
}

const struct process *processes_find_pid(const struct processes *t, uint32_t pid)
{
	const struct process *p = t->slots[pid % SLOTS];

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

const struct process *processes_find_inside(const struct processes *t, uint32_t pid_inside)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (const struct process *p = t->slots[i]; p; p = p->next)
			if (p->pid_inside == pid_inside)
				return p;
	return NULL;
}

static struct process *touch(struct processes *t, uint32_t pid, uint64_t start_ns, uint32_t call)
{
	struct process *p = find(t, pid, start_ns);

	if (p || t->count >= PROCESSES_MAX)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = pid;
	p->start_ns = start_ns;
	p->call = call;
	p->next = t->slots[pid % SLOTS];
	t->slots[pid % SLOTS] = p;
	t->count++;
	return p;
}

/* A NUL-terminated copy, or NULL for nothing or no memory. */
static char *copy(const char *data, size_t size)
{
	char *text = data && size ? malloc(size + 1) : NULL;

	if (text) {
		memcpy(text, data, size);
		text[size] = '\0';
	}
	return text;
}

static void inherit(struct process *child, const struct process *parent)
{
	child->exe = parent->exe ? copy(parent->exe, strlen(parent->exe)) : NULL;
	child->argv = copy(parent->argv, parent->argv_size);
	child->argv_size = child->argv ? parent->argv_size : 0;
	child->exec_seq = parent->exec_seq;
	child->exec_call = parent->exec_call;
	child->exec_flags = parent->exec_flags;
	child->terminal = parent->terminal;
}

/* The parent in a fork event may be the launcher, which is no process of the run: it is looked up
 * but never entered. */
static void before_fork(struct processes *t, const struct event_view *e)
{
	const struct process *parent = find(t, e->h->pid, e->h->start_ns);
	struct process *child;

	if (find(t, e->fork->child_pid, e->fork->child_start_ns))
		return;
	child = touch(t, e->fork->child_pid, e->fork->child_start_ns, e->h->call);
	if (!child)
		return;
	child->pid_inside = e->fork->child_pid_inside;
	child->label = e->h->label;
	if (parent)
		inherit(child, parent);
}

/* Of a process, but no sign that it lives: the gate tells of flows when they end, and the label is
 * the flow's. */
static bool is_told_later(const struct event_view *e)
{
	return e->h->kind == EVENT_FLOW || e->h->kind == EVENT_DNS ||
	       (e->h->kind == EVENT_HANDOVER && e->handover->edge == EDGE_NAME);
}

void processes_before(struct processes *t, const struct event_view *e)
{
	struct process *p;

	if (e->h->kind == EVENT_FORK) {
		before_fork(t, e);
		return;
	}
	if (e->h->kind == EVENT_COUNT || e->h->kind == EVENT_ENTER || e->h->pid == 0 ||
	    is_told_later(e))
		return;
	p = touch(t, e->h->pid, e->h->start_ns, e->h->call);
	if (p) {
		p->pid_inside = e->h->pid_inside;
		p->call = e->h->call;
		p->label = e->h->label;
		p->end_unseen = e->h->flags & EVENT_NO_CGROUP;
	}
}

static void apply_exec(struct process *p, const struct event_view *e)
{
	size_t argv = e->text[3].size < PROCESS_ARGV_MAX ? e->text[3].size : PROCESS_ARGV_MAX;

	free(p->exe);
	free(p->argv);
	p->exe = copy(e->text[0].data, e->text[0].size);
	p->argv = copy(e->text[3].data, argv);
	p->argv_size = p->argv ? argv : 0;
	p->exec_seq = e->seq;
	p->exec_call = e->h->call;
	p->exec_flags = e->exec->exec_flags;
	p->terminal = e->exec->streams[0].kind == STREAM_TERMINAL;
}

static void remove_process(struct processes *t, struct process **at)
{
	struct process *p = *at;

	*at = p->next;
	t->count--;
	if (t->ended[t->next_ended])
		process_free(t->ended[t->next_ended]);
	t->ended[t->next_ended] = p;
	t->next_ended = (t->next_ended + 1) % ENDED_MAX;
}

static void sweep_call(struct processes *t, uint32_t call)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct process **at = &t->slots[i];

		while (*at) {
			if ((*at)->call == call)
				remove_process(t, at);
			else
				at = &(*at)->next;
		}
	}
}

void processes_after(struct processes *t, const struct event_view *e)
{
	struct process *p;
	struct process **at;

	if (e->h->kind == EVENT_COUNT) {
		sweep_call(t, e->h->call);
		return;
	}
	p = find(t, e->h->pid, e->h->start_ns);
	if (!p)
		return;
	if (e->h->kind == EVENT_EXEC) {
		apply_exec(p, e);
	} else if (e->h->kind == EVENT_HANDOVER && !edge_is_of_object(e->handover->edge)) {
		p->label = e->handover->label;
	} else if (e->h->kind == EVENT_EXIT) {
		at = &t->slots[p->pid % SLOTS];
		while (*at != p)
			at = &(*at)->next;
		remove_process(t, at);
	}
}

void processes_of_call(const struct processes *t, uint32_t call,
		       void (*on_process)(void *context, const struct process *p), void *context)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (const struct process *p = t->slots[i]; p; p = p->next)
			if (p->call == call)
				on_process(context, p);
}

size_t processes_count(const struct processes *t)
{
	return t->count;
}
