// SPDX-License-Identifier: Apache-2.0
/* From the kernel's words about calls of a run that watches to the frames of a call; see entered.h.
 * A call is told once it is known what it runs: the first program that its first process executes,
 * or, where it executes none, what it was when it came in. Trusts the events, whose strings are the
 * processes' own. */
#include "recorder/entered.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "store/array.h"

#define ENTERED_MAX 32768 /* followed at once, twice what the kernel follows */
/* For its first program: what was forked for that has one coming. */
#define EXEC_WAIT_NS (NSEC_PER_SEC / 5)
#define FORKED_WAIT_NS (5 * NSEC_PER_SEC)

struct entered_call {
	uint32_t n, pid, pid_inside, uid, by_pid;
	uint64_t start_ns;	     /* of its first process */
	uint64_t since_ns, began_ns; /* monotonic, wall */
	bool forked, known;	     /* known: `command` is what it runs */
	bool announced, over, over_told, gone, gone_told;
	struct call_exit exit;
	struct call_gone left;
	char by_comm[17];
	char *command; /* or NULL */
};

struct entered {
	size_t count, room;
	struct entered_call *calls;
	uint32_t begun;
	bool changed; /* the keeper has not heard how many there are */
};

static void forget(struct entered *e, struct entered_call *c)
{
	free(c->command);
	*c = e->calls[--e->count];
}

void entered_free(struct entered *e)
{
	if (!e)
		return;
	while (e->count)
		forget(e, e->calls);
	free(e->calls);
	free(e);
}

/* The latest are asked for most. */
static struct entered_call *find(struct entered *e, uint32_t n)
{
	for (size_t i = e ? e->count : 0; i > 0; i--)
		if (e->calls[i - 1].n == n)
			return &e->calls[i - 1];
	return NULL;
}

static struct entered_call *add(struct recording *r, uint32_t n)
{
	struct entered *e = r->entered;

	if (!e)
		e = r->entered = calloc(1, sizeof(*e));
	if (!e || array_grow(&e->calls, &e->room, e->count, sizeof(*e->calls), ENTERED_MAX) < 0)
		return NULL;
	e->calls[e->count] = (struct entered_call){ .n = n };
	e->begun = n > e->begun ? n : e->begun;
	e->changed = true;
	return &e->calls[e->count++];
}

/* argv has a NUL behind each word. */
static void set_command(struct entered_call *c, const char *argv, size_t size)
{
	while (size && !argv[size - 1])
		size--;
	if (!size)
		return;
	free(c->command);
	c->command = malloc(size + 1);
	if (!c->command)
		return;
	for (size_t i = 0; i < size; i++)
		c->command[i] = argv[i] ? argv[i] : ' ';
	c->command[size] = '\0';
}

static void describe(const struct entered_call *c, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object(&j);
	if (c->command)
		json_field_bytes(&j, "command", c->command, strlen(c->command));
	else
		json_field_null(&j, "command");
	json_field_uint(&j, "pid", c->pid);
	json_field_uint(&j, "pid_inside", c->pid_inside);
	json_field_uint(&j, "uid", c->uid);
	json_field_uint(&j, "by_pid", c->by_pid);
	json_field_bytes(&j, "by", c->by_comm, strlen(c->by_comm));
	json_object_end(&j);
}

/* Call 0 is the run's, and never announced. */
static void announce(struct recording *r, struct entered_call *c)
{
	cleanup_buf struct buf arguments = { 0 }, data = { 0 };
	char id[48];
	struct call_announce a = { .n = c->n,
				   .tool_call_id = id,
				   .function_name = (char *)"enter",
				   .started_ns = c->began_ns,
				   .executed = true };

	c->announced = true;
	if (c->n == 0)
		return;
	snprintf(id, sizeof(id), "%u.%llu", c->pid, (unsigned long long)c->start_ns);
	buf_init(&arguments, 8 * EVENT_ARGV_MAX);
	describe(c, &arguments);
	a.arguments = arguments.error ? NULL : arguments.data;
	buf_init(&data, MESSAGE_CALL_MAX);
	call_announce_encode(&a, &data);
	recording_message(r, FRAME_CALL_ANNOUNCE, 0, buf_text(&data), data.size);
}

static void tell_over(struct recording *r, struct entered_call *c)
{
	cleanup_buf struct buf data = { 0 };

	c->over_told = true;
	if (c->n == 0)
		return;
	buf_init(&data, 512);
	call_exit_encode(&c->exit, &data);
	recording_message(r, FRAME_CALL_EXIT, 0, buf_text(&data), data.size);
}

static void tell_gone(struct recording *r, struct entered_call *c)
{
	cleanup_buf struct buf data = { 0 };

	c->gone_told = true;
	if (c->n == 0)
		return;
	buf_init(&data, 512);
	call_gone_encode(&c->left, &data);
	recording_message(r, FRAME_CALL_GONE, 0, buf_text(&data), data.size);
}

