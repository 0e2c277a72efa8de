// SPDX-License-Identifier: Apache-2.0
/* Finds the flows that a line of a log can mean; see who.h. The index gives all whose destination
 * and time fit; the likeliest are kept and told in full. Trusts the record's numbers no further
 * than the reader has checked them. */
#include "report/who.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A clock may be wrong by much, where everything else fits. */
#define CLOCK_WRONG_NS (900 * NSEC_PER_SEC)
#define DNS_PORT 53

struct search {
	const struct who_question *q;
	struct who_answer *answer;
	size_t inside; /* candidates within whose life the time lies, not only near it */
};

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* How far the time is from the flow's life; 0: within. */
static uint64_t off(const struct who_question *q, const struct flow_row *row)
{
	uint64_t last = q->at_ns + q->precision_ns - 1;

	if (last < row->started_ns)
		return row->started_ns - last;
	return q->at_ns > row->ended_ns ? q->at_ns - row->ended_ns : 0;
}

static bool is_likelier(const struct who_flow *a, const struct who_flow *b)
{
	return a->off_ns != b->off_ns ? a->off_ns < b->off_ns : a->near_ns < b->near_ns;
}

static void who_flow_free(struct who_flow *w)
{
	run_info_free(&w->run);
	free(w->data);
	opener_free(&w->opener);
	free(w->function_name);
	free(w->arguments);
	free(w->findings);
}

void who_keep(struct who_answer *a, const struct who_question *q, struct who_flow *new)
{
	size_t at = a->count;

	new->off_ns = off(q, &new->row);
	new->near_ns = apart(q->at_ns, new->row.started_ns);
	while (at > 0 && is_likelier(new, &a->flows[at - 1]))
		at--;
	if (a->count == WHO_SHOWN_MAX) {
		a->more++;
		who_flow_free(at == WHO_SHOWN_MAX ? new : &a->flows[WHO_SHOWN_MAX - 1]);
	} else {
		a->count++;
	}
	if (at == WHO_SHOWN_MAX)
		return;
	memmove(&a->flows[at + 1], &a->flows[at], (a->count - 1 - at) * sizeof(a->flows[0]));
	a->flows[at] = *new;
}

static int keep(void *context, const struct flow_row *row)
{
	struct search *s = context;
	struct who_flow new = { .row = *row };

	s->inside += off(s->q, row) == 0;
	who_keep(s->answer, s->q, &new);
	return 0;
}

/* within: how wrong the clock may be. sport: 0 for any. */
static int look(struct store *s, const struct who_question *q, uint64_t within, uint16_t sport,
		struct search *search, struct fail *f)
{
	struct flow_query query = { .port = q->port, .sport = sport, .transport = q->transport };

	query.from_ns = q->at_ns > within ? q->at_ns - within : 0;
	query.until_ns = q->at_ns + q->precision_ns - 1 + within;
	memcpy(query.dst, q->dst, sizeof(query.dst));
	*search = (struct search){ .q = q, .answer = search->answer };
	return store_flows(s, &query, keep, search, f);
}

static bool src_fits(const struct who_question *q, const struct flow_row *row)
{
	return !q->has_src || memcmp(q->src, row->src, sizeof(q->src)) == 0;
}

/* Of those that all five fit, the one within whose life the time lies. */
static void judge_ports(struct search *s)
{
	struct who_answer *a = s->answer;

	a->kind = WHO_WINDOW;
	if (!src_fits(s->q, &a->flows[0].row)) {
		a->reason = "ports and time fit, the source address does not: it was translated on "
			    "the way, or this was another host";
	} else if (a->count == 1 || s->inside == 1) {
		a->kind = WHO_EXACT;
		a->count = 1;
		a->more = 0;
	} else {
		a->reason = "more than one flow had these ports at about that time";
	}
}

/* With all five. */
static int find_exact(struct store *s, const struct who_question *q, struct who_answer *a,
		      struct fail *f)
{
	struct search search = { .answer = a };
	int r = q->port && q->sport ? look(s, q, q->within_ns, q->sport, &search, f) : 0;

	if (r >= 0 && a->count)
		judge_ports(&search);
	return r;
}

static int find_question(struct store *s, const struct who_question *q, struct who_answer *a,
			 struct fail *f)
{
	return q->port == DNS_PORT ? who_asked_resolver(s, q, a, f) : 0;
}

/* The line is that of an answer: what it calls the source was asked. */
static int find_reversed(struct store *s, const struct who_question *q, struct who_answer *a,
			 struct fail *f)
{
	struct who_question turned = *q;
	int r;

