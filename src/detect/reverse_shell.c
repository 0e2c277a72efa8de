// SPDX-License-Identifier: Apache-2.0
/* Programs that are driven from outside: what they read comes in by a connection that leads out,
 * and what they print goes back by it, because it is their standard input and output, or because
 * pipes, terminals and other processes lead there (EVENT_RELAY). Which program it is does not
 * matter.
 *
 * Not meant: what is fetched and run (curl | sh: nothing goes back), an agent that runs commands
 * and tells a model what came of them (what goes back is not what came out), and ssh itself, whose
 * standard streams are those of whoever called it. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "detect/chain.h"
#include "detect/holder.h"

#define LEADS_MAX 4	    /* connections on one side of a program that are looked at */
#define PROGRAMS_AT_ONCE 16 /* that are judged for one event */
/* Where answers go another way, or a shell's own commands print them: so often the far end has
 * spoken first after a pause, and more than twice as often as this one. */
#define LED_MIN 2
#define LED_FACTOR 2
/* Of lines alone: the same share of answers as a tunnel's far end gets (tunnel_signs.c). */
#define ANSWERED_PERCENT 60

/* A connection that leads out, and how a program's stream is joined to it. */
struct lead {
	struct event_stream stream;
	const struct flow_seen *flow;
	const struct relay_step *step; /* in the reach of its side; NULL: it is that stream */
	enum relay_match match;
};

struct side {
	struct relay_reach reach;
	struct lead leads[LEADS_MAX];
	size_t count;
};

struct shell_case {
	struct detection *d;
	const struct program *program;
	struct side in, out;
	const struct program *holder; /* through whom both go, for all that is seen */
	int severity;		      /* of the worst pair, or -1 */
	const struct lead *from;      /* where its commands come from; NULL: not by its input */
	const struct lead *to;
};

static void add_lead(struct detection *d, struct side *side, const struct event_stream *s,
		     const struct relay_step *step)
{
	struct flow_seen *flow = NULL;

	if (side->count == LEADS_MAX || !chain_leads_out(detection_flows(d), s, &flow) ||
	    chain_moves(&side->reach, step) < CHAIN_MOVES_MIN)
		return;
	side->leads[side->count++] = (struct lead){
		.stream = *s,
		.flow = flow,
		.step = step,
		.match = step ? chain_match(&side->reach, step) : RELAY_TIGHT,
	};
}

/* A chain that leads through the program's own streams: it is what passes on (ssh), or has the same
 * streams as what does (the shell that called ssh, or a session whose master holds the connection),
 * or who drives it by pipes (scp, expect, rsync) takes what it prints and gives it its input. */
static bool is_its_own(const struct shell_case *c, const struct relay_reach *reach,
		       const struct relay_step *at)
{
	const struct program *p = c->program;
	const struct event_stream put = stream_far(&p->in), printed = stream_far(&p->out);

	for (;; at = &reach->steps[at->before]) {
		const struct event_relay *r = &at->relay->last;

		if (stream_same(&r->to, &p->out) || stream_same(&r->from, &p->in) ||
		    (stream_same(&r->from, &printed) && stream_same(&r->to, &put)))
			return true;
		if (at->before < 0)
			return false;
	}
}

/* Nothing had come by then: a terminal's helper (utempter) holds its end for a moment, and whoever
 * works there calls ssh later. */
static bool had_ended(const struct shell_case *c, const struct relay_reach *reach,
		      const struct relay_step *at)
{
	while (at->before >= 0)
		at = &reach->steps[at->before];
	return c->program->ended_ns && c->program->ended_ns < at->relay->last.first_mono_ns;
}

