// SPDX-License-Identifier: Apache-2.0
/* Lines that a gate's own questions to its resolver made: a call asked for a name, or opened a flow
 * by one, and the gate looked it up outside. Which of them made the line is told by time alone. Of
 * the runs that lived then, those whose gate asks this resolver are read from the beginning. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "policy/publish.h"
#include "report/who.h"

#define RUNS_MAX 16		     /* that are read */
#define ANSWER_NS (5 * NSEC_PER_SEC) /* a look-up is told when it is over */

struct search {
	const struct who_question *q;
	struct who_answer *answer;
	struct store *store;
	struct fail *fail;
	char runs[RUNS_MAX][RUN_ID_SIZE];
	size_t count;
};

static bool lived(const struct who_question *q, const struct run_info *run)
{
	uint64_t ended = run->over ? run->close.ended_ns : UINT64_MAX - q->within_ns;

	return run->open.started_ns <= q->at_ns + q->precision_ns + q->within_ns &&
	       ended + q->within_ns >= q->at_ns;
}

static int keep_run(void *context, const struct run_info *run)
{
	struct search *s = context;

	if (lived(s->q, run) && s->count < RUNS_MAX)
		memcpy(s->runs[s->count++], run->open.id, RUN_ID_SIZE);
	return 0;
}

static bool asks_it(const struct run_open *open, const struct who_question *q)
{
	cleanup_policy struct policy policy = { .version = 0 };
	struct resolver resolver;
	struct wire w;

	wire_init(&w, open->policy.data, open->policy.size);
	if (policy_decode(&w, &policy) < 0)
		return false;
	for (size_t i = 0; i < policy.network.resolver.count; i++)
		if (resolver_parse(policy.network.resolver.items[i], &resolver) == 0 &&
		    memcmp(resolver.address.bytes, q->dst, sizeof(q->dst)) == 0 &&
		    (!q->port || resolver.port == q->port))
			return true;
	return false;
}

/* What makes a gate look a name up: a question that it answered, or a flow by name. */
static bool looked_up(const struct event_view *e)
{
	if (e->h->kind == EVENT_DNS)
		return e->dns->verdict != DNS_REFUSED;
	if (e->h->kind != EVENT_FLOW || !e->text[0].size || e->flow->direction)
		return false;
	return e->flow->state == FLOW_OPENED || !e->flow->out_port; /* each flow once */
}

static int take_frame(struct search *s, const char *run, const struct frame *frame)
{
	const struct event_header *h = frame->event.h;
	uint64_t lasted = h->kind == EVENT_FLOW ? flow_lasted_ns(frame->event.flow) : 0;
	struct who_flow new = { .row = { .call = h->call } };

	new.row.started_ns = frame->wall_ns - (lasted < frame->wall_ns ? lasted : 0);
	new.row.ended_ns = new.row.started_ns;
	if (new.row.started_ns + s->q->within_ns < s->q->at_ns ||
	    new.row.started_ns > s->q->at_ns + s->q->precision_ns + s->q->within_ns + ANSWER_NS)
		return 0;
	memcpy(new.row.run, run, RUN_ID_SIZE);
	new.data = malloc(frame->size);
	if (!new.data)
		return fail(s->fail, ENOMEM, "look for questions");
	memcpy(new.data, frame->data, frame->size);
	new.frame = *frame;
	new.frame.data = new.data;
	event_decode(new.data, frame->size, &new.frame.event); /* it was checked when it was read */
	new.frame.event.seq = frame->seq;
	who_keep(s->answer, s->q, &new);
	return 0;
}

static int read_run(struct search *s, const char *run)
{
	struct frame_reader *reader = NULL;
	struct run_info info = { 0 };
	struct frame frame;
	int r = store_run_find(s->store, run, &info, s->fail);
	bool asks = r >= 0 && asks_it(&info.open, s->q);

	run_info_free(&info);
	if (r < 0 || !asks)
		return r;
	r = frame_reader_open(s->store, run, 1, &reader, s->fail);
	while (r >= 0 && (r = frame_reader_next(reader, &frame, s->fail)) > 0)
		if (frame_kind_is_event(frame.kind) && looked_up(&frame.event))
			r = take_frame(s, run, &frame);
	frame_reader_close(reader);
	return r;
}

int who_asked_resolver(struct store *store, const struct who_question *q, struct who_answer *ret,
		       struct fail *f)
{
	struct search s = { .q = q, .answer = ret, .store = store, .fail = f };
	int r = store_runs(store, keep_run, &s, f);

	for (size_t i = 0; r >= 0 && i < s.count; i++)
		r = read_run(&s, s.runs[i]);
	if (ret->count)
		ret->reason = "a gate asked its resolver, for one of these names that calls asked "
			      "for or opened flows by at about that time";
	return r;
}
