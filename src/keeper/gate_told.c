// SPDX-License-Identifier: Apache-2.0
/* What a gate tells for the record. Owns the last word on each flow that lives, so that the flows
 * of a gate that dies have an end too. Trusts nothing: an event is of this run, of a call that
 * there was, and of a kind that a gate has to do with, or the gate is at an end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bpf/event_decode.h"
#include "keeper/gate.h"

#define BUCKETS 4096
#define CUT_MAX 65536 /* at once; the end of one beyond them is told by its gate alone */
#define STEPS \
	1024 /* labels remembered: the same edges make the same label, if it is not long ago */
#define FLOW_LAST (1ull << 48)

struct flow {
	struct flow *next;
	union {
		struct event_flow e;
		char bytes[EVENT_SIZE_MAX];
	};
};

/* label, and an edge to `from`, make `made`. */
struct label_step {
	uint32_t label, from, edge, with, made;
};

struct told {
	struct flow *buckets[BUCKETS];
	size_t count;
	struct label_step steps[STEPS];
};

struct told *told_new(void)
{
	return calloc(1, sizeof(struct told));
}

static struct flow **flow_find(struct told *t, uint64_t number)
{
	struct flow **at = &t->buckets[number % BUCKETS];

	while (*at && (*at)->e.flow != number)
		at = &(*at)->next;
	return at;
}

static void flow_forget(struct told *t, struct flow **at)
{
	struct flow *f = *at;

	*at = f->next;
	t->count--;
	free(f);
}

static void flow_keep(struct told *t, const struct event_flow *e)
{
	struct flow **at = flow_find(t, e->flow);
	struct flow *grown;

	if (*at && (e->state == FLOW_ENDED || e->state == FLOW_CUT)) {
		flow_forget(t, at);
		return;
	}
	if (e->state == FLOW_ENDED || e->state == FLOW_CUT || (!*at && t->count == CUT_MAX))
		return;
	/* no larger than it is */
	grown = realloc(*at, offsetof(struct flow, bytes) + e->h.size);
	if (!grown)
		return;
	if (!*at) {
		grown->next = NULL;
		t->count++;
	}
	*at = grown;
	memcpy(grown->bytes, e, e->h.size);
}

/* The last that was known of it, and that it has ended. */
static void flow_cut(struct egress *e, const struct flow *f)
{
	static const char why[] = "the gate died";
	union {
		struct event_flow e;
		char bytes[EVENT_SIZE_MAX];
	} cut;
	size_t size = sizeof(cut.e) + f->e.name_size + f->e.detail_size;

	memcpy(cut.bytes, f->bytes, size);
	cut.e.h.mono_ns = clock_mono_ns();
	cut.e.state = FLOW_CUT;
	cut.e.error = ECONNRESET;
	cut.e.reason_size = 0;
	if (size + sizeof(why) - 1 <= sizeof(cut)) {
		memcpy(cut.bytes + size, why, sizeof(why) - 1);
		cut.e.reason_size = sizeof(why) - 1;
	}
	cut.e.h.size = (uint16_t)(size + cut.e.reason_size);
	record_bytes(e->keeper, MESSAGE_REC_EVENT, &cut, cut.e.h.size);
}

void told_cut(struct egress *e)
{
	for (size_t i = 0; i < BUCKETS && e->told->count; i++) {
		while (e->told->buckets[i]) {
			flow_cut(e, e->told->buckets[i]);
			flow_forget(e->told, &e->told->buckets[i]);
		}
	}
}

void told_free(struct told *t)
{
	for (size_t i = 0; t && i < BUCKETS; i++)
		while (t->buckets[i])
			flow_forget(t, &t->buckets[i]);
	free(t);
}

static bool may_stand_behind(const struct keeper *k, const struct gate_edge *edge)
{
	if (edge->call == EVENT_NO_CALL)
		return edge->kind == EDGE_UNKNOWN;
	return edge->call <= k->calls_begun && (edge->kind == EDGE_NAME || edge->kind == EDGE_USED);
}

static bool may_tell(const struct egress *e, const struct gate_event *event)
{
	const struct keeper *k = e->keeper;
	struct event_view view;

	if (event_decode(event->aligned, event->size, &view) < 0)
		return false;
	if (view.h->kind != EVENT_DNS && view.h->kind != EVENT_FLOW && view.h->kind != EVENT_DENIED)
		return false;
	if (view.h->kind == EVENT_FLOW && view.flow->flow >= FLOW_LAST)
		return false;
	for (size_t i = 0; i < event->edge_count; i++)
		if (!may_stand_behind(k, &event->edges[i]))
			return false;
	return view.h->run == k->assign.key && view.h->call <= k->calls_begun &&
	       (view.h->label < LABEL_KEEPER || view.h->label - LABEL_KEEPER <= k->labels_given);
}

/* The event's label and its edges as one label. */
static void label_give(struct egress *e, struct event_header *h, const struct gate_edge *edge)
{
	struct label_step step = { .label = h->label, .from = edge->call, .edge = edge->kind };
	struct label_step *known =
		&e->told->steps[(step.label * 31 + step.from * 7 + step.edge) % STEPS];

	step.with = handover_left(e->keeper, edge->call);
	if (known->made && known->label == step.label && known->from == step.from &&
	    known->edge == step.edge && known->with == step.with) {
		h->label = known->made;
		return;
	}
	step.made = handover_event(e->keeper, h, edge->call, (enum edge_kind)edge->kind);
	*known = step;
	h->label = step.made;
}

int told_event(struct egress *e, struct gate_event *event)
{
	uint64_t now = clock_mono_ns();
	const struct event_flow *flow = (const void *)event->aligned;

	if (!may_tell(e, event))
		return -EBADMSG;
	event->h.kernel_seq = 0;
	if (event->h.mono_ns > now || event->h.mono_ns < e->keeper->assign.started_mono_ns)
		event->h.mono_ns = now;
	for (size_t i = 0; i < event->edge_count; i++)
		if (event->edges[i].call != event->h.call)
			label_give(e, &event->h, &event->edges[i]);
	record_bytes(e->keeper, MESSAGE_REC_EVENT, event->aligned, event->size);
	if (event->h.kind == EVENT_FLOW) {
		flow_keep(e->told, flow);
		if (flow->flow >= e->next_flow)
			e->next_flow = flow->flow + 1;
	}
	return 0;
}
