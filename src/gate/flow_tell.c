// SPDX-License-Identifier: Apache-2.0
/* A flow's events: each has all numbers so far. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "gate/flow.h"

#define REASON_MAX 160
#define DETAIL_MAX (EGRESS_NAME_MAX + 1 + sizeof(((struct opening *)0)->detail))

union told {
	struct event_flow flow;
	char bytes[sizeof(struct event_flow) + EGRESS_NAME_MAX + DETAIL_MAX + REASON_MAX];
};

static uint16_t add_text(union told *t, const char *text, size_t most)
{
	size_t size = text ? strnlen(text, most) : 0;

	if (size)
		memcpy(t->bytes + t->flow.h.size, text, size);
	t->flow.h.size = (uint16_t)(t->flow.h.size + size);
	return (uint16_t)size;
}

/* Whom the client says that it speaks with, and what. */
static uint16_t add_detail(union told *t, const struct opening *o)
{
	uint16_t size;

	if (!o)
		return 0;
	size = add_text(t, o->name, EGRESS_NAME_MAX);
	if (size && o->detail[0])
		size = (uint16_t)(size + add_text(t, " ", 1));
	return (uint16_t)(size + add_text(t, o->detail, sizeof(o->detail)));
}

static void fill_header(struct flow *f, struct event_header *h)
{
	struct flow_owner now;

	if (f->g->owners >= 0 && owner_read(f->g, &f->key, &now) == 0 &&
	    now.cookie == f->owner.cookie)
		f->owner.label = now.label;
	*h = f->owner.h;
	h->kind = EVENT_FLOW;
	h->size = sizeof(struct event_flow);
	h->run = f->g->open.key;
	h->mono_ns = clock_mono_ns();
	h->kernel_seq = 0;
	h->label = f->owner.label;
}

static void fill_numbers(const struct flow *f, struct event_flow *e)
{
	const struct meter *m = &f->pair.meter;
	uint64_t sent, received;

	e->bytes_up = m->bytes[INSIDE];
	e->bytes_down = m->bytes[OUTSIDE];
	memcpy(e->led_inside, m->led[INSIDE], sizeof(e->led_inside));
	memcpy(e->led_outside, m->led[OUTSIDE], sizeof(e->led_outside));
	meter_segments(f->pair.sides[OUTSIDE].watch.fd, &sent, &received);
	e->packets_up = sent;
	e->packets_down = received;
}

static void fill_ends(const struct flow *f, struct event_flow *e)
{
	e->port = f->key.to_port;
	e->from_port = f->key.from_port;
	memcpy(e->address, f->key.to, 16);
	memcpy(e->from, f->key.from, 16);
	e->out_port = f->ends.to_port;
	e->out_from_port = f->ends.from_port;
	memcpy(e->out_address, f->ends.to.bytes, 16);
	memcpy(e->out_from, f->ends.from.bytes, 16);
}

void flow_tell(struct flow *f, enum flow_state state, int error, const char *reason)
{
	struct gate_edge edge = { .kind = EDGE_NAME };
	int64_t asked_by = -1;
	union told t;

	memset(&t, 0, sizeof(t));
	fill_header(f, &t.flow.h);
	fill_numbers(f, &t.flow);
	fill_ends(f, &t.flow);
	t.flow.flow = f->number;
	t.flow.started_mono_ns = f->started_ns;
	t.flow.cookie = f->owner.cookie;
	t.flow.error = error;
	t.flow.state = (uint16_t)state;
	t.flow.transport = IPPROTO_TCP;
	t.flow.protocol = f->opening ? (uint16_t)f->opening->protocol : PROTOCOL_UNKNOWN;
	t.flow.rule = f->rule;
	t.flow.name_size = add_text(&t, f->carry ? f->carry->to : flow_name(f), EGRESS_NAME_MAX);
	t.flow.detail_size = add_detail(&t, f->opening);
	t.flow.reason_size = add_text(&t, reason, REASON_MAX);
	if (f->known && flow_name(f))
		asked_by = names_asked_by(f->g, f->index, f->owner.h.call);
	edge.call = (uint32_t)asked_by;
	gate_tell(f->g, &t.flow.h, &edge, asked_by >= 0);
}
