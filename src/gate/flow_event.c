// SPDX-License-Identifier: Apache-2.0
/* See flow_event.h. Owns nothing. */
#include "gate/flow_event.h"

#include <string.h>

#include "base/clock.h"

#define REASON_MAX 160
/* What comes together is told together; what else comes of a flow is told at its minutes. */
#define NEWS_NS (NSEC_PER_SEC / 4)
#define NEWS_MAX 20

union told {
	struct event_flow flow;
	char bytes[sizeof(struct event_flow) + EGRESS_NAME_MAX + FLOW_DETAIL_MAX + REASON_MAX];
};

static uint16_t add_text(union told *t, const char *text, size_t most)
{
	size_t size = text ? strnlen(text, most) : 0;

	if (size)
		memcpy(t->bytes + t->flow.h.size, text, size);
	t->flow.h.size = (uint16_t)(t->flow.h.size + size);
	return (uint16_t)size;
}

static void fill_header(struct gate *g, const struct flow_event *e, struct event_header *h)
{
	struct flow_owner now;

	if (g->owners >= 0 && owner_read(g, e->key, &now) == 0 && now.cookie == e->owner->cookie)
		e->owner->label = now.label;
	*h = e->owner->h;
	h->kind = EVENT_FLOW;
	h->size = sizeof(struct event_flow);
	h->run = g->open.key;
	h->mono_ns = clock_mono_ns();
	h->kernel_seq = 0;
	h->label = e->owner->label;
}

static void fill_numbers(const struct flow_event *e, struct event_flow *f)
{
	const struct meter *m = e->meter;

	f->bytes_up = m->bytes[INSIDE];
	f->bytes_down = m->bytes[OUTSIDE];
	memcpy(f->led_inside, m->led[INSIDE], sizeof(f->led_inside));
	memcpy(f->led_outside, m->led[OUTSIDE], sizeof(f->led_outside));
	if (e->reader)
		f->signs = *flow_reader_signs(e->reader);
	f->signs.traits |= e->traits;
	if (e->reader && f->protocol == PROTOCOL_UNKNOWN)
		f->protocol = (uint16_t)flow_reader_protocol(e->reader);
	f->packets_up = e->packets[INSIDE];
	f->packets_down = e->packets[OUTSIDE];
}

static void fill_ends(const struct flow_event *e, struct event_flow *f)
{
	f->port = e->key->to_port;
	f->from_port = e->key->from_port;
	memcpy(f->address, e->key->to, 16);
	memcpy(f->from, e->key->from, 16);
	f->out_port = e->ends->to_port;
	f->out_from_port = e->ends->from_port;
	memcpy(f->out_address, e->ends->to.bytes, 16);
	memcpy(f->out_from, e->ends->from.bytes, 16);
}

void flow_event_soon(struct gate *g, struct timer *minute, unsigned *count)
{
	uint64_t soon = clock_mono_ns() + NEWS_NS;

	if (*count >= NEWS_MAX || !minute->place || minute->at <= soon)
		return;
	++*count;
	timer_set(&g->timers, minute, soon);
}

void flow_event_tell(struct gate *g, const struct flow_event *e)
{
	struct gate_edge edge = { .kind = EDGE_NAME };
	int64_t asked_by = -1;
	union told t;

	memset(&t, 0, sizeof(t));
	fill_header(g, e, &t.flow.h);
	fill_ends(e, &t.flow);
	t.flow.flow = e->number;
	t.flow.started_mono_ns = e->started_ns;
	t.flow.cookie = e->owner->cookie;
	t.flow.error = e->error;
	t.flow.state = (uint16_t)e->state;
	t.flow.transport = e->key->protocol;
	t.flow.protocol = e->protocol;
	t.flow.rule = e->rule;
	fill_numbers(e, &t.flow);
	t.flow.direction = e->in ? FLOW_IN : FLOW_OUT;
	t.flow.name_size = add_text(&t, e->name, EGRESS_NAME_MAX);
	t.flow.detail_size = add_text(&t, e->detail, FLOW_DETAIL_MAX);
	t.flow.reason_size = add_text(&t, e->reason, REASON_MAX);
	if (e->index)
		asked_by = names_asked_by(g, e->index, e->owner->h.call);
	edge.call = (uint32_t)asked_by;
	gate_tell(g, &t.flow.h, &edge, asked_by >= 0);
}
