// SPDX-License-Identifier: Apache-2.0
/* See holder.h. Owns nothing. */
#include "detect/holder.h"

struct search {
	const struct program *p, *holder;
	const struct flow_seen *flow;
};

/* Whose output is the program's input, and the other way round. */
static bool is_before(void *context, const struct program *q)
{
	struct search *s = context;
	const struct event_stream printed = stream_far(&s->p->out);

	if (q->h.pid != s->p->h.pid && stream_same(&q->in, &printed))
		s->holder = q;
	return !s->holder;
}

static void is_its_own(void *context, struct flow_seen *flow)
{
	struct search *s = context;

	if (flow->last.direction == FLOW_OUT && flow->last.h.pid == s->holder->h.pid &&
	    flow->last.h.start_ns == s->holder->h.start_ns)
		s->flow = flow;
}

const struct program *holder_of(struct detection *d, const struct program *p,
				const struct flow_seen **ret_flow)
{
	const struct event_stream put = stream_far(&p->in);
	struct search s = { .p = p };

	if (!(p->h.flags & EVENT_NO_CGROUP) || p->in.kind != STREAM_PIPE ||
	    p->out.kind != STREAM_PIPE)
		return NULL;
	relays_programs_out(detection_relays(d), &put, is_before, &s);
	if (s.holder)
		flow_table_living(detection_flows(d), is_its_own, &s);
	*ret_flow = s.flow;
	return s.flow ? s.holder : NULL;
}

void holder_programs(struct detection *d, const struct flow_seen *flow,
		     bool (*on_program)(void *context, const struct program *p), void *context)
{
	const struct program *holder = relays_program_of(detection_relays(d), &flow->last.h);
	struct event_stream end;

	if (!holder || !(holder->h.flags & EVENT_NO_CGROUP))
		return;
	end = stream_far(&holder->out);
	relays_programs_in(detection_relays(d), &end, on_program, context);
}