static void find_leads(struct shell_case *c)
{
	const struct event_stream *in = &c->program->in, *out = &c->program->out;
	const struct event_stream before = stream_far(in), behind = stream_far(out);

	add_lead(c->d, &c->in, in, NULL);
	relays_backward(detection_relays(c->d), &before, &c->in.reach);
	for (size_t i = 0; i < c->in.reach.count; i++)
		if (!is_its_own(c, &c->in.reach, &c->in.reach.steps[i]) &&
		    !had_ended(c, &c->in.reach, &c->in.reach.steps[i]))
			add_lead(c->d, &c->in, &c->in.reach.steps[i].relay->last.from,
				 &c->in.reach.steps[i]);
	add_lead(c->d, &c->out, out, NULL);
	relays_forward(detection_relays(c->d), &behind, &c->out.reach);
	for (size_t i = 0; i < c->out.reach.count; i++)
		if (!is_its_own(c, &c->out.reach, &c->out.reach.steps[i]))
			add_lead(c->d, &c->out, &c->out.reach.steps[i].relay->last.to,
				 &c->out.reach.steps[i]);
}

static void find_holder(struct shell_case *c)
{
	const struct flow_seen *flow = NULL;
	struct event_stream s;

	if (c->in.count || c->out.count)
		return;
	c->holder = holder_of(c->d, c->program, &flow);
	if (!c->holder)
		return;
	s = flow_stream(&flow->last);
	add_lead(c->d, &c->in, &s, NULL);
	add_lead(c->d, &c->out, &s, NULL);
}

static bool is_text(const struct lead *l)
{
	return l->flow && FLOW_HAS(&l->flow->last.signs, TEXT);
}

/* The far end speaks first, and not in a protocol where that means something else. */
static bool is_led(const struct lead *l)
{
	return l->flow && l->flow->last.direction == FLOW_OUT && !flow_asks(l->flow) &&
	       l->flow->last.protocol != PROTOCOL_SSH && flow_led(l->flow, 1) >= LED_MIN &&
	       flow_led(l->flow, 1) > (uint64_t)LED_FACTOR * flow_led(l->flow, 0);
}

/* The same connection both ways: the proof. Where other processes stand between, as much must have
 * come out as went in; in a protocol of questions and answers, to the byte but for encryption. */
static int weigh_both(const struct shell_case *c, const struct lead *from, const struct lead *to)
{
	enum relay_match match = from->match < to->match ? from->match : to->match;
	bool asks = from->flow && flow_asks(from->flow);

	/* that something came that way only the flow says */
	if (c->holder)
		return is_led(from) ? SEVERITY_HIGH : -1;
	if ((from->step || to->step) && match < (asks ? RELAY_TIGHT : RELAY_LOOSE))
		return -1;
	/* Whoever serves a published port may do so by standard streams. */
	if (from->flow && from->flow->last.direction == FLOW_IN)
		return is_text(from) ? SEVERITY_HIGH : SEVERITY_LOW;
	return SEVERITY_CRITICAL;
}

/* Commands come by one connection, what they print goes by another; or from is NULL: they come by a
 * way of the shell's own. */
static int weigh_apart(const struct lead *from, const struct lead *to)
{
	if (to->match < RELAY_LOOSE || (from && from->match < RELAY_LOOSE))
		return -1;
	return is_led(from ? from : to) ? SEVERITY_HIGH : -1;
}

static void weigh_pair(struct shell_case *c, const struct lead *from, const struct lead *to)
{
	int severity = from && stream_same(&from->stream, &to->stream) ? weigh_both(c, from, to)
								       : weigh_apart(from, to);

	if (severity <= c->severity)
		return;
	c->severity = severity;
	c->from = from;
	c->to = to;
}

static void weigh(struct shell_case *c)
{
	for (size_t i = 0; i < c->out.count; i++) {
		for (size_t j = 0; j < c->in.count; j++)
			weigh_pair(c, &c->in.leads[j], &c->out.leads[i]);
		weigh_pair(c, NULL, &c->out.leads[i]);
	}
}

static const char *way_words(const struct event_stream *s, const struct relay_step *step)
{
	static const char *const ways[STREAM_KIND_COUNT] = {
		[STREAM_PIPE] = "over a pipe",
		[STREAM_TERMINAL] = "over a terminal",
		[STREAM_UNIX] = "over a unix socket",
		[STREAM_INET] = "over a connection inside",
	};

	return !step ? "at once" : ways[s->kind] ? ways[s->kind] : "";
}

