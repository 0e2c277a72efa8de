// SPDX-License-Identifier: Apache-2.0
/* Probing: a call, or a run over many calls, tries many destinations of which few answer. What was
 * tried is kept by call and for the run, never by time: one port an hour counts as much as a
 * thousand a second. One destination counts once, however often it is tried, and by a name once for
 * both families.
 *
 * That weir refused an attempt says less of it than a far end that is not there: where all were
 * refused, none was forbidden and all were asked for by name, it is what a link checker does too.
 * Where rules list each destination with its port, to ask which of them are up is what they are
 * for. Loopback is the sandbox's own: a scan of it is information, and low where the host's own is
 * what is watched. The metadata address alone is enough where it was reached; refused, it is a
 * finding of denied_network.
 *
 * Owns what was tried, by call. Names and numbers are an agent's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "detect/attempt.h"
#include "detect/detection.h"
#include "detect/keyed.h"

/* CrowdSec: 15 ports; the NCSA's rule for networks: 25 hosts. */
#define PORTS_MIN 15
#define HOSTS_MIN 25
#define TRIED_MIN 20 /* of ports and hosts mixed; of the run besides the call that tried most */
/* Of a scan most attempts fail; of mirrors, a crawler, a package manager hardly any. */
#define FAILED_MIN 10
#define FAILED_PERCENT 60
#define SWEPT_MIN 15		   /* names below one domain, or of addresses: nobody's links */
#define LOST_NS (5 * NSEC_PER_SEC) /* who is there has answered by then */
/* Addresses that no name led to, which have not as many first bits in common, and of which none
 * answers: what a program knows by heart that looks for its way into a network of its own (tor on a
 * dead network tries nine in 25 seconds). A fleet and a provider's machines are neighbours. */
#define SCATTERED_MIN 8
#define SCATTERED_BITS 8
#define MANY_MIN 100 /* destinations that answer: low */
#define LOCAL_MIN 50 /* ports of loopback */

#define CALLS_MAX \
	1024 /* whose attempts are counted; the one that tried nothing for longest gives way */
#define TRIED_MAX 32768 /* (call or run, destination) told apart; a forgotten one counts again */
#define RANGED_MAX 1024 /* destinations of a call that the phrase is made of */
#define EVIDENCE_MAX 8	/* of a report */
#define CALLS_NAMED 8	/* in the run's finding */

struct tried {
	uint8_t outcome; /* enum outcome + 1; 0: new */
	bool forbidden, named, listed;
	uint32_t by; /* call; of the run's entries */
};

/* What a call, or the run, tried in one scope. */
struct scan {
	uint32_t count[OUTCOME_COUNT]; /* destinations, by what became of them */
	uint32_t forbidden, names, listed, swept;
	uint32_t calls, called[CALLS_NAMED]; /* of the run: who tried them */
	uint32_t largest;		     /* of the run: the most that one of them tried */
	uint32_t told;			     /* destinations, at the last report */
	int severity;			     /* enum severity + 1 of that; 0: none */
	uint32_t lost, open_then; /* still not known after a while; not known at then_ns */
	uint64_t then_ns;
	uint32_t call; /* EVENT_NO_CALL: the run */
	enum attempt_scope scope;
	struct range range;
	uint32_t owner; /* of the range */
	uint32_t label;
	size_t evidence_count, flow_count;
	uint64_t evidence[EVIDENCE_MAX], flows[EVIDENCE_MAX];
	struct event_header last; /* who tried last */
};

struct probing {
	struct keyed *tried, *scans; /* the run's entries of tried are EVENT_NO_CALL's */
	struct scan run;	     /* of calls that are not found by themselves */
	struct destination_set set;
	struct destinations names;
	uint32_t owners;
};

static void free_scan(void *entry)
{
	struct scan *s = entry;

	range_free(&s->range);
}

