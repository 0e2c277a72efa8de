// SPDX-License-Identifier: Apache-2.0
/* From frames to lines about calls; see watch.h. Owns what it remembers of living calls. */
#include "cmd/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "report/arguments.h"
#include "store/frame_json.h"

#define NAME_COLUMNS 64
#define SUBJECT_COLUMNS 400

static struct watch_call **find(struct watch *w, uint32_t n)
{
	struct watch_call **at = &w->calls;

	while (*at && (*at)->n != n)
		at = &(*at)->next;
	return at;
}

static void call_free(struct watch_call *c)
{
	free(c->function);
	free(c->subject);
	free(c);
}

void watch_free(struct watch *w)
{
	while (w->calls) {
		struct watch_call *c = w->calls;

		w->calls = c->next;
		call_free(c);
	}
	w->call_count = 0;
}

static void function_words(struct buf *out, const char *name)
{
	text_escape_cut(out, name ? name : "", name ? strlen(name) : 0, NAME_COLUMNS);
}

static void begins(struct watch *w, const struct call_announce *a)
{
	struct watch_call *c = w->call_count < WATCH_CALLS_MAX ? calloc(1, sizeof(*c)) : NULL;
	cleanup_buf struct buf function = { 0 }, subject = { 0 };

	buf_init(&function, 4096);
	buf_init(&subject, 65536);
	function_words(&function, a->function_name);
	if (a->parent)
		buf_printf(&function, " of call %u", a->parent);
	arguments_words(a->arguments, SUBJECT_COLUMNS, &subject);
	live_begins(&w->live, &(struct live_line){ a->n, buf_text(&function), buf_text(&subject) });
	if (!c)
		return;
	*c = (struct watch_call){ .next = w->calls,
				  .n = a->n,
				  .started_ns = a->started_ns,
				  .function = strdup(buf_text(&function)),
				  .subject = strdup(buf_text(&subject)) };
	w->calls = c;
	w->call_count++;
}

static void ended(struct watch *w, const struct call_exit *x)
{
	struct watch_call **at = find(w, x->n), *c = *at;
	struct live_line call = { .n = x->n, .function = "", .subject = "" };
	struct live_ending e = { .ending = x->ending,
				 .exit_code = x->exit_code,
				 .duration_ns = UINT64_MAX,
				 .survivors = x->survivors,
				 .killed = x->killed };

	if (c && c->function && c->subject) {
		call.function = c->function;
		call.subject = c->subject;
		if (x->ended_ns >= c->started_ns)
			e.duration_ns = x->ended_ns - c->started_ns;
	}
	live_ended(&w->live, &call, &e);
	if (!c)
		return;
	*at = c->next;
	w->call_count--;
	call_free(c);
}

static void gap(struct watch *w, const struct frame_body *b)
{
	cleanup_buf struct buf line = { 0 };

	buf_init(&line, 4096);
	buf_add_text(&line, "      ");
	frame_body_words(&line, b);
	live_says(&w->live, buf_text(&line));
}

/* One comes again when it has grown: it is told again when it has become worse, or something was
 * done about it. */
static bool finding_is_news(struct watch *w, const struct finding *f)
{
	uint8_t now = (uint8_t)(1 + 2 * (unsigned)f->severity + (f->done[0] != 0));

	if (w->silent || f->number >= WATCH_FINDINGS_MAX || now <= w->findings[f->number])
		return false;
	w->findings[f->number] = now;
	return true;
}

static void body(struct watch *w, const struct frame_body *b)
{
	switch (b->what) {
	case FRAME_CALL_ANNOUNCE:
		begins(w, &b->announce);
		break;
	case FRAME_CALL_EXIT:
		ended(w, &b->exit);
		break;
	case FRAME_FINDING:
		if (!finding_is_news(w, &b->finding))
			return;
		live_finding(&w->live, &b->finding);
		break;
	case FRAME_GAP:
		gap(w, b);
		break;
	default:
		return;
	}
	w->told++;
}

int watch_frame(struct watch *w, const char *run_id, const struct frame *frame)
{
	struct frame_view v;
	int r;

	if (frame_kind_is_event(frame->kind))
		return 0;
	r = frame_view_make(run_id, frame, NULL, &v);
	if (r < 0)
		return r;
	w->over = w->over || v.body.what == FRAME_RUN_CLOSE;
	if (w->only == UINT64_MAX || frame_view_call(&v) == w->only)
		body(w, &v.body);
	frame_view_free(&v);
	return 0;
}

static bool record_open(struct watch_record *r, const char *store, const char *run_id)
{
	struct fail f = { .code = 0 };

	if (r->reader || r->broken)
		return r->reader != NULL;
	if (!r->store && store_open(store, &r->store, &f) < 0)
		return false;
	return frame_reader_open(r->store, run_id, 1, &r->reader, &f) >= 0;
}

static void tell_rest(struct watch_record *r, uint64_t count, const char *run_id)
{
	cleanup_buf struct buf line = { 0 };

	if (!count)
		return;
	buf_init(&line, 256);
	buf_printf(&line,
		   "      … and %" PRIu64 " lines more; 'weir report %s' shows what they say",
		   count, run_id);
	live_says(&r->watch.live, buf_text(&line));
}

void watch_look(struct watch_record *r, const char *store, const char *run_id, uint64_t most)
{
	FILE *out = r->watch.live.out;
	uint64_t before = r->watch.told;
	struct fail f = { .code = 0 };
	struct frame frame;
	int n;

	if (!record_open(r, store, run_id))
		return;
	while ((n = frame_reader_next(r->reader, &frame, &f)) > 0 && !r->broken) {
		if (r->watch.told - before >= most)
			r->watch.live.out = NULL;
		r->broken = watch_frame(&r->watch, run_id, &frame) < 0;
	}
	r->broken = r->broken || n < 0;
	r->watch.live.out = out;
	if (r->watch.told - before > most)
		tell_rest(r, r->watch.told - before - most, run_id);
}

void watch_record_free(struct watch_record *r)
{
	watch_free(&r->watch);
	frame_reader_close(r->reader);
	store_close(r->store);
	*r = (struct watch_record){ .broken = true };
}
