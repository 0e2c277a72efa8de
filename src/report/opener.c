// SPDX-License-Identifier: Apache-2.0
/* Which programs processes ran at moments of their run. A process seldom waits long before it
 * opens a connection, so the record is read backwards in steps from the last of these moments,
 * until each one's last exec is found, or the fork by which it came from a process that had one. */
#include "report/opener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define STEP 4096 /* frames: the index knows where each such number lies */

static int keep_exec(struct opener *o, const struct event_view *e)
{
	free(o->exe);
	free(o->argv);
	o->argv_size = 0;
	o->exe = strndup(e->text[0].data, e->text[0].size);
	o->argv = malloc(e->text[3].size + 1);
	if (!o->exe || !o->argv)
		return -ENOMEM;
	memcpy(o->argv, e->text[3].data, e->text[3].size);
	o->argv_size = e->text[3].size;
	return 0;
}

static int look_at(struct opener *o, uint64_t seq, const struct event_view *e)
{
	if (seq >= o->before_seq)
		return 0;
	if (e->h->kind == EVENT_EXEC && e->h->pid == o->was_pid &&
	    e->h->start_ns == o->was_start_ns)
		return keep_exec(o, e);
	if (e->h->kind == EVENT_FORK && e->fork->child_pid == o->was_pid &&
	    e->fork->child_start_ns == o->was_start_ns) {
		o->born_seq = seq;
		o->parent_pid = e->h->pid;
		o->parent_start_ns = e->h->start_ns;
	}
	return 0;
}

/* The frames first … end - 1. */
static int read_step(struct store *store, const char *run_id, uint64_t first, uint64_t end,
		     struct opener **openers, size_t count, struct fail *f)
{
	struct frame_reader *reader = NULL;
	struct frame frame;
	int r = frame_reader_open(store, run_id, first ? first : 1, &reader, f);

	while (r >= 0 && (r = frame_reader_next(reader, &frame, f)) > 0 && frame.seq < end) {
		if (frame.kind != EVENT_EXEC && frame.kind != EVENT_FORK)
			continue;
		for (size_t i = 0; i < count && r >= 0; i++)
			r = look_at(openers[i], frame.seq, &frame.event);
	}
	frame_reader_close(reader);
	return r == -ENOMEM ? fail(f, ENOMEM, "look for a process") : r < 0 ? r : 0;
}

/* What it found in the step that began with `first`: an exec; or what it is, its parent was
 * before; or nothing. */
static void next_step(struct opener *o, uint64_t first)
{
	if (o->exe)
		o->before_seq = 0;
	else if (o->born_seq) {
		o->before_seq = o->born_seq;
		o->was_pid = o->parent_pid;
		o->was_start_ns = o->parent_start_ns;
	} else if (o->before_seq > first) {
		o->before_seq = first;
	}
	o->born_seq = 0;
}

int openers_find(struct store *store, const char *run_id, struct opener **openers, size_t count,
		 struct fail *f)
{
	for (;;) {
		uint64_t end = 1, first;
		int r;

		for (size_t i = 0; i < count; i++)
			if (openers[i]->before_seq > end)
				end = openers[i]->before_seq;
		if (end == 1)
			return 0;
		first = (end - 1) / STEP * STEP;
		r = read_step(store, run_id, first, end, openers, count, f);
		if (r < 0)
			return r;
		for (size_t i = 0; i < count; i++)
			next_step(openers[i], first);
	}
}

void opener_init(struct opener *o, const struct event_header *h, uint64_t seq)
{
	*o = (struct opener){
		.pid = h->pid, .was_pid = h->pid, .was_start_ns = h->start_ns, .before_seq = seq
	};
}

void opener_free(struct opener *o)
{
	free(o->exe);
	free(o->argv);
	*o = (struct opener){ 0 };
}