static int start(struct detection *d, void **ret_state)
{
	struct probing *p = calloc(1, sizeof(*p));

	if (!p || keyed_new(TRIED_MAX, sizeof(struct tried), NULL, &p->tried) < 0 ||
	    keyed_new(CALLS_MAX, sizeof(struct scan), free_scan, &p->scans) < 0) {
		keyed_free(p ? p->tried : NULL);
		free(p);
		return -ENOMEM;
	}
	p->run.call = EVENT_NO_CALL;
	*ret_state = p;
	return 0;
}

static uint32_t total(const struct scan *s)
{
	uint32_t n = 0;

	for (int i = 0; i < OUTCOME_NAMED; i++)
		n += s->count[i];
	return n;
}

/* Who opens a connection and leaves without a word asked whether there is one. */
static uint32_t failed(const struct scan *s)
{
	uint32_t lost = s->lost < s->count[OUTCOME_OPEN] ? s->lost : s->count[OUTCOME_OPEN];

	return s->count[OUTCOME_POLICY] + s->count[OUTCOME_SILENT] + s->count[OUTCOME_REFUSED] +
	       s->count[OUTCOME_TOUCHED] + lost;
}

/* A connect of which the gate told no flow was given up before anybody answered. Without a gate
 * nobody tells. last: nothing more will come. */
static void count_lost(const struct detection *d, struct scan *s, bool last)
{
	uint32_t open = s->count[OUTCOME_OPEN];
	uint64_t now = detection_now(d);

	if (s->scope == ATTEMPT_LOOPBACK || policy_way_out(detection_policy(d)) != WAY_OUT_GATE ||
	    detection_policy(d)->network.veth || (!last && now < s->then_ns + LOST_NS))
		return;
	s->lost = last || s->open_then > open ? open : s->open_then;
	s->open_then = open;
	s->then_ns = now;
}

/* Of the run: besides the one call that tried most, which may yet be found by itself. */
static bool is_spread(const struct scan *s)
{
	return total(s) >= TRIED_MIN + s->largest || s->range.port_total >= PORTS_MIN ||
	       s->range.v4.count + s->range.v6.count + s->range.names >= HOSTS_MIN;
}

static bool mostly_fails(const struct scan *s)
{
	return failed(s) >= FAILED_MIN && failed(s) * 100 >= total(s) * FAILED_PERCENT;
}

static bool is_scattered(const struct scan *s)
{
	uint32_t known =
		s->count[OUTCOME_REACHED] + s->count[OUTCOME_TOUCHED] + s->count[OUTCOME_ANSWERED];

	return s->range.v4.count >= SCATTERED_MIN && s->range.v4.bits < SCATTERED_BITS &&
	       !s->range.names && !known && failed(s) >= SCATTERED_MIN;
}

/* -1: nothing. last: weak kinds are told too, as nothing more will come. */
static int severity_of(const struct scan *s, bool last)
{
	bool by_policy = failed(s) == s->count[OUTCOME_POLICY];

	if (!is_spread(s))
		return is_scattered(s) || (s->swept >= SWEPT_MIN && mostly_fails(s))
			       ? SEVERITY_MEDIUM
			       : -1;
	if (!mostly_fails(s))
		return last && total(s) >= MANY_MIN ? SEVERITY_LOW : -1;
	if (s->listed == total(s))
		return last ? SEVERITY_LOW : -1;
	if (s->names == total(s))
		return s->swept >= SWEPT_MIN ? SEVERITY_MEDIUM : last ? SEVERITY_LOW : -1;
	return by_policy && !s->forbidden ? SEVERITY_MEDIUM : SEVERITY_HIGH;
}

static void part(struct buf *text, uint32_t count, const char *what)
{
	if (count)
		buf_printf(text, ", %u %s", count, what);
}

