// SPDX-License-Identifier: Apache-2.0
/* weir events: what a run's record holds, a line each. Reads the segments from the beginning, since
 * which program a process runs is known from its execs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/watch.h"
#include "store/array.h"
#include "store/frame_json.h"

#define LINE_BYTES (16 * 1024 * 1024)
#define FOLLOW_US 50000
#define FLOWS_TOLD_MAX (1 << 20) /* further ones are listed with all their states */

struct events_options {
	const char *store, *form, *kind;
	uint64_t call, via;
	bool follow, all;
};

static const struct option_row rows[] = {
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct events_options, store) },
	{ 'f', "format", "FORM", "text|json", "how to print (default: text); json is JSON Lines",
	  OPTION_TEXT, offsetof(struct events_options, form) },
	{ 0, "call", "N", NULL, "only events of this call", OPTION_UINT,
	  offsetof(struct events_options, call) },
	{ 0, "via", "N", NULL, "only events behind which call N stands", OPTION_UINT,
	  offsetof(struct events_options, via) },
	{ 0, "kind", "KIND", NULL, "only events of this kind: exec, connect, file, …", OPTION_TEXT,
	  offsetof(struct events_options, kind) },
	{ 0, "follow", NULL, NULL,
	  "calls and findings as they happen, a line each, until the run is over", OPTION_FLAG,
	  offsetof(struct events_options, follow) },
	{ 0, "all", NULL, NULL,
	  "with --follow: every event; with --kind flow: every state of a flow, not the last alone",
	  OPTION_FLAG, offsetof(struct events_options, all) },
	{ 0 },
};

struct listing {
	const struct events_options *options;
	int kind; /* enum event_kind, -1: all */
	bool json;
	struct store *store;
	const struct run_open *open;
	struct processes *processes;
	struct lineage *lineage;
	bool read_ahead; /* the lineage knows the whole record */
	uint64_t *last;	 /* of each flow, by its number: the event that counts; NULL: all do */
	size_t last_room;
	struct buf line;
	bool calls; /* lines about calls and findings, not about events */
	struct watch watch;
	bool closed; /* the run's end was seen */
};

static int find_kind(const char *name)
{
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (strcmp(event_kind_name((enum event_kind)kind), name) == 0)
			return kind;
	return -1;
}

static int print(struct listing *l, const struct frame_view *v)
{
	struct json j;

	buf_clear(&l->line);
	json_init(&j, &l->line);
	if (l->json)
		frame_json(&j, v);
	else
		frame_text(&l->line, v);
	if (l->line.error)
		return l->line.error;
	return puts(buf_text(&l->line)) < 0 ? -EPIPE : 0;
}

/* A handover stands before what follows from it, but for two sensors that spoke in the same moment:
 * where a label is not known yet, all that the record has is read, once. */
static int read_ahead(struct listing *l)
{
	struct frame_reader *reader = NULL;
	struct fail f = { 0 };
	struct frame frame;
	int r = frame_reader_open(l->store, l->open->id, 1, &reader, &f);

	l->read_ahead = true;
	while (r >= 0 && (r = frame_reader_next(reader, &frame, &f)) > 0)
		if (frame.kind == EVENT_HANDOVER)
			r = lineage_event(l->lineage, &frame.event);
	frame_reader_close(reader);
	return r == -ENOMEM ? r : 0; /* the listing itself meets, and tells, all else */
}

static int learn(struct listing *l, const struct event_view *e)
{
	processes_before(l->processes, e);
	if (e->h->kind == EVENT_EXEC) /* it shows what the process became */
		processes_after(l->processes, e);
	if (!l->read_ahead && !lineage_knows(l->lineage, e->h->label) && read_ahead(l) < 0)
		return -ENOMEM;
	return lineage_event(l->lineage, e);
}

/* Events that carry the call's edge, the handover that brings it, and findings about them. */
static bool has_via(const struct frame_view *v, uint64_t call)
{
	struct edge made[LINEAGE_EDGES_MAX];
	bool finding = v->body.what == FRAME_FINDING;
	const struct edge *edges = finding ? v->body.finding.via : made;
	size_t count = finding ? v->body.finding.via_count : frame_view_edges(v, made);

	for (size_t i = 0; i < count; i++)
		if (edges[i].call == call && call != EVENT_NO_CALL)
			return true;
	return v->frame->kind == EVENT_HANDOVER && v->body.event.handover->from == call &&
	       call != EVENT_NO_CALL && v->body.event.h->call != call;
}

/* A flow is told again and again, each time with all of it. */
static int find_last(struct listing *l, struct fail *f)
{
	struct frame_reader *reader = NULL;
	struct frame frame;
	int r = frame_reader_open(l->store, l->open->id, 1, &reader, f);

	while (r >= 0 && (r = frame_reader_next(reader, &frame, f)) > 0) {
		uint64_t flow = frame.kind == EVENT_FLOW ? frame.event.flow->flow : 0;

		if (!flow || flow > FLOWS_TOLD_MAX)
			continue;
		if (array_grow(&l->last, &l->last_room, flow, sizeof(*l->last),
			       FLOWS_TOLD_MAX + 1) < 0)
			r = fail(f, ENOMEM, "list flows");
		else
			l->last[flow] = frame.seq;
	}
	frame_reader_close(reader);
	return r == -EBADMSG ? 0 : r; /* the listing itself comes there, and tells it */
}

static bool is_last(const struct listing *l, const struct frame_view *v)
{
	uint64_t flow = v->frame->kind == EVENT_FLOW ? v->frame->event.flow->flow : 0;

	return !flow || flow >= l->last_room || v->frame->seq >= l->last[flow];
}

