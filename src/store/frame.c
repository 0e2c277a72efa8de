// SPDX-License-Identifier: Apache-2.0
/* Decoding what frames say; see frame.h. The bytes may be hostile: a record can be handed to us by
 * anybody. */
#include "store/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const gap_names[GAP_REASON_COUNT] = {
	[GAP_NOT_WRITTEN] = "not written",
	[GAP_BACKLOG] = "backlog full",
	[GAP_MALFORMED] = "malformed",
	[GAP_CRASH] = "crash",
};

const char *gap_reason_name(enum gap_reason reason)
{
	return (unsigned)reason < GAP_REASON_COUNT ? gap_names[reason] : "unknown";
}

void gap_encode(const struct gap *g, struct buf *out)
{
	wire_put_u8(out, (uint8_t)g->reason);
	wire_put_text(out, g->text);
	wire_put_u64(out, g->from_ns);
	wire_put_u64(out, g->to_ns);
	wire_put_u64(out, g->unknown);
	wire_put_u32(out, (uint32_t)g->call_count);
	for (size_t i = 0; i < g->call_count; i++) {
		wire_put_u32(out, g->calls[i].call);
		for (int c = 0; c < EVENT_CLASS_COUNT; c++)
			wire_put_u64(out, g->calls[i].lost[c]);
	}
}

int gap_decode(struct wire *w, struct gap *ret)
{
	struct gap g = { 0 };
	cleanup_free char *text = NULL;
	uint8_t reason = wire_get_u8(w);

	text = wire_get_text(w, sizeof(g.text) - 1);
	g.from_ns = wire_get_u64(w);
	g.to_ns = wire_get_u64(w);
	g.unknown = wire_get_u64(w);
	g.call_count = wire_get_u32(w);
	if (w->error || reason >= GAP_REASON_COUNT || g.call_count > GAP_CALLS_MAX)
		return w->error == -ENOMEM ? -ENOMEM : -EBADMSG;
	g.reason = reason;
	snprintf(g.text, sizeof(g.text), "%s", text);
	for (size_t i = 0; i < g.call_count; i++) {
		g.calls[i].call = wire_get_u32(w);
		for (int c = 0; c < EVENT_CLASS_COUNT; c++)
			g.calls[i].lost[c] = wire_get_u64(w);
	}
	if (w->error)
		return -EBADMSG;
	*ret = g;
	return 0;
}

void gap_count(struct gap *g, uint32_t call, enum event_class class)
{
	size_t i = 0;

	while (i < g->call_count && g->calls[i].call != call)
		i++;
	if (i == GAP_CALLS_MAX) {
		g->unknown++;
		return;
	}
	if (i == g->call_count)
		g->calls[g->call_count++] = (struct gap_call){ .call = call };
	g->calls[i].lost[class]++;
}

uint64_t gap_total(const struct gap *g)
{
	uint64_t total = g->unknown;

	for (size_t i = 0; i < g->call_count; i++)
		for (int c = 0; c < EVENT_CLASS_COUNT; c++)
			total += g->calls[i].lost[c];
	return total;
}

static int decode_what(enum frame_what what, struct wire *w, struct frame_body *ret)
{
	switch (what) {
	case FRAME_RUN_OPEN:
		return run_open_decode(w, &ret->run_open);
	case FRAME_RUN_CLOSE:
		return run_close_decode(w, &ret->run_close);
	case FRAME_CALL_ANNOUNCE:
		return call_announce_decode(w, &ret->announce);
	case FRAME_CALL_EXIT:
		return call_exit_decode(w, &ret->exit);
	case FRAME_CALL_OBSERVATION:
		return call_observation_decode(w, &ret->observation);
	case FRAME_CALL_GONE:
		return call_gone_decode(w, &ret->gone);
	case FRAME_FINDING:
		return finding_decode(w, &ret->finding);
	case FRAME_GAP:
		return gap_decode(w, &ret->gap);
	default:
		return -EBADMSG;
	}
}

enum event_kind frame_what_kind(enum frame_what what)
{
	switch (what) {
	case FRAME_RUN_OPEN:
	case FRAME_RUN_CLOSE:
		return EVENT_RUN;
	case FRAME_FINDING:
		return EVENT_FINDING;
	case FRAME_GAP:
		return EVENT_GAP;
	default:
		return EVENT_CALL;
	}
}

bool frame_kind_is_event(enum event_kind kind)
{
	return kind != EVENT_RUN && kind != EVENT_CALL && kind != EVENT_FINDING &&
	       kind != EVENT_GAP;
}

static int decode_event(enum event_kind kind, const void *data, size_t size, struct frame_body *ret)
{
	struct event_view view;
	int r = event_decode(data, size, &view);

	if (r == 0 && view.h->kind != kind)
		r = -EBADMSG;
	if (r == 0) {
		ret->what = FRAME_EVENT;
		ret->event = view;
	}
	return r;
}

int frame_body_decode(enum event_kind kind, const void *data, size_t size, struct frame_body *ret)
{
	struct frame_body body;
	struct wire w;
	int r;

	if (frame_kind_is_event(kind))
		return decode_event(kind, data, size, ret);
	wire_init(&w, data, size);
	body.what = wire_get_u8(&w);
	if (body.what == FRAME_EVENT || frame_what_kind(body.what) != kind)
		return -EBADMSG;
	r = decode_what(body.what, &w, &body);
	if (r < 0)
		return r;
	if (wire_end(&w) < 0) {
		frame_body_free(&body);
		return -EBADMSG;
	}
	*ret = body;
	return 0;
}

void frame_body_free(struct frame_body *b)
{
	if (b->what == FRAME_RUN_OPEN)
		run_open_free(&b->run_open);
	else if (b->what == FRAME_CALL_ANNOUNCE)
		call_announce_free(&b->announce);
	else if (b->what == FRAME_CALL_OBSERVATION)
		call_observation_free(&b->observation);
	b->what = FRAME_EVENT;
	b->event = (struct event_view){ 0 };
}

uint32_t frame_body_call(const struct frame_body *b)
{
	switch (b->what) {
	case FRAME_EVENT:
		return b->event.h ? b->event.h->call : 0;
	case FRAME_CALL_ANNOUNCE:
		return b->announce.n;
	case FRAME_CALL_EXIT:
		return b->exit.n;
	case FRAME_CALL_OBSERVATION:
		return b->observation.n;
	case FRAME_CALL_GONE:
		return b->gone.n;
	case FRAME_FINDING:
		return b->finding.call;
	default:
		return 0;
	}
}