static void outcome_words(const struct scan *s, struct buf *text)
{
	buf_printf(text, "%u destinations tried", total(s));
	part(text, s->count[OUTCOME_POLICY], "refused by the policy");
	part(text, s->count[OUTCOME_REFUSED], "refused or not there");
	part(text, s->count[OUTCOME_SILENT], "silent");
	part(text, s->count[OUTCOME_OPEN], "given up or not known");
	part(text, s->count[OUTCOME_TOUCHED], "left without a word");
	part(text, s->count[OUTCOME_ANSWERED] + s->count[OUTCOME_REACHED], "answered");
}

static void add_signs(const struct scan *s, struct finding *f)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX };

	if (is_spread(s) || is_scattered(s) || s->swept >= SWEPT_MIN) {
		buf_printf(&text, "%u destinations", total(s));
		finding_add_sign(f, SIGN_SPREAD, &text);
	}
	if (is_scattered(s) || mostly_fails(s)) {
		buf_clear(&text);
		buf_printf(&text, "%u of %u", failed(s), total(s));
		finding_add_sign(f, SIGN_FAILURES, &text);
	}
	if (s->forbidden) {
		buf_clear(&text);
		buf_printf(&text, "%u addresses and ports", s->forbidden);
		finding_add_sign(f, SIGN_FORBIDDEN, &text);
	}
}

static void add_evidence(const struct detection *d, struct scan *s, struct finding *f)
{
	finding_add_label(d, f, s->label);
	for (size_t i = 0; i < s->evidence_count; i++)
		f->evidence[f->evidence_count++] = s->evidence[i];
	for (size_t i = 0; i < s->flow_count; i++)
		finding_add_flow(f, s->flows[i]);
	s->evidence_count = s->flow_count = 0;
	if (total(s) == s->count[OUTCOME_POLICY])
		f->verdict = VERDICT_BLOCKED;
	s->told = total(s);
}

static void report_call(struct detection *d, struct scan *s, enum severity severity)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX * 4 };
	struct finding f;

	finding_begin_call(FINDING_PROBING, s->call, 0, &f);
	f.severity = severity;
	add_signs(s, &f);
	add_evidence(d, s, &f);
	buf_add_text(&text, s->scope == ATTEMPT_LOOPBACK ? "scan of loopback: " : "scan: ");
	outcome_words(s, &text);
	buf_add_text(&text, ": ");
	range_print(&s->range, &text);
	finding_say_program(d, &s->last, &text);
	finding_say(&f, &text);
	detection_report_rising(d, &f, s->scope);
}

static void report_run(struct detection *d, struct scan *s, enum severity severity)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX * 4 };
	uint32_t named = s->calls < CALLS_NAMED ? s->calls : CALLS_NAMED;
	struct finding f;

	finding_begin_call(FINDING_PROBING, 0, 0, &f);
	f.severity = severity;
	f.basis = BASIS_UNATTRIBUTED;
	strcpy(f.basis_reason, "no call alone did enough of it");
	add_signs(s, &f);
	add_evidence(d, s, &f);
	buf_printf(&text, "scan over %u calls (", s->calls);
	for (uint32_t i = 0; i < named; i++)
		buf_printf(&text, "%s%u", i ? ", " : "", s->called[i]);
	buf_add_text(&text, s->calls > named ? ", …): " : "): ");
	outcome_words(s, &text);
	finding_say(&f, &text);
	detection_report_rising(d, &f, EVENT_NO_CALL);
}

struct leaving {
	struct scan *run;
	uint32_t call;
};

static void leave_run(void *context, uint32_t call, void *entry)
{
	struct leaving *l = context;
	struct tried *t = entry;

	if (call != EVENT_NO_CALL || t->by != l->call || !t->outcome)
		return;
	l->run->count[t->outcome - 1]--;
	l->run->forbidden -= t->forbidden;
	l->run->names -= t->named;
	l->run->listed -= t->listed;
	*t = (struct tried){ 0 };
}