static void add_led(const struct lead *l, struct finding *f)
{
	cleanup_buf struct buf text = { 0 };

	if (!is_led(l))
		return;
	buf_init(&text, FINDING_SIGN_TEXT);
	buf_printf(&text, "the far end spoke first after %u pauses, this end after %u",
		   flow_led(l->flow, 1), flow_led(l->flow, 0));
	finding_add_sign(f, SIGN_LED, &text);
}

static void add_signs(const struct shell_case *c, struct finding *f)
{
	const struct lead *shown = c->from ? c->from : c->to;
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, FINDING_SIGN_TEXT * 2);
	if (c->holder)
		buf_printf(&text,
			   "process %u is at the other end of both, and has the connection: ",
			   c->holder->h.pid_inside);
	if (c->from)
		buf_printf(&text, "its input comes from there %s, ",
			   way_words(&c->program->in, c->from->step));
	buf_printf(&text, "its output goes there %s", way_words(&c->program->out, c->to->step));
	finding_add_sign(f, SIGN_STREAMS, &text);
	if (c->to->step || (c->from && c->from->step)) {
		buf_clear(&text);
		buf_printf(&text, "%d and %d steps between",
			   c->from && c->from->step ? c->from->step->hop : 0,
			   c->to->step ? c->to->step->hop : 0);
		finding_add_sign(f, SIGN_RELAY, &text);
	}
	add_led(shown, f);
}

static void add_lead_to(const struct side *side, const struct lead *l, struct blame *b,
			struct finding *f)
{
	if (l->flow) {
		blame_add(b, &l->flow->last.h);
		finding_add_flow(f, l->flow->last.flow);
	}
	if (l->step)
		blame_add_chain(b, f, &side->reach, l->step);
}

static void report(const struct shell_case *c)
{
	const struct program *p = c->program;
	const struct lead *shown = c->from ? c->from : c->to;
	cleanup_buf struct buf text = { 0 };
	struct blame blame = { 0 };
	struct finding f;

	finding_begin_call(FINDING_REVERSE_SHELL, p->h.call, p->seq, &f);
	f.severity = (enum severity)c->severity;
	blame_add(&blame, &p->h);
	if (c->from)
		add_lead_to(&c->in, c->from, &blame, &f);
	add_lead_to(&c->out, c->to, &blame, &f);
	add_signs(c, &f);
	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	text_escape_cut(&text, p->exe, strlen(p->exe), PROGRAM_WIDTH);
	buf_add_text(&text, " is driven from outside by a connection to ");
	chain_say(&shown->stream, shown->flow, &text);
	finding_say(&f, &text);
	blame_report(c->d, &blame, &f, chain_key(&shown->stream, shown->flow));
}

static void judge(struct detection *d, const struct program *p)
{
	struct shell_case c = { .d = d, .program = p, .severity = -1 };

	find_leads(&c);
	find_holder(&c);
	weigh(&c);
	if (c.severity >= 0)
		report(&c);
}

struct round {
	struct detection *d;
	size_t left;
};

static bool judge_next(void *context, const struct program *p)
{
	struct round *r = context;

	if (!r->left)
		return false;
	r->left--;
	judge(r->d, p);
	return r->left > 0;
}

/* The programs that read what can be taken at this end of a stream, or where it is passed on to. */
static void judge_readers(struct detection *d, const struct event_stream *end)
{
	struct round r = { d, PROGRAMS_AT_ONCE };
	struct relay_reach reach;

	relays_programs_in(detection_relays(d), end, judge_next, &r);
	relays_forward(detection_relays(d), end, &reach);
	for (size_t i = 0; i < reach.count; i++) {
		const struct event_stream next = stream_far(&reach.steps[i].relay->last.to);

		relays_programs_in(detection_relays(d), &next, judge_next, &r);
	}
}

