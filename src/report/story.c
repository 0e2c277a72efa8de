// SPDX-License-Identifier: Apache-2.0
/* Gathers the steps of a story; see story.h. One walk over the record keeps every handover and who
 * changed which file last; then the steps are followed from the finding back, each once, so loops
 * end. Bounded: LINEAGE_LABELS_MAX handovers, CHANGES_MAX files. Trusts no number in an event. */
#include "report/story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "call/lineage.h"
#include "report/arguments.h"
#include "store/array.h"

#define COMMAND_WIDTH 100
#define CHANGES_MAX (1 << 18) /* (file, call) pairs whose last change is kept; a power of two */

struct taken {
	uint64_t seq, inode, device, wrote, changed;
	uint32_t label, had, with, from, call;
	uint8_t kind;
};

struct change {
	uint64_t inode, device, wrote, changed; /* the last two: numbers of events; both 0: empty */
	uint32_t call;
};

struct gathering {
	const struct finding *finding;
	struct taken *taken; /* in the order of the record */
	size_t count, room;
	struct change *changes;
	size_t change_count;
	uint32_t labels[FINDING_EVIDENCE_MAX]; /* of the finding's events */
	size_t label_count;
	const struct taken *told[STORY_STEPS_MAX]; /* of the steps */
};

static struct change *find_change(const struct gathering *g, uint64_t inode, uint64_t device,
				  uint32_t call)
{
	uint64_t h = (inode * 0x9e3779b97f4a7c15ull ^ device ^ call) * 0xff51afd7ed558ccdull;
	size_t at = (size_t)(h >> 40) & (CHANGES_MAX - 1);

	for (; g->changes[at].wrote || g->changes[at].changed; at = (at + 1) & (CHANGES_MAX - 1)) {
		const struct change *c = &g->changes[at];

		if (c->inode == inode && c->device == device && c->call == call)
			break;
	}
	return &g->changes[at];
}

static void keep_change(struct gathering *g, const struct event_view *e)
{
	const struct event_file *file = e->file;
	struct change *c;

	if (file->op == FILE_READ || file->result < 0 || !file->inode)
		return;
	c = find_change(g, file->inode, file->device, e->h->call);
	if (!c->wrote && !c->changed) {
		if (g->change_count >= CHANGES_MAX / 4 * 3)
			return;
		g->change_count++;
		*c = (struct change){ .inode = file->inode,
				      .device = file->device,
				      .call = e->h->call };
	}
	if (file->op == FILE_WRITE || file->op == FILE_CREATE || file->op == FILE_TRUNCATE)
		c->wrote = e->seq;
	else
		c->changed = e->seq;
}

static int keep_handover(struct gathering *g, const struct event_view *e)
{
	const struct event_handover *o = e->handover;
	struct taken *t;

	if (array_grow(&g->taken, &g->room, g->count, sizeof(*g->taken), LINEAGE_LABELS_MAX) ==
	    -ENOMEM)
		return -ENOMEM;
	if (g->count >= g->room)
		return 0;
	t = &g->taken[g->count++];
	*t = (struct taken){
		.seq = e->seq,
		.inode = o->inode,
		.device = o->device,
		.label = o->label,
		.had = e->h->label,
		.with = o->with,
		.from = o->from,
		.call = e->h->call,
		.kind = (uint8_t)o->edge,
	};
	if (o->inode && o->from != EVENT_NO_CALL) {
		const struct change *c = find_change(g, o->inode, o->device, o->from);

		t->wrote = c->wrote;
		t->changed = c->changed;
	}
	return 0;
}

static int take_event(struct gathering *g, const struct event_view *e)
{
	for (size_t i = 0; i < g->finding->evidence_count; i++)
		if (g->finding->evidence[i] == e->seq && e->h->label)
			g->labels[g->label_count++ % FINDING_EVIDENCE_MAX] = e->h->label;
	if (e->h->kind == EVENT_FILE)
		keep_change(g, e);
	return e->h->kind == EVENT_HANDOVER ? keep_handover(g, e) : 0;
}

static int gather(struct store *s, const char *run_id, struct gathering *g, struct fail *f)
{
	struct frame_reader *reader = NULL;
	struct fail damage = { 0 };
	struct frame frame;
	int n, memory = 0;

	g->changes = calloc(CHANGES_MAX, sizeof(*g->changes));
	if (!g->changes)
		return fail(f, ENOMEM, "gathering the story");
	n = frame_reader_open(s, run_id, 1, &reader, &damage);
	while (memory == 0 && n >= 0 && (n = frame_reader_next(reader, &frame, &damage)) > 0)
		if (frame_kind_is_event(frame.kind))
			memory = take_event(g, &frame.event);
	frame_reader_close(reader);
	return memory < 0 ? fail(f, ENOMEM, "gathering the story") : 0;
}

static int by_label(const void *a, const void *b)
{
	const struct taken *x = a, *y = b;

	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The handover that made the label: the first one, or NULL. */
static const struct taken *find_label(const struct gathering *g, uint32_t label)
{
	size_t from = 0, to = g->count;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (g->taken[middle].label < label)
			from = middle + 1;
		else
			to = middle;
	}
	return from < g->count && g->taken[from].label == label ? &g->taken[from] : NULL;
}