/* The call has a finding of its own: what it tried is none of the run's. */
static void take_from_run(struct probing *p, uint32_t call)
{
	struct leaving l = { &p->run, call };
	uint32_t kept = 0;

	keyed_each(p->tried, leave_run, &l);
	for (uint32_t i = 0; i < p->run.calls && i < CALLS_NAMED; i++)
		if (p->run.called[i] != call)
			p->run.called[kept++] = p->run.called[i];
	p->run.calls -= p->run.calls > 0;
	p->run.largest = 0; /* of those that are left it is found as they go on */
}

static int local_severity(const struct detection *d, const struct scan *s)
{
	if (total(s) < LOCAL_MIN || !mostly_fails(s))
		return -1;
	return policy_way_out(detection_policy(d)) == WAY_OUT_STRANGE ? SEVERITY_LOW
								      : SEVERITY_INFO;
}

/* Tells where it is time: when it is found or grows worse, when it has doubled, at the end. */
static void judge(struct detection *d, struct probing *p, struct scan *s, bool last)
{
	bool grown = total(s) >= 2 * s->told || (last && total(s) > s->told);
	int severity;

	count_lost(d, s, last);
	severity = s->scope == ATTEMPT_LOOPBACK ? local_severity(d, s) : severity_of(s, last);
	if (severity < 0 || (severity < s->severity && !grown))
		return;
	if (severity >= SEVERITY_MEDIUM && s->severity <= SEVERITY_MEDIUM &&
	    s->call != EVENT_NO_CALL)
		take_from_run(p, s->call);
	if (severity >= s->severity)
		s->severity = severity + 1;
	if (s->call != EVENT_NO_CALL)
		report_call(d, s, (enum severity)severity);
	else if (severity >= SEVERITY_MEDIUM && s->calls > 1)
		report_run(d, s, (enum severity)severity);
}

static void add_to_range(struct probing *p, struct scan *s, const struct attempt *a)
{
	if (!s->owner)
		s->owner = ++p->owners;
	if (s->range.destinations >= RANGED_MAX)
		s->range.more = true;
	else if (a->name[0])
		range_add_name(&s->range, &p->set, s->owner, a->name, a->port);
	else
		range_add(&s->range, &p->set, s->owner, &a->address, a->port);
}

static void add_evidence_of(struct scan *s, const struct event_view *e)
{
	s->last = *e->h;
	if (e->h->label)
		s->label = e->h->label;
	if (s->evidence_count < EVIDENCE_MAX)
		s->evidence[s->evidence_count++] = e->seq;
	if (e->h->kind == EVENT_FLOW && s->flow_count < EVIDENCE_MAX)
		s->flows[s->flow_count++] = e->flow->flow;
}

/* Counts the destination, or what has become of it. Returns whether anything is new. */
static bool count(struct probing *p, struct scan *s, const struct attempt *a, uint32_t by)
{
	struct tried *t = keyed_get(p->tried, s->call, a->key ^ (uint64_t)a->scope);

	if (!t || t->outcome > a->outcome)
		return false;
	if (t->outcome) {
		s->count[t->outcome - 1]--;
		s->names -= t->named;
		s->forbidden -= t->forbidden;
		s->listed -= t->listed;
	} else {
		t->by = by;
	}
	t->named = a->name[0] && a->outcome != OUTCOME_NAMED;
	t->forbidden = a->is_forbidden;
	t->listed = a->is_listed;
	t->outcome = (uint8_t)(a->outcome + 1);
	s->count[a->outcome]++;
	s->names += t->named;
	s->forbidden += t->forbidden;
	s->listed += t->listed;
	return true;
}

/* Names below one domain, or of addresses, that are not there or not allowed. */
static void count_swept(const struct detection *d, const struct event_view *e,
			const struct attempt *a, struct scan *s)
{
	const struct label_count *c = labels_of(detection_labels(d), e, s->call == EVENT_NO_CALL);
	uint32_t n = s->swept;

	if (a->is_pointer)
		n++;
	else if (c)
		n = c->verdicts[DNS_REFUSED] + c->verdicts[DNS_MISSING] + c->verdicts[DNS_FAILED];
	if (n > s->swept)
		s->swept = n < s->names ? n : s->names;
}

