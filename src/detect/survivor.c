// SPDX-License-Identifier: Apache-2.0
/* Processes that outlive their call. The keeper counts them in the call's cgroup when the call's
 * first process ends (that number is the kernel's); who they are comes from the events. What ends
 * within GRACE_NS by itself, as the far end of a pipe may, is said at severity info. A call is
 * followed until its cgroup is gone; the finding then says how long they stayed. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bpf/event_words.h"
#include "detect/detection.h"

#define GRACE_NS (NSEC_PER_SEC / 4)
#define FOLLOWED_MAX 256 /* calls; a further one is reported at once and not followed */
#define NAMES_MAX 4
#define NAME_WIDTH 60

struct followed {
	uint32_t call;
	uint32_t count; /* processes, as the keeper counted */
	bool reported;
	bool killed; /* one of them ended by SIGKILL: it would have stayed */
	enum severity severity;
	enum finding_verdict verdict;
	uint64_t since; /* mono */
	uint64_t exit_seq;
	size_t exec_count;
	uint64_t execs[NAMES_MAX];
	uint32_t labels[NAMES_MAX];		      /* of the same processes */
	char names[NAMES_MAX * (NAME_WIDTH * 4 + 4)]; /* escaped */
};

struct survivors {
	size_t count;
	struct followed calls[FOLLOWED_MAX];
};

static int start(struct detection *d, void **ret_state)
{
	struct survivors *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret_state = s;
	return 0;
}

/* The eldest processes of a call. */
struct eldest {
	size_t count;
	const struct process *processes[NAMES_MAX];
};

static void take_process(void *context, const struct process *p)
{
	struct eldest *e = context;
	size_t at;

	if (p->end_unseen)
		return; /* who of them lives cannot be told */
	at = e->count < NAMES_MAX ? e->count++ : NAMES_MAX - 1;
	if (at == NAMES_MAX - 1 && e->processes[at] && e->processes[at]->start_ns <= p->start_ns)
		return;
	while (at > 0 && e->processes[at - 1]->start_ns > p->start_ns) {
		e->processes[at] = e->processes[at - 1];
		at--;
	}
	e->processes[at] = p;
}

static void add_name(struct buf *text, const struct process *p)
{
	if (text->size)
		buf_add_text(text, ", ");
	if (p->argv_size)
		argv_words(text, p->argv, p->argv_size, NAME_WIDTH);
	else
		buf_printf(text, "pid %u", p->pid);
}

/* Names as many of them as the keeper counted, the eldest first. */
static void name_processes(const struct detection *d, struct followed *call)
{
	struct eldest eldest = { 0 };
	cleanup_buf struct buf text = { 0 };
	size_t size;

	buf_init(&text, sizeof(call->names) - 1);
	processes_of_call(detection_processes(d), call->call, take_process, &eldest);
	if (eldest.count > call->count)
		eldest.count = call->count;
	call->exec_count = eldest.count;
	for (size_t i = 0; i < eldest.count; i++) {
		call->execs[i] = eldest.processes[i]->exec_seq;
		call->labels[i] = eldest.processes[i]->label;
		add_name(&text, eldest.processes[i]);
	}
	size = text.error ? 0 : text.size;
	memcpy(call->names, buf_text(&text), size);
	call->names[size] = '\0';
}

/* end: what is known of their end, "" nothing yet. seq: 0, or the event that adds to it. */
static void say(struct detection *d, const struct followed *call, const char *end, uint64_t seq)
{
	cleanup_buf struct buf text = { 0 };
	struct finding f;

	finding_begin_call(FINDING_SURVIVOR, call->call, seq ? seq : call->exit_seq, &f);
	f.severity = call->severity;
	f.verdict = call->verdict;
	f.events = seq || !call->reported ? 1 : 0;
	for (size_t i = 0; !call->reported && i < call->exec_count; i++)
		if (call->execs[i])
			f.evidence[f.evidence_count++] = call->execs[i];
	for (size_t i = 0; i < call->exec_count; i++)
		finding_add_label(d, &f, call->labels[i]);
	if (call->reported && !seq)
		f.evidence_count = 0;
	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	buf_printf(&text, "%u process%s outlived the call", call->count,
		   call->count == 1 ? "" : "es");
	if (call->names[0])
		buf_printf(&text, ": %s", call->names);
	buf_add_text(&text, end);
	finding_say(&f, &text);
	detection_report(d, &f, 0);
}