/* The programs that put into this end of a stream, or into what is passed on to it. */
static void judge_writers(struct detection *d, const struct event_stream *end)
{
	struct round r = { d, PROGRAMS_AT_ONCE };
	struct relay_reach reach;

	relays_programs_out(detection_relays(d), end, judge_next, &r);
	relays_backward(detection_relays(d), end, &reach);
	for (size_t i = 0; i < reach.count; i++) {
		const struct event_stream next = stream_far(&reach.steps[i].relay->last.from);

		relays_programs_out(detection_relays(d), &next, judge_next, &r);
	}
}

/* What passes shows a shell whose program nobody has seen: in a capture, or where processes are not
 * seen. Its prompt is the proof; lines that the far end says and this one answers may be a chat's.
 */
static int weigh_lines(const struct lead *l)
{
	const struct flow_signs *s = &l->flow->last.signs;
	bool answers = s->turns[0] * 100ull >= s->turns[1] * (uint64_t)ANSWERED_PERCENT;

	if (l->flow->last.direction != FLOW_OUT)
		return -1;
	if (FLOW_HAS(s, PROMPTS))
		return is_led(l) ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	if (!is_text(l) || !is_led(l) || !answers)
		return -1;
	return FLOW_HAS(s, COMMANDS) ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

static void judge_lines(struct detection *d, const struct lead *l)
{
	const struct flow_seen *flow = l->flow;
	int severity = weigh_lines(l);
	cleanup_buf struct buf text = { 0 };
	struct blame blame = { 0 };
	struct finding f;

	if (severity < 0)
		return;
	finding_begin_call(FINDING_REVERSE_SHELL, flow->last.h.call, flow->first_seq, &f);
	f.severity = (enum severity)severity;
	blame_add(&blame, &flow->last.h);
	finding_add_flow(&f, flow->last.flow);
	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	if (FLOW_HAS(&flow->last.signs, PROMPTS))
		buf_add_text(&text, "who connected answers lines with a shell's prompt");
	else if (FLOW_HAS(&flow->last.signs, COMMANDS))
		buf_add_text(&text, "who was connected to says lines in a shell's language");
	if (text.size)
		finding_add_sign(&f, SIGN_CONTENT, &text);
	add_led(l, &f);
	buf_clear(&text);
	buf_add_text(&text, severity >= SEVERITY_MEDIUM ? "a shell is" : "lines may be a shell");
	buf_add_text(&text, " driven from outside by a connection to ");
	chain_say(&l->stream, flow, &text);
	finding_say(&f, &text);
	blame_report(d, &blame, &f, chain_key(&l->stream, flow));
}

/* Once, when it has become more. What is known of a program is said last, and stays. */
static void on_flow(struct detection *d, struct flow_seen *flow)
{
	struct event_stream s = flow_stream(&flow->last);
	const struct lead l = { .stream = s, .flow = flow };
	uint64_t what =
		(uint64_t)(weigh_lines(&l) + 1) << 2 | (uint64_t)is_led(&l) << 1 | is_text(&l);
	struct round held = { d, PROGRAMS_AT_ONCE };

	if (flow->note[FLOW_NOTE_SHELL] == what)
		return;
	flow->note[FLOW_NOTE_SHELL] = what;
	judge_lines(d, &l);
	judge_readers(d, &s);
	judge_writers(d, &s);
	holder_programs(d, flow, judge_next, &held);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	struct round one = { d, 1 };
	struct event_stream end;
	struct flow_seen *flow;

	(void)state;
	if (e->h->kind == EVENT_EXEC) { /* the youngest is this one */
		relays_programs_out(detection_relays(d), &e->exec->streams[1], judge_next, &one);
	} else if (e->h->kind == EVENT_RELAY) {
		end = stream_far(&e->relay->to);
		judge_readers(d, &end);
		end = stream_far(&e->relay->from);
		judge_writers(d, &end);
	} else {
		flow = flow_table_find(detection_flows(d), e->flow->flow);
		if (flow)
			on_flow(d, flow);
	}
}

const struct detector reverse_shell_detector = {
	.kind = FINDING_REVERSE_SHELL,
	.wants = 1u << EVENT_EXEC | 1u << EVENT_RELAY | 1u << EVENT_FLOW,
	.on_event = on_event,
};