	if (!q->port || !q->sport || !q->has_src)
		return 0;
	memcpy(turned.dst, q->src, sizeof(turned.dst));
	memcpy(turned.src, q->dst, sizeof(turned.src));
	turned.port = q->sport;
	turned.sport = q->port;
	r = find_exact(s, &turned, a, f);
	if (r >= 0 && !a->count)
		r = find_question(s, &turned, a, f);
	a->reversed = a->count > 0;
	return r;
}

static int find_near(struct store *s, const struct who_question *q, struct who_answer *a,
		     struct fail *f)
{
	struct search search = { .answer = a };
	int r = look(s, q, q->within_ns, 0, &search, f);

	a->reason = q->sport && q->port
			    ? "no flow had this source port: it was translated on the way, or this "
			      "was another host"
			    : "without both ports, all that was there at about that time";
	if (r < 0 || a->count || !q->sport || !q->port)
		return r;
	a->reason = "addresses and ports fit, the time does not: a clock is wrong, or this was "
		    "another host";
	return look(s, q, CLOCK_WRONG_NS, q->sport, &search, f);
}

static int find(struct store *s, const struct who_question *q, struct who_answer *a, struct fail *f)
{
	/* From what says most to what says least; a resolver may listen at any port. */
	static int (*const ways[])(struct store *, const struct who_question *, struct who_answer *,
				   struct fail *) = { find_exact, find_question, find_reversed,
						      find_near, who_asked_resolver };
	int r = 0;

	for (size_t i = 0; r >= 0 && !a->count && i < ARRAY_LENGTH(ways); i++)
		r = ways[i](s, q, a, f);
	if (!a->count)
		a->reason = "no run of this store";
	else if (a->kind == WHO_NONE)
		a->kind = WHO_WINDOW;
	return r;
}

static int keep_call(void *context, const struct call_record *call)
{
	struct who_flow *w = context;
	const char *function = call->announce.function_name, *arguments = call->announce.arguments;

	w->function_name = function ? strdup(function) : NULL;
	w->arguments = arguments ? strdup(arguments) : NULL;
	return (function && !w->function_name) || (arguments && !w->arguments) ? -ENOMEM : 0;
}

static int keep_finding(void *context, const struct finding *finding)
{
	struct who_flow *w = context;

	if (finding->call != w->row.call || w->finding_count == WHO_FINDINGS_MAX)
		return 0;
	if (!w->findings)
		w->findings = calloc(WHO_FINDINGS_MAX, sizeof(*w->findings));
	if (!w->findings)
		return -ENOMEM;
	w->findings[w->finding_count++] = *finding;
	return 0;
}

static int fill(struct store *s, struct who_flow *w, struct fail *f)
{
	const char *run = w->row.run;
	int r = store_run_find(s, run, &w->run, f);

	if (r >= 0 && !w->data)
		r = store_flow_event(s, &w->row, &w->data, &w->frame, f);
	if (r >= 0)
		opener_init(&w->opener, w->frame.event.h, w->frame.seq);
	if (r >= 0)
		r = store_call(s, run, w->row.call, keep_call, w, f);
	if (r >= 0)
		r = store_findings(s, run, keep_finding, w, f);
	return r < 0 && !f->code ? fail(f, -r, "tell of run %s", run) : r;
}

/* Those of one run together: its record is read once for all of them. */
static int fill_openers(struct store *s, struct who_answer *a, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < a->count; i++) {
		struct opener *of_run[WHO_SHOWN_MAX];
		const char *run = a->flows[i].row.run;
		size_t count = 0;

		for (size_t k = 0; k < a->count; k++)
			if (strcmp(a->flows[k].row.run, run) == 0)
				of_run[count++] = &a->flows[k].opener;
		r = openers_find(s, run, of_run, count, f);
	}
	return r;
}

int who_ask(struct store *s, const struct who_question *q, struct who_answer *ret, struct fail *f)
{
	int r;

	*ret = (struct who_answer){ 0 };
	r = find(s, q, ret, f);
	for (size_t i = 0; r >= 0 && i < ret->count; i++)
		r = fill(s, &ret->flows[i], f);
	if (r >= 0)
		r = fill_openers(s, ret, f);
	if (r >= 0 && ret->kind == WHO_EXACT &&
	    (ret->flows[0].frame.event.h->flags & EVENT_WINDOW)) {
		ret->kind = WHO_WINDOW;
		ret->reason = "whose flow it was is known by its destination alone: the socket was "
			      "gone before the gate could look";
	}
	if (r < 0)
		who_free(ret);
	return r < 0 ? r : 0;
}

void who_free(struct who_answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		who_flow_free(&a->flows[i]);
	*a = (struct who_answer){ 0 };
}