/* Writes what is due. */
static void tell(struct recording *r, struct entered_call *c, uint64_t now_ns)
{
	uint64_t wait = c->forked ? FORKED_WAIT_NS : EXEC_WAIT_NS;

	if (!c->announced && (c->known || c->over || now_ns - c->since_ns >= wait))
		announce(r, c);
	if (c->over && !c->over_told)
		tell_over(r, c);
	if (c->gone && !c->gone_told)
		tell_gone(r, c);
	if (c->gone) {
		forget(r->entered, c);
		r->entered->changed = true;
	}
}

static struct resources spent(const struct event_enter *n)
{
	return (struct resources){ .cpu_usec = n->cpu_usec, .memory_peak = n->max_rss };
}

static void on_begun(struct entered_call *c, const struct event_view *e, uint64_t wall_ns)
{
	const struct event_enter *n = e->enter;

	c->pid = n->h.pid;
	c->pid_inside = n->h.pid_inside;
	c->uid = n->h.uid;
	c->start_ns = n->h.start_ns;
	c->since_ns = n->h.mono_ns;
	c->began_ns = wall_ns;
	c->forked = n->forked;
	c->by_pid = n->by_pid;
	snprintf(c->by_comm, sizeof(c->by_comm), "%.*s", (int)sizeof(n->by_comm), n->by_comm);
	set_command(c, e->text[0].data, e->text[0].size);
	if (!c->command)
		set_command(c, n->comm, strnlen(n->comm, sizeof(n->comm)));
}

static void on_over(struct entered_call *c, const struct event_enter *n, uint64_t wall_ns)
{
	c->over = true;
	c->exit = (struct call_exit){ .n = c->n,
				      .exit_code = n->signal ? 128 + n->signal : n->status,
				      .ending = n->signal ? ENDING_SIGNAL : ENDING_EXIT,
				      .ended_ns = wall_ns,
				      .survivors = n->processes,
				      .resources = spent(n) };
}

static void on_gone(struct entered_call *c, const struct event_enter *n, uint64_t wall_ns)
{
	if (!c->over) /* its event was lost */
		c->exit = (struct call_exit){
			.n = c->n, .exit_code = -1, .ended_ns = wall_ns, .resources = spent(n)
		};
	c->over = c->gone = true;
	c->left = (struct call_gone){ .n = c->n, .gone_ns = wall_ns, .resources = spent(n) };
}

static void on_enter(struct recording *r, const struct event_view *e, uint64_t wall_ns)
{
	struct entered_call *c = find(r->entered, e->h->call);

	if (!c)
		c = add(r, e->h->call);
	if (!c)
		return;
	if (e->enter->step == ENTER_BEGUN || !c->began_ns)
		on_begun(c, e, wall_ns);
	if (e->enter->step == ENTER_OVER)
		on_over(c, e->enter, wall_ns);
	else if (e->enter->step == ENTER_GONE)
		on_gone(c, e->enter, wall_ns);
	if (!r->replaying)
		tell(r, c, e->h->mono_ns);
}

static void on_exec(struct recording *r, const struct event_view *e)
{
	struct entered_call *c = find(r->entered, e->h->call);

	if (!c || c->announced || e->h->pid != c->pid || e->h->start_ns != c->start_ns)
		return;
	set_command(c, e->text[3].data, e->text[3].size);
	c->known = true;
	if (!r->replaying)
		tell(r, c, e->h->mono_ns);
}

void entered_event(struct recording *r, const struct event_view *e, uint64_t wall_ns)
{
	if (e->h->kind == EVENT_ENTER)
		on_enter(r, e, wall_ns);
	else if (r->entered && e->h->kind == EVENT_EXEC)
		on_exec(r, e);
}

void entered_frame(struct recording *r, const struct frame_body *body)
{
	struct entered_call *c = find(r->entered, frame_body_call(body));

	if (!c)
		return;
	c->announced |= body->what == FRAME_CALL_ANNOUNCE;
	c->over_told |= body->what == FRAME_CALL_EXIT;
	c->gone_told |= body->what == FRAME_CALL_GONE;
}

static void tell_keeper(struct recording *r, struct entered *e)
{
	cleanup_buf struct buf data = { 0 };

	if (!e->changed || r->keeper.fd < 0)
		return;
	buf_init(&data, 8);
	wire_put_u32(&data, e->begun);
	wire_put_u32(&data, (uint32_t)e->count);
	e->changed = channel_send(&r->keeper, MESSAGE_REC_CALLS, 0, buf_text(&data), data.size,
				  NULL, 0, MSG_DONTWAIT) < 0;
}

void entered_tick(struct recording *r, uint64_t mono_ns)
{
	struct entered *e = r->entered;

	if (!e)
		return;
	/* from the end: one that is forgotten has its place taken by the last */
	for (size_t i = e->count; i > 0; i--)
		tell(r, &e->calls[i - 1], mono_ns);
	tell_keeper(r, e);
}

void entered_finish(struct recording *r, uint64_t wall_ns)
{
	struct entered *e = r->entered;

	for (size_t i = e ? e->count : 0; i > 0; i--) {
		struct entered_call *c = &e->calls[i - 1];

		if (!c->over)
			c->exit = (struct call_exit){ .n = c->n,
						      .exit_code = -1,
						      .ending = ENDING_UNWATCHED,
						      .ended_ns = wall_ns };
		c->over = true;
		tell(r, c, UINT64_MAX);
	}
}
