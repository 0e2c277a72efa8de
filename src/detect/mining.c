// SPDX-License-Identifier: Apache-2.0
/* Mining: by the structure of what is said, in whatever carries it (the reader's traits); and where
 * nothing can be read, by two things that only the host can join: a long, thin flow on which the
 * far end pushes small messages and gets few, small ones back, and a call that keeps a processor
 * busy all the while and has no other work to show.
 *
 * Neither of the two says much alone: chats push, training burns. A program is judged by nothing
 * but that: a job queue under TLS that feeds a busy worker looks the same, and is medium.
 *
 * Owns what each call used, in samples, and the thin flows that live. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/words.h"
#include "detect/detection.h"
#include "detect/keyed.h"

/* Jobs come every few seconds to every few minutes. Three after a second of silence are told from
 * the end of a handshake; the flow has then lasted as long as a processor must have been busy. */
#define PUSHES_MIN 3
#define SENT_MIN 2 /* a stream of news needs no answers, work that is done does */
#define LIFE_MIN_NS (25 * NSEC_PER_SEC)
/* A job of Bitcoin with its branch has 1 to 3 kB, a share below 500 B, TLS around them included.
 * The rates leave room for 2,000 shares an hour with their answers. */
#define PUSH_BYTES_MAX 4096
#define SENT_BYTES_MAX 1024
#define RATE_MAX 1024 /* bytes a second, each way */

/* A miner that is to pay burns a processor without pause, or would if it had one: where others
 * leave it little, it runs or waits to run nearly all the time. The work of a build or of tests is
 * done by processes that end soon, or leaves files: more than one in five seconds. */
#define BUSY_PERCENT 60	  /* of one processor, of the call's processes together */
#define WANTED_PERCENT 90 /* used or waited for */
/* And used. At a load of 15 on two processors one that burns had 5 and wanted 96 and more, one that
 * sleeps 50 times a second had 4 and wanted 37 to 59. */
#define GIVEN_PERCENT 3
#define SHORT_LIFE_NS (20 * NSEC_PER_SEC)
#define BUSY_TIME_PERCENT 80 /* of the time looked at */
#define BUSY_MIN_NS (20 * NSEC_PER_SEC)
#define BUSY_FRESH_NS (60 * NSEC_PER_SEC) /* older news of a call say nothing of now */
#define OTHER_WORK_NS (5 * NSEC_PER_SEC)

#define CALLS_MAX 512  /* whose use is kept; the one that used nothing for longest gives way */
#define SAMPLES_MAX 64 /* of a call; where they are full, every other one goes */
#define THIN_MAX 64    /* flows; where they are full, the eldest gives way */

struct sample {
	uint64_t mono_ns, cpu_usec, wanted_usec; /* wanted: used, or waited for */
	uint64_t passed_usec;			 /* used by processes that did not live long */
	uint32_t files;				 /* touched first */
};

struct use {
	size_t count;
	struct sample samples[SAMPLES_MAX];
	struct sample now;
};

struct mining {
	struct keyed *uses;
	size_t thin_count, thin_next;
	uint64_t thin[THIN_MAX]; /* numbers of flows */
};

/* What a call used in the time that was asked for. */
struct burnt {
	uint64_t ns, cpu_usec, wanted_usec, passed_usec;
	uint32_t files;
	bool busy;
};

static int start(struct detection *d, void **ret_state)
{
	struct mining *m = calloc(1, sizeof(*m));

	if (!m || keyed_new(CALLS_MAX, sizeof(struct use), NULL, &m->uses) < 0) {
		free(m);
		return -ENOMEM;
	}
	*ret_state = m;
	return 0;
}

static void add_sample(struct use *u, const struct sample *sample)
{
	if (u->count && sample->mono_ns <= u->samples[u->count - 1].mono_ns)
		return;
	if (u->count == SAMPLES_MAX) {
		for (size_t i = 1; i < SAMPLES_MAX / 2; i++)
			u->samples[i] = u->samples[2 * i];
		u->count = SAMPLES_MAX / 2;
	}
	u->samples[u->count++] = *sample;
}

