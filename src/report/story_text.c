// SPDX-License-Identifier: Apache-2.0
/* The story in sentences; see tell.h. A step further back stands below, deeper where it came along
 * with what was taken. All bytes of the agent have been escaped before they come here. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "report/tell.h"

#define INDENT 3
#define DEPTH_MAX 12 /* of the indentation */

struct teller {
	const struct report *report;
	struct page *page;
	bool told[STORY_STEPS_MAX];
	bool named[STORY_STEPS_MAX * 2 + 1]; /* of the story's calls */
};

/* "In call 9, make (pid 7)" + one of these + what it took. */
static const char *deed(enum edge_kind kind)
{
	static const char *const deeds[EDGE_KIND_COUNT] = {
		[EDGE_UNKNOWN] = "used something that was changed in this run",
		[EDGE_EXECUTED] = "executed",
		[EDGE_LOADED] = "loaded",
		[EDGE_READ] = "read",
		[EDGE_KEPT] = "changed, and left something in,",
		[EDGE_SOCKET] = "talked over the socket",
		[EDGE_PIPE] = "read from the pipe",
		[EDGE_DESCRIPTOR] = "used the descriptor",
		[EDGE_MEMORY] = "shared memory",
		[EDGE_QUEUE] = "received from the queue",
		[EDGE_TERMINAL] = "read from the terminal",
		[EDGE_WATCH] = "was told of a change by the kernel:",
		[EDGE_SIGNAL] = "was sent a signal",
		[EDGE_TRACE] = "was changed in its memory or registers",
		[EDGE_STATE] = "began in a shell with the state",
		[EDGE_SESSION] = "worked in a living shell",
		[EDGE_STARTED] = "was started",
		[EDGE_NAME] = "reached a destination by a name",
		[EDGE_USED] = "sent or received over the connection",
	};

	return deeds[kind] ? deeds[kind] : "took over";
}

static void add_when(struct buf *line, const struct evidence *e)
{
	char time[CLOCK_TEXT_MAX];

	buf_printf(line, " (event %llu, %.12s)", (unsigned long long)e->seq,
		   clock_format(e->wall_ns, time) + 11);
}

static void add_process(struct buf *line, const struct evidence *e)
{
	if (!e->pid) { /* the keeper says so before there is one */
		buf_add_text(line, "the first process");
		return;
	}
	buf_printf(line, "%s (pid %u", e->exe ? e->exe : "a process", e->pid);
	if (e->argv && *e->argv)
		buf_printf(line, ", \"%s\"", e->argv);
	buf_add_char(line, ')');
}

/* "call 3, bash `cp seed new`" the first time, then "call 3"; and what comes after that. */
static void add_call(struct teller *t, uint32_t n, const char *after)
{
	const struct story *s = &t->report->story;
	const struct story_call *call = story_call(s, n);
	struct buf *line = &t->page->line;

	buf_printf(line, "call %u", n);
	if (call && call->command && !t->named[call - s->calls]) {
		t->named[call - s->calls] = true;
		buf_printf(line, ", %s%s`%s`%s", call->function, *call->function ? " " : "",
			   call->command, *after == '.' ? "" : ",");
	}
	buf_add_text(line, after);
}

/* ": /bin/cp (pid 7, "cp seed new"), write /work/new (event 34, 10:00:01)" */
static size_t tell_change(struct teller *t, uint64_t seq, size_t said)
{
	const struct evidence *e = seq ? report_evidence(t->report, seq) : NULL;
	struct buf *line = &t->page->line;

	if (!e || !e->words)
		return 0;
	buf_add_text(line, said ? ", and " : ": ");
	add_process(line, e);
	buf_printf(line, ", %s", e->words);
	add_when(line, e);
	return 1;
}

static void tell_origin(struct teller *t, const struct story_step *step)
{
	struct buf *line = &t->page->line;
	size_t said = 0;

	if (step->from == EVENT_NO_CALL) {
		buf_add_text(line, ": by whom it had been left was not seen.");
		return;
	}
	if (step->from == step->call) { /* the flow's opener is another */
		buf_add_char(line, '.');
		return;
	}
	if (!step->inode) {
		buf_add_text(line, "; behind it stands ");
		add_call(t, step->from, ".");
		return;
	}
	buf_add_text(line, ", which ");
	add_call(t, step->from, " had left so");
	said = tell_change(t, step->wrote, said);
	said += tell_change(t, step->changed, said);
	buf_add_text(line, said ? "." : "; the event in which it did is not in the record.");
}

static void tell_step(struct teller *t, size_t i, unsigned depth)
{
	const struct story_step *step = &t->report->story.steps[i];
	const struct evidence *e = report_evidence(t->report, step->seq);
	unsigned indent = INDENT * (depth < DEPTH_MAX ? depth : DEPTH_MAX);
	struct buf *line = &t->page->line;

	if (t->told[i])
		return;
	t->told[i] = true;
	buf_printf(line, "%*s- In ", (int)indent, "");
	add_call(t, step->call, " ");
	if (e && e->words) {
		add_process(line, e);
		buf_printf(line, " %s%s%s", deed(step->kind), e->object ? " " : "",
			   e->object ? e->object : "");
		add_when(line, e);
	} else {
		buf_printf(line, "a process %s (event %llu)", deed(step->kind),
			   (unsigned long long)step->seq);
	}
	tell_origin(t, step);
	if (step->lost)
		buf_add_text(line, " What stands behind that is not in the record.");
	else if (!step->with && step->from != EVENT_NO_CALL)
		buf_printf(line, " Behind call %u stands no other there.", step->from);
	page_end_line(t->page, INK_PLAIN, indent + 2);
	if (step->with)
		tell_step(t, step->with - 1, depth + 1);
	if (step->before)
		tell_step(t, step->before - 1, depth);
}

void story_text(const struct report *r, struct page *p)
{
	const struct story *s = &r->story;
	cleanup_free struct teller *t = calloc(1, sizeof(*t));

	if (!t || (!s->count && !s->lost))
		return;
	*t = (struct teller){ .report = r, .page = p };
	page_line(p, INK_BOLD, 0, "How it came about, the last first:");
	for (size_t i = 0; i < s->root_count; i++)
		tell_step(t, s->roots[i], 0);
	if (s->lost)
		page_line(p, INK_RED, INDENT,
			  "- What its process had taken over before is not in the record.");
	if (s->more)
		page_line(p, INK_DIM, INDENT, "… and %llu steps further back",
			  (unsigned long long)s->more);
}
