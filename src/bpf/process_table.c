// SPDX-License-Identifier: Apache-2.0
/* A hash table over a fixed array of processes; see process_table.h. Program paths are shared
 * between the processes that run them. Owns the paths; trusts no event for more than its own
 * process. */
#include "bpf/process_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_FOR_ENDED \
	64 /* slots tried for one whose process has ended, before a living one goes */

struct program_path {
	size_t users;
	char text[];
};

struct process {
	uint32_t pid; /* 0: the slot is free */
	bool ended;
	uint64_t start_ns;
	struct program_path *program;
	struct process *next; /* in the bucket */
};

struct process_table {
	size_t max, hand; /* hand: the slot to be used next */
	struct process **buckets;
	struct process *slots;
};

static struct program_path *program_new(struct bytes text)
{
	struct program_path *p = malloc(sizeof(*p) + text.size + 1);

	if (!p)
		return NULL;
	p->users = 0;
	memcpy(p->text, text.data, text.size);
	p->text[text.size] = '\0';
	return p;
}

static void program_set(struct process *process, struct program_path *program)
{
	if (program)
		program->users++;
	if (process->program && --process->program->users == 0)
		free(process->program);
	process->program = program;
}

int process_table_new(size_t max, struct process_table **ret)
{
	struct process_table *t;

	if (max == 0)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->max = max;
	t->buckets = calloc(max, sizeof(*t->buckets));
	t->slots = calloc(max, sizeof(*t->slots));
	if (!t->buckets || !t->slots) {
		process_table_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void process_table_free(struct process_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; t->slots && i < t->max; i++)
		program_set(&t->slots[i], NULL);
	free(t->slots);
	free(t->buckets);
	free(t);
}

static struct process **bucket_of(const struct process_table *t, uint32_t pid, uint64_t start_ns)
{
	uint64_t key = (start_ns ^ ((uint64_t)pid << 32)) * 0x9e3779b97f4a7c15ull;

	return &t->buckets[(key >> 20) % t->max];
}

static struct process *find(const struct process_table *t, uint32_t pid, uint64_t start_ns)
{
	struct process *p = *bucket_of(t, pid, start_ns);

	while (p && (p->pid != pid || p->start_ns != start_ns))
		p = p->next;
	return p;
}

static void forget(struct process_table *t, struct process *p)
{
	struct process **link = bucket_of(t, p->pid, p->start_ns);

	while (*link && *link != p)
		link = &(*link)->next;
	if (*link)
		*link = p->next;
	program_set(p, NULL);
	p->pid = 0;
}

static struct process *free_slot(struct process_table *t)
{
	struct process *p = &t->slots[t->hand];

	for (size_t i = 0; i < LOOK_FOR_ENDED && i < t->max; i++) {
		struct process *candidate = &t->slots[(t->hand + i) % t->max];

		if (!candidate->pid || candidate->ended) {
			p = candidate;
			break;
		}
	}
	t->hand = ((size_t)(p - t->slots) + 1) % t->max;
	if (p->pid)
		forget(t, p);
	return p;
}

static struct process *find_or_add(struct process_table *t, uint32_t pid, uint64_t start_ns)
{
	struct process *p = find(t, pid, start_ns);
	struct process **bucket;

	if (p)
		return p;
	p = free_slot(t);
	bucket = bucket_of(t, pid, start_ns);
	*p = (struct process){ .pid = pid, .start_ns = start_ns, .next = *bucket };
	*bucket = p;
	return p;
}

void process_table_event(struct process_table *t, const struct event_view *e)
{
	const struct event_header *h = e->h;
	struct process *p, *parent;

	if (h->kind == EVENT_FORK && e->fork->child_pid) {
		p = find_or_add(t, e->fork->child_pid, e->fork->child_start_ns);
		parent = find(t, h->pid, h->start_ns);
		if (parent && parent != p)
			program_set(p, parent->program);
	} else if (h->kind == EVENT_EXEC && h->pid) {
		program_set(find_or_add(t, h->pid, h->start_ns), program_new(e->text[0]));
	} else if (h->kind == EVENT_EXIT && h->pid) {
		p = find(t, h->pid, h->start_ns);
		if (p)
			p->ended = true;
	}
}

const char *process_table_exe(const struct process_table *t, uint32_t pid, uint64_t start_ns)
{
	const struct process *p = find(t, pid, start_ns);

	return p && p->program ? p->program->text : NULL;
}