static void take(struct detection *d, struct probing *p, const struct event_view *e,
		 const struct attempt *a, struct scan *s)
{
	if (!count(p, s, a, e->h->call))
		return;
	add_evidence_of(s, e);
	if (a->outcome != OUTCOME_NAMED) {
		if (s->call != EVENT_NO_CALL)
			add_to_range(p, s, a);
		if (a->is_name_alone)
			count_swept(d, e, a, s);
	}
	judge(d, p, s, false);
}

static void note_call(struct scan *run, uint32_t call)
{
	for (uint32_t i = 0; i < run->calls && i < CALLS_NAMED; i++)
		if (run->called[i] == call)
			return;
	if (run->calls < CALLS_NAMED)
		run->called[run->calls] = call;
	run->calls++;
}

/* It was reached: refused, it is denied_network's. A rule that has this very address for its host
 * grants it. */
static void report_metadata(struct detection *d, const struct event_view *e,
			    const struct attempt *a)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX * 2 };
	struct finding f;

	finding_begin(d, FINDING_PROBING, e, &f);
	finding_technique(&f, "T1552.005");
	f.severity = a->is_granted || !a->is_heard ? SEVERITY_LOW : SEVERITY_MEDIUM;
	finding_add_sign(&f, SIGN_FORBIDDEN, NULL);
	if (a->is_heard)
		finding_add_sign(&f, SIGN_ACT, NULL);
	if (e->h->kind == EVENT_FLOW)
		finding_add_flow(&f, e->flow->flow);
	buf_printf(&text, "the metadata address, where a cloud keeps a machine's credentials, %s",
		   a->is_heard ? "was asked and answered" : "was reached");
	finding_say_program(d, e->h, &text);
	finding_say(&f, &text);
	detection_report_rising(d, &f, ATTEMPT_SCOPE_COUNT);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	struct probing *p = state;
	struct attempt a;
	struct scan *s;

	if (!attempt_of(d, &p->names, e, &a))
		return;
	if (a.is_metadata && a.outcome == OUTCOME_ANSWERED)
		report_metadata(d, e, &a);
	s = keyed_get(p->scans, e->h->call, a.scope);
	if (!s)
		return;
	s->call = e->h->call;
	s->scope = a.scope;
	if (a.scope == ATTEMPT_OUTWARD && !total(s))
		note_call(&p->run, s->call);
	take(d, p, e, &a, s);
	if (a.scope != ATTEMPT_OUTWARD || s->severity > SEVERITY_MEDIUM)
		return;
	if (total(s) > p->run.largest)
		p->run.largest = total(s);
	take(d, p, e, &a, &p->run);
}

static void on_call_gone(struct detection *d, void *state, uint32_t call)
{
	struct probing *p = state;

	for (uint64_t scope = 0; scope < ATTEMPT_SCOPE_COUNT; scope++) {
		struct scan *s = keyed_find(p->scans, call, scope);

		if (s)
			judge(d, p, s, true);
	}
}

struct closing {
	struct detection *d;
	struct probing *p;
};

static void judge_last(void *context, uint32_t call, void *entry)
{
	struct closing *c = context;

	(void)call;
	judge(c->d, c->p, entry, true);
}

static void finish(struct detection *d, void *state)
{
	struct probing *p = state;
	struct closing c = { d, p };

	keyed_each(p->scans, judge_last, &c);
	judge(d, p, &p->run, true);
	keyed_free(p->scans);
	keyed_free(p->tried);
	destinations_free(&p->names);
	free(p);
}

const struct detector probing_detector = {
	.kind = FINDING_PROBING,
	.wants = 1u << EVENT_CONNECT | 1u << EVENT_SEND | 1u << EVENT_DNS | 1u << EVENT_FLOW,
	.start = start,
	.on_event = on_event,
	.on_call_gone = on_call_gone,
	.finish = finish,
};