static uint64_t grown(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

static bool is_share(uint64_t usec, uint64_t ns, uint64_t percent)
{
	return usec * 1000 >= ns / 100 * percent;
}

static bool is_busy(const struct sample *a, const struct sample *b)
{
	uint64_t used = grown(a->cpu_usec, b->cpu_usec), ns = b->mono_ns - a->mono_ns;

	return is_share(used, ns, BUSY_PERCENT) ||
	       (is_share(used, ns, GIVEN_PERCENT) &&
		is_share(grown(a->wanted_usec, b->wanted_usec), ns, WANTED_PERCENT));
}

/* From `from` on, as far as there is news. */
static struct burnt burnt_since(const struct use *u, uint64_t from, uint64_t now)
{
	struct burnt b = { 0 };
	uint64_t busy_ns = 0;

	for (size_t i = u->count; i > 1; i--) {
		const struct sample *end = &u->samples[i - 1], *begin = end - 1;
		uint64_t ns = end->mono_ns - begin->mono_ns;

		/* the sample that begins before, but mostly lies behind */
		if (begin->mono_ns + ns / 2 < from)
			break;
		b.ns += ns;
		b.cpu_usec += grown(begin->cpu_usec, end->cpu_usec);
		b.wanted_usec += grown(begin->wanted_usec, end->wanted_usec);
		b.passed_usec += grown(begin->passed_usec, end->passed_usec);
		b.files += end->files - begin->files;
		busy_ns += is_busy(begin, end) ? ns : 0;
	}
	b.busy = b.ns >= BUSY_MIN_NS && busy_ns >= b.ns / 100 * BUSY_TIME_PERCENT &&
		 u->samples[u->count - 1].mono_ns + BUSY_FRESH_NS >= now;
	return b;
}

static bool works_besides(const struct burnt *b)
{
	return b->files * OTHER_WORK_NS > b->ns || 2 * b->passed_usec > b->cpu_usec;
}

static bool is_trade_port(uint16_t port)
{
	static const uint16_t ports[] = {
		3333, 4444, 5555, 7777, 9999, 14433, 14444, 45560, 45700
	};

	for (size_t i = 0; i < ARRAY_LENGTH(ports); i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* Encrypted, or of no form that the reader knows. */
static bool is_unreadable(const struct event_flow *f)
{
	return f->protocol == PROTOCOL_TLS || f->protocol == PROTOCOL_SSH ||
	       (f->protocol == PROTOCOL_UNKNOWN && !FLOW_HAS(&f->signs, TEXT) &&
		!FLOW_HAS(&f->signs, JSON_RPC)) ||
	       FLOW_HAS(&f->signs, ENCRYPTED) ||
	       (FLOW_HAS(&f->signs, INNER) && f->signs.inner == PROTOCOL_TLS);
}

/* After a second of silence. A pool that sends a job of one size by the clock is steady, and a
 * keep-alive to look at; but those are answered. */
static uint32_t pushes(const struct flow_signs *s)
{
	return s->initiative[1][1] + s->mute[1];
}

/* Pushed by the far end for long, little of it, and little is sent back. */
static bool is_thin(const struct event_flow *f)
{
	const struct flow_signs *s = &f->signs;
	uint64_t seconds = flow_lasted_ns(f) / NSEC_PER_SEC;

	return f->direction != FLOW_INSIDE && is_unreadable(f) &&
	       flow_lasted_ns(f) >= LIFE_MIN_NS && pushes(s) >= PUSHES_MIN &&
	       s->initiative[0][0] + s->answered[1] >= SENT_MIN &&
	       s->led_bytes[1] <= (uint64_t)s->initiative[1][0] * PUSH_BYTES_MAX &&
	       s->answer_bytes[1] <= (uint64_t)s->initiative[1][0] * SENT_BYTES_MAX &&
	       s->led_bytes[0] <= (uint64_t)s->initiative[0][0] * SENT_BYTES_MAX &&
	       f->bytes_up <= seconds * RATE_MAX && f->bytes_down <= seconds * RATE_MAX;
}

static void add_sign(struct finding *f, enum sign kind, struct buf *text)
{
	finding_add_sign(f, kind, text);
	buf_clear(text);
}

static void add_endpoint(struct finding *f, const struct event_flow *flow, struct buf *text)
{
	if (!is_trade_port(flow->port))
		return;
	buf_printf(text, "port %u", flow->port);
	add_sign(f, SIGN_ENDPOINT, text);
}

static void add_carrier(struct finding *f, const struct event_flow *flow, struct buf *text)
{
	static const enum flow_trait carriers[] = { FLOW_TRAIT_CONNECT, FLOW_TRAIT_SOCKS,
						    FLOW_TRAIT_WEBSOCKET, FLOW_TRAIT_UPGRADED };

	for (size_t i = 0; i < ARRAY_LENGTH(carriers); i++)
		if (flow->signs.traits >> carriers[i] & 1) {
			buf_printf(text, "in %s", flow_trait_name(carriers[i]));
			add_sign(f, SIGN_CARRIER, text);
			return;
		}
}

static void add_cpu(struct finding *f, uint32_t call, const struct burnt *b, struct buf *text)
{
	uint64_t ns = b->ns ? b->ns : 1, used = b->cpu_usec * 10000 / ns;
	uint64_t wanted = b->wanted_usec * 10000 / ns;

	buf_printf(text, "call %u used %lu.%lu processors", call, used / 10, used % 10);
	if (!is_share(b->cpu_usec, ns, BUSY_PERCENT))
		buf_printf(text, " of %lu.%lu that it could have used", wanted / 10, wanted % 10);
	buf_add_text(text, " for ");
	duration_words(b->ns, text);
	buf_printf(text, ", %u files beside", b->files);
	add_sign(f, SIGN_CPU, text);
}

static void begin(const struct detection *d, const struct flow_seen *flow, struct finding *f)
{
	finding_begin_call(FINDING_MINING, flow->last.h.call, flow->last_seq, f);
	finding_add_label(d, f, flow->last.h.label);
	finding_add_flow(f, flow->last.flow);
	if (flow->last.state == FLOW_CUT && !flow->last.out_port)
		f->verdict = VERDICT_BLOCKED;
}

static void report(struct detection *d, const struct flow_seen *flow, struct finding *f,
		   struct buf *summary)
{
	finding_say_program(d, &flow->last.h, summary);
	finding_say(f, summary);
	detection_report_rising(d, f, flow_seen_key(flow));
}

/* The traits that are a mining protocol's own. Returns how many were seen. */
static unsigned content_words(const struct event_flow *f, struct buf *text)
{
	static const struct {
		enum flow_trait trait;
		const char *what;
	} parts[] = {
		{ FLOW_TRAIT_STRATUM_ASKED, "asks for work" },
		{ FLOW_TRAIT_STRATUM_PUSHED, "is given jobs" },
		{ FLOW_TRAIT_STRATUM_SUBMITTED, "returns shares" },
	};
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (f->signs.traits >> parts[i].trait & 1)
			buf_printf(text, "%s%s", count++ ? ", " : "", parts[i].what);
	if (!count && (f->protocol == PROTOCOL_STRATUM ||
		       (FLOW_HAS(&f->signs, INNER) && f->signs.inner == PROTOCOL_STRATUM))) {
		buf_add_text(text, "asks for work");
		count = 1;
	}
	return count;
}

/* Two elements, or both sides, are no chance; a lone request may be one that was refused. What
 * stays inside of the sandbox leads nowhere by itself. */
static enum severity content_severity(const struct event_flow *f, unsigned count)
{
	if (f->direction == FLOW_INSIDE)
		return SEVERITY_LOW;
	return count > 1 ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

static bool judge_content(struct detection *d, struct mining *m, const struct flow_seen *flow)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX };
	cleanup_buf struct buf summary = { .max = FINDING_SUMMARY_MAX * 2 };
	unsigned count = content_words(&flow->last, &text);
	const struct use *u = keyed_find(m->uses, flow->last.h.call, 0);
	struct finding f;

	if (!count)
		return false;
	begin(d, flow, &f);
	f.severity = content_severity(&flow->last, count);
	buf_printf(&summary, "mining: a client %s, to ", buf_text(&text));
	add_sign(&f, SIGN_CONTENT, &text);
	flow_seen_words(flow, &summary);
	add_carrier(&f, &flow->last, &text);
	add_endpoint(&f, &flow->last, &text);
	if (u && u->count) {
		struct burnt b = burnt_since(u, flow->last.started_mono_ns, detection_now(d));

		if (b.busy && !works_besides(&b))
			add_cpu(&f, flow->last.h.call, &b, &text);
	}
	if (f.verdict == VERDICT_BLOCKED)
		buf_add_text(&summary, ", cut before it left");
	report(d, flow, &f, &summary);
	return true;
}

struct labels_of_call {
	const struct detection *d;
	struct finding *f;
};

static void add_process_label(void *context, const struct process *p)
{
	struct labels_of_call *all = context;

	finding_add_label(all->d, all->f, p->label);
}

static const struct edge *edge_to(const struct finding *f, uint32_t call)
{
	for (size_t i = 0; i < f->via_count; i++)
		if (f->via[i].call == call)
			return &f->via[i];
	return NULL;
}

/* Whether the call that burns stands behind the flow, or the flow's call behind it; f has the
 * flow's edges, and gets the one that joins them. */
static bool is_joined(const struct detection *d, struct finding *f, uint32_t call)
{
	struct finding burner = { .call = call };
	struct labels_of_call all = { d, &burner };
	const struct edge *edge;

	if (f->call == call || edge_to(f, call))
		return true;
	processes_of_call(detection_processes(d), call, add_process_label, &all);
	edge = edge_to(&burner, f->call);
	if (edge)
		finding_add_edge(
			f, &(struct edge){ .call = call, .kind = edge->kind, .seq = edge->seq });
	return edge != NULL;
}

struct burner {
	const struct detection *d;
	const struct flow_seen *flow;
	struct finding *f;
	uint32_t call;
	struct burnt b;
	bool found;
};

/* The one with the least other work, of those that are joined to the flow. */
static void try_burner(void *context, uint32_t call, void *entry)
{
	struct burner *best = context;
	const struct use *u = entry;
	struct burnt b = { 0 };

	if (u->count)
		b = burnt_since(u, best->flow->last.started_mono_ns, detection_now(best->d));
	if (!b.busy || (best->found && works_besides(&b)) || !is_joined(best->d, best->f, call))
		return;
	best->found = true;
	best->call = call;
	best->b = b;
}

/* Of this call, or of all: EVENT_NO_CALL. */
static void find_burner(struct mining *m, uint32_t call, struct burner *best)
{
	struct use *u = call == EVENT_NO_CALL ? NULL : keyed_find(m->uses, call, 0);

	if (u)
		try_burner(best, call, u);
	else
		keyed_each(m->uses, try_burner, best);
}

/* By what `call` used. What is weak is told when nothing more can come. */
static void judge_thin(struct detection *d, struct mining *m, const struct flow_seen *flow,
		       uint32_t call, bool last)
{
	const struct flow_signs *s = &flow->last.signs;
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX };
	cleanup_buf struct buf summary = { .max = FINDING_SUMMARY_MAX * 2 };
	struct finding f;
	struct burner burner = { .d = d, .flow = flow, .f = &f };

	begin(d, flow, &f);
	find_burner(m, call, &burner);
	if (!burner.found && !last)
		return;
	buf_printf(&text, "%u messages", pushes(s));
	if (s->initiative[1][0]) {
		buf_add_text(&text, " of ");
		bytes_words(s->led_bytes[1] / s->initiative[1][0], &text);
	}
	buf_add_text(&text, " pushed in ");
	duration_words(flow_lasted_ns(&flow->last), &text);
	buf_printf(&text, ", %u sent back", s->initiative[0][0] + s->answered[1]);
	buf_printf(&summary, "as for mining, %s, on the flow to ", buf_text(&text));
	add_sign(&f, SIGN_PUSHES, &text);
	flow_seen_words(flow, &summary);
	add_endpoint(&f, &flow->last, &text);
	add_carrier(&f, &flow->last, &text);
	if (burner.found) {
		bool clean = !works_besides(&burner.b);

		add_cpu(&f, burner.call, &burner.b, &text);
		buf_add_text(&summary, " beside a busy processor");
		f.severity = !clean				   ? SEVERITY_LOW
			     : finding_has_sign(&f, SIGN_ENDPOINT) ? SEVERITY_HIGH
								   : SEVERITY_MEDIUM;
	} else {
		f.severity = SEVERITY_LOW;
	}
	if (f.severity > SEVERITY_LOW || (last && f.sign_count > 1))
		report(d, flow, &f, &summary);
}

static void keep_thin(struct mining *m, uint64_t flow)
{
	for (size_t i = 0; i < m->thin_count; i++)
		if (m->thin[i] == flow)
			return;
	m->thin[m->thin_next] = flow;
	m->thin_next = (m->thin_next + 1) % THIN_MAX;
	m->thin_count += m->thin_count < THIN_MAX;
}

static void on_flow(struct detection *d, struct mining *m, const struct event_view *e)
{
	const struct flow_seen *flow = flow_table_find(detection_flows(d), e->flow->flow);

	if (!flow || judge_content(d, m, flow) || !is_thin(&flow->last))
		return;
	keep_thin(m, e->flow->flow);
	judge_thin(d, m, flow, EVENT_NO_CALL, flow->over);
}

static void judge_all_thin(struct detection *d, struct mining *m, uint32_t call, bool last)
{
	for (size_t i = 0; i < m->thin_count; i++) {
		const struct flow_seen *flow = flow_table_find(detection_flows(d), m->thin[i]);

		if (flow && !flow->over && is_thin(&flow->last))
			judge_thin(d, m, flow, call, last);
	}
}

static void on_usage(struct detection *d, struct mining *m, const struct event_view *e)
{
	const struct event_usage *used = e->usage;
	struct use *u = keyed_get(m->uses, e->h->call, 0);
	struct sample begin;

	if (!u)
		return;
	/* what a call did before it was busy (its shell, its set-up) is not beside */
	begin = u->count ? u->samples[u->count - 1] : u->now;
	begin.mono_ns = grown(used->since_ns, e->h->mono_ns);
	begin.cpu_usec = grown(used->used_usec, used->cpu_usec);
	add_sample(u, &begin);
	u->now.mono_ns = e->h->mono_ns;
	u->now.cpu_usec = used->cpu_usec;
	u->now.wanted_usec += used->used_usec + used->waited_msec * 1000ull;
	add_sample(u, &u->now);
	judge_all_thin(d, m, e->h->call, false);
}

/* What a call has to show besides: files, and processes that did their part and ended. */
static void on_work(struct mining *m, const struct event_view *e)
{
	struct use *u;

	if (e->h->kind == EVENT_FILE && (e->file->op == FILE_READ || !e->file->first))
		return;
	u = keyed_get(m->uses, e->h->call, 0);
	if (!u)
		return;
	if (e->h->kind == EVENT_FILE)
		u->now.files++;
	else if (e->h->mono_ns < e->h->start_ns + SHORT_LIFE_NS)
		u->now.passed_usec += e->exit->cpu_usec;
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	if (e->h->kind == EVENT_FLOW)
		on_flow(d, state, e);
	else if (e->h->kind == EVENT_USAGE)
		on_usage(d, state, e);
	else
		on_work(state, e);
}

static void finish(struct detection *d, void *state)
{
	struct mining *m = state;

	judge_all_thin(d, m, EVENT_NO_CALL, true);
	keyed_free(m->uses);
	free(m);
}

const struct detector mining_detector = {
	.kind = FINDING_MINING,
	.wants = 1u << EVENT_FLOW | 1u << EVENT_USAGE | 1u << EVENT_EXIT | 1u << EVENT_FILE,
	.start = start,
	.on_event = on_event,
	.finish = finish,
};