/* The step of a handover, made where there is none yet; 0: none, or there are too many. */
static size_t step_of(struct story *s, struct gathering *g, const struct taken *t)
{
	if (!t)
		return 0;
	for (size_t i = 0; i < s->count; i++)
		if (g->told[i] == t)
			return i + 1;
	if (s->count == STORY_STEPS_MAX) {
		s->more++;
		return 0;
	}
	g->told[s->count] = t;
	s->steps[s->count++] = (struct story_step){
		.seq = t->seq,
		.call = t->call,
		.from = t->kind == EDGE_UNKNOWN ? EVENT_NO_CALL : t->from,
		.kind = (enum edge_kind)t->kind,
		.inode = t->inode,
		.device = t->device,
		.wrote = t->wrote,
		.changed = t->changed,
	};
	return s->count;
}

static void add_root(struct story *s, struct gathering *g, const struct taken *t)
{
	size_t step = step_of(s, g, t);

	for (size_t i = 0; i < s->root_count; i++)
		if (s->roots[i] + 1 == step)
			return;
	if (step)
		s->roots[s->root_count++] = step - 1;
}

/* From the labels of the finding's events. */
static void begin(struct story *s, struct gathering *g)
{
	size_t labels =
		g->label_count < FINDING_EVIDENCE_MAX ? g->label_count : FINDING_EVIDENCE_MAX;

	for (size_t i = 0; i < labels; i++) {
		const struct taken *t = find_label(g, g->labels[i]);

		s->lost = s->lost || !t;
		add_root(s, g, t);
	}
}

/* And from its edges: a finding of a call as a whole has no more than these. */
static void begin_at_edges(struct story *s, struct gathering *g)
{
	const struct finding *f = g->finding;

	for (size_t i = 0; i < f->via_count; i++) {
		bool told = false;

		for (size_t k = 0; k < s->count && !told; k++)
			told = s->steps[k].seq == f->via[i].seq;
		for (size_t k = 0; k < g->count && !told; k++)
			if (g->taken[k].seq == f->via[i].seq && g->taken[k].call == f->call)
				add_root(s, g, &g->taken[k]);
	}
}

/* Each step is followed once, in the order in which it was met: the nearest are told. */
static void follow(struct story *s, struct gathering *g)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct taken *t = g->told[i];
		const struct taken *before = t->had ? find_label(g, t->had) : NULL;
		const struct taken *with = t->with ? find_label(g, t->with) : NULL;

		s->steps[i].lost = (t->had && !before) || (t->with && !with);
		s->steps[i].with = step_of(s, g, with);
		s->steps[i].before = step_of(s, g, before);
	}
}

static int add_call(struct story *s, uint32_t n)
{
	struct story_call *more;

	if (n == EVENT_NO_CALL || story_call(s, n))
		return 0;
	more = realloc(s->calls, (s->call_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->calls = more;
	s->calls[s->call_count++] = (struct story_call){ .n = n };
	return 0;
}

static int name_call(void *context, const struct call_record *c)
{
	struct story *s = context;
	struct story_call *call = (struct story_call *)story_call(s, c->announce.n);
	const char *function = c->announce.function_name;
	cleanup_buf struct buf text = { .max = COMMAND_WIDTH * 16 };

	if (!call || call->command)
		return 0;
	call->started_ns = c->announce.started_ns;
	arguments_words(c->announce.arguments, COMMAND_WIDTH, &text);
	call->command = strdup(buf_text(&text));
	buf_clear(&text);
	if (function)
		text_escape_cut(&text, function, strlen(function), COMMAND_WIDTH);
	call->function = strdup(buf_text(&text));
	return call->command && call->function ? 0 : -ENOMEM;
}

static int name_calls(struct story *s, struct store *store, const char *run_id,
		      const struct finding *finding, struct fail *f)
{
	int r = add_call(s, finding->call);

	for (size_t i = 0; r == 0 && i < s->count; i++) {
		r = add_call(s, s->steps[i].call);
		if (r == 0)
			r = add_call(s, s->steps[i].from);
	}
	return r < 0 ? fail(f, ENOMEM, "gathering the story")
		     : store_calls(store, run_id, name_call, s, f);
}

const struct story_call *story_call(const struct story *s, uint32_t n)
{
	for (size_t i = 0; i < s->call_count; i++)
		if (s->calls[i].n == n)
			return &s->calls[i];
	return NULL;
}

int story_load(struct store *store, const char *run_id, const struct finding *finding,
	       struct story *ret, struct fail *f)
{
	struct gathering g = { .finding = finding };
	struct story s = { .steps = calloc(STORY_STEPS_MAX, sizeof(*s.steps)) };
	int r = s.steps ? gather(store, run_id, &g, f) : fail(f, ENOMEM, "gathering the story");

	if (r == 0) {
		if (g.count)
			qsort(g.taken, g.count, sizeof(*g.taken), by_label);
		begin(&s, &g);
		follow(&s, &g);
		begin_at_edges(&s, &g);
		follow(&s, &g);
		r = name_calls(&s, store, run_id, finding, f);
	}
	if (r == 0)
		*ret = s;
	else
		story_free(&s);
	free(g.taken);
	free(g.changes);
	return r;
}

void story_free(struct story *s)
{
	for (size_t i = 0; i < s->call_count; i++) {
		free(s->calls[i].function);
		free(s->calls[i].command);
	}
	free(s->calls);
	free(s->steps);
	*s = (struct story){ 0 };
}