static void report(struct detection *d, struct followed *call, enum severity severity,
		   const char *end)
{
	call->severity = severity;
	say(d, call, end, 0);
	call->reported = true;
}

static void on_call_exit(struct detection *d, void *state, const struct call_announce *announce,
			 const struct call_exit *x, uint64_t seq)
{
	struct survivors *s = state;
	struct followed *call, unfollowed = { 0 };
	enum policy_background background = detection_policy(d)->background;

	/* What weir ended itself, for time or with the run, did not mean to stay. */
	if (x->n == 0 || !x->survivors || background == BACKGROUND_ALLOW ||
	    (x->ending != ENDING_EXIT && x->ending != ENDING_SIGNAL && x->ending != ENDING_UNKNOWN))
		return;
	call = s->count < FOLLOWED_MAX ? &s->calls[s->count++] : &unfollowed;
	*call = (struct followed){
		.call = x->n, .count = x->survivors, .since = detection_now(d), .exit_seq = seq
	};
	name_processes(d, call);
	if (background == BACKGROUND_DENY) {
		call->verdict = VERDICT_KILLED;
		report(d, call, SEVERITY_HIGH, "; weir ended them");
	} else if (call == &unfollowed) {
		report(d, call, finding_rows[FINDING_SURVIVOR].severity, "");
	}
}

static void report_late(struct detection *d, struct survivors *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct followed *call = &s->calls[i];

		if (call->reported || detection_now(d) - call->since < GRACE_NS)
			continue;
		name_processes(d, call);
		report(d, call, finding_rows[FINDING_SURVIVOR].severity, "");
	}
}

/* The call's cgroup is gone: nothing of it lives. */
static void conclude(struct detection *d, struct survivors *s, struct followed *call)
{
	uint64_t stayed = detection_now(d) - call->since;
	char end[64];

	if (call->verdict != VERDICT_KILLED) {
		snprintf(end, sizeof(end), "; the last %s %llu.%llu s later",
			 call->killed ? "was killed" : "ended",
			 (unsigned long long)(stayed / NSEC_PER_SEC),
			 (unsigned long long)(stayed / (NSEC_PER_SEC / 10) % 10));
		if (call->reported)
			say(d, call, end, 0);
		else
			report(d, call,
			       stayed < GRACE_NS && !call->killed
				       ? SEVERITY_INFO
				       : finding_rows[FINDING_SURVIVOR].severity,
			       end);
	}
	*call = s->calls[--s->count];
}

static struct followed *find(struct survivors *s, uint32_t call)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->calls[i].call == call)
			return &s->calls[i];
	return NULL;
}

/* Where nobody but the kernel tells of calls, its count comes before their ends are told. */
static void on_call_gone(struct detection *d, void *state, uint32_t n)
{
	struct survivors *s = state;
	struct followed *call = find(s, n);

	if (call)
		conclude(d, s, call);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	struct survivors *s = state;
	struct followed *call = find(s, e->h->call);

	if (call && e->h->kind == EVENT_EXIT)
		call->killed |= e->exit->signal == SIGKILL;
	if (call && e->h->kind == EVENT_COUNT)
		conclude(d, s, call);
	else if (call && call->reported && e->h->kind == EVENT_EXIT &&
		 call->verdict != VERDICT_KILLED)
		say(d, call, "", e->seq);
	if (s->count)
		report_late(d, s);
}

static void on_tick(struct detection *d, void *state, uint64_t mono_ns)
{
	report_late(d, state);
}

static void finish(struct detection *d, void *state)
{
	struct survivors *s = state;

	for (size_t i = 0; s && i < s->count; i++) {
		struct followed *call = &s->calls[i];

		if (call->verdict == VERDICT_KILLED)
			continue;
		if (call->reported)
			say(d, call, "; not gone before the run ended", 0);
		else
			report(d, call, finding_rows[FINDING_SURVIVOR].severity,
			       "; not gone before the run ended");
	}
	free(s);
}

const struct detector survivor_detector = {
	.kind = FINDING_SURVIVOR,
	.wants = (1u << EVENT_KIND_COUNT) - 1, /* every event is also a clock */
	.start = start,
	.on_event = on_event,
	.on_call_exit = on_call_exit,
	.on_call_gone = on_call_gone,
	.on_tick = on_tick,
	.finish = finish,
};