static bool is_wanted(const struct listing *l, const struct frame_view *v)
{
	const struct events_options *o = l->options;

	return is_last(l, v) && (l->kind < 0 || (int)v->frame->kind == l->kind) &&
	       (o->call == UINT64_MAX || frame_view_call(v) == o->call) &&
	       (o->via == UINT64_MAX || has_via(v, o->via));
}

static int show_call(struct listing *l, const struct frame *frame)
{
	int r = watch_frame(&l->watch, l->open->id, frame);

	l->closed = l->watch.over;
	return r < 0 ? r : ferror(stdout) ? -EPIPE : 0;
}

static int show(struct listing *l, const struct frame *frame)
{
	struct frame_view v;
	bool is_event = frame_kind_is_event(frame->kind);
	int r = frame_view_make(l->open->id, frame, l->open, &v);

	if (r < 0)
		return r;
	v.processes = l->processes;
	v.lineage = l->lineage;
	if (is_event)
		r = learn(l, &frame->event);
	if (r == 0 && is_wanted(l, &v))
		r = print(l, &v);
	if (is_event && frame->kind != EVENT_EXEC)
		processes_after(l->processes, &frame->event);
	l->closed = l->closed || v.body.what == FRAME_RUN_CLOSE;
	frame_view_free(&v);
	return r;
}

static int list(struct listing *l, struct frame_reader *reader, bool follow, struct fail *f)
{
	struct frame frame;
	int r;

	for (;;) {
		while ((r = frame_reader_next(reader, &frame, f)) > 0) {
			r = l->calls ? show_call(l, &frame) : show(l, &frame);
			if (r == -EPIPE)
				return 0;
			if (r < 0)
				return fail(f, -r, "event %s:%llu cannot be shown", l->open->id,
					    (unsigned long long)frame.seq);
		}
		if (r < 0 || !follow || l->closed)
			return r;
		if (fflush(stdout) < 0)
			return 0;
		usleep(FOLLOW_US);
	}
}

static int prepare(struct listing *l, struct fail *f)
{
	if (processes_new(&l->processes) < 0 || lineage_new(&l->lineage) < 0)
		return fail(f, ENOMEM, "list events");
	if (l->kind == EVENT_FLOW && !l->options->all && !l->options->follow)
		return find_last(l, f);
	return 0;
}

static void listing_free(struct listing *l)
{
	live_break(&l->watch.live);
	watch_free(&l->watch);
	processes_free(l->processes);
	lineage_free(l->lineage);
	buf_free(&l->line);
	free(l->last);
}

static int list_run(const struct events_options *o, const char *spec, int kind, struct fail *f)
{
	struct listing l = { .options = o, .kind = kind, .json = strcmp(o->form, "json") == 0 };
	struct frame_reader *reader = NULL;
	struct run_info info = { 0 };
	int r = store_open(o->store, &l.store, f);

	/* who asks for some kind of event wants events */
	l.calls = o->follow && !o->all && !l.json && kind < 0 && o->via == UINT64_MAX;
	l.watch.only = o->call;
	live_init(&l.watch.live, stdout);
	buf_init(&l.line, LINE_BYTES);
	if (r >= 0)
		r = store_run_find(l.store, spec, &info, f);
	l.open = &info.open;
	if (r >= 0)
		r = prepare(&l, f);
	if (r >= 0)
		r = frame_reader_open(l.store, info.open.id, 1, &reader, f);
	if (r >= 0)
		r = list(&l, reader, o->follow && !info.over && !info.damaged, f);
	frame_reader_close(reader);
	listing_free(&l);
	run_info_free(&info);
	store_close(l.store);
	return r;
}

static int events_run(int argc, char **argv);

const struct command command_events = {
	.name = "events",
	.arguments = "[RUN]",
	.about = "show the events of a run",
	.help = "RUN is an id, a unique prefix of one, a name, or nothing for the latest run. One\n"
		"event a line: number, time (UTC), call, kind, process, and what happened. As "
		"JSON\n"
		"each line is an object, see weir-events(5).\n"
		"\n"
		"  weir events\n"
		"  weir events --call 3 --kind exec\n"
		"  weir events --via 3\n"
		"  weir events --kind flow        each flow once, as it was last\n"
		"  weir events nightly -f json | jq -r 'select(.kind == \"connect\") | .dst'\n"
		"  weir events --follow           calls and findings as they happen\n"
		"  weir events --follow --all     every event as it happens\n",
	.options = rows,
	.run = events_run,
};

static int events_run(int argc, char **argv)
{
	struct events_options o = { .form = "text", .call = UINT64_MAX, .via = UINT64_MAX };
	int first = options_parse(&command_events, argc, argv, &o);
	cleanup_free char *standard = NULL;
	struct fail f = { .code = 0 };
	int kind = -1;

	if (first < 0)
		return options_status(first);
	if (argc - first > 1) {
		log_error("weir events takes one run at most");
		return EXIT_WEIR_USAGE;
	}
	if (o.kind && (kind = find_kind(o.kind)) < 0) {
		log_error("there is no kind of event '%s'; weir-events(5) lists them", o.kind);
		return EXIT_WEIR_USAGE;
	}
	standard = store_path_default();
	if (!o.store)
		o.store = standard;
	signal(SIGPIPE, SIG_IGN);
	if (list_run(&o, argc > first ? argv[first] : NULL, kind, &f) < 0) {
		fflush(stdout);
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return 0;
}
