// SPDX-License-Identifier: Apache-2.0
/* Exfiltration: more is sent to a destination than policy and work explain, a sensitive file was
 * read before, or names that are looked up hold data. A secret that was read weighs by where it lay
 * (outside of the workspace more than the project's own), by where the flow leads (a host that a
 * rule has for itself less than one that a wide rule lets pass), by how much was sent, and less
 * where the call that read it is another one, the flow was there before, or the file is what one
 * shows to be let in there. Amounts alone are low.
 *
 * Of a domain whose answers carry data back the detector of tunnels speaks, never both.
 *
 * Owns what was read and sent, by call. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "base/words.h"
#include "detect/detection.h"
#include "detect/range.h"
#include "detect/secret.h"
#include "detect/sent.h"

/* Names that look like data below one domain: a page, a database or a CDN asks for a few. */
#define LABELS_MIN 12
#define LABELS_MIN_AFTER_SECRET 4
#define LABELS_BYTES_AFTER_SECRET 100
#define LABELS_MUCH 4096 /* bytes: a key of 3 kB in base 32 */
/* Fewer bytes than a token has hold none. */
#define SECRET_SENT_MIN 16

#define TOLD_MAX 512 /* domains of which a call was told: then the run is not */

struct exfiltration {
	struct keyed *secrets, *told;
	struct sending sending;
};

static int start(struct detection *d, void **ret_state)
{
	struct exfiltration *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	if (keyed_new(SECRET_CALLS_MAX, sizeof(struct secret), NULL, &x->secrets) < 0 ||
	    keyed_new(TOLD_MAX, 0, NULL, &x->told) < 0 || sending_new(&x->sending) < 0) {
		keyed_free(x->secrets);
		keyed_free(x->told);
		free(x);
		return -ENOMEM;
	}
	*ret_state = x;
	return 0;
}

static const char *technique_of(uint16_t protocol)
{
	switch (protocol) {
	case PROTOCOL_SSH:
	case PROTOCOL_TLS:
		return "T1048.002";
	case PROTOCOL_UNKNOWN:
		return "T1048";
	default:
		return "T1048.003";
	}
}

static void add_sign(struct finding *f, enum sign kind, struct buf *text)
{
	finding_add_sign(f, kind, text);
	buf_clear(text);
}

static void add_secret(struct finding *f, const struct secret *s, bool by_edge, struct buf *text)
{
	text_escape_cut(text, s->path, strlen(s->path), PATH_WIDTH);
	if (by_edge)
		buf_printf(text, " by call %u", s->call);
	add_sign(f, SIGN_SECRET, text);
	if (f->evidence_count < FINDING_EVIDENCE_MAX)
		f->evidence[f->evidence_count++] = s->seq;
}

static void add_volume(struct finding *f, const struct detection *d, const struct sent *s,
		       struct buf *text)
{
	if (!sent_is_much(s))
		return;
	bytes_words(s->up, text);
	buf_add_text(text, s->named ? ", no budget of bytes explains it"
				    : ", no rule has this host for itself");
	add_sign(f, SIGN_VOLUME, text);
	if (sent_is_one_way(d, s)) {
		bytes_words(s->down, text);
		buf_add_text(text, " came back");
		add_sign(f, SIGN_BALANCE, text);
	}
}

static void begin(const struct detection *d, const struct sent *s, struct finding *f)
{
	bool of_run = s->call == EVENT_NO_CALL;

	finding_begin_call(FINDING_EXFILTRATION, of_run ? 0 : s->call, s->seq, f);
	finding_technique(f, technique_of(s->protocol));
	if (of_run) {
		f->basis = BASIS_UNATTRIBUTED;
		strcpy(f->basis_reason, "no call alone sent enough of it");
	} else {
		finding_add_label(d, f, s->last.label);
	}
	for (size_t i = 0; i < s->flows && i < FINDING_FLOWS_MAX; i++)
		finding_add_flow(f, s->numbers[i]);
}

static void report(struct detection *d, struct sent *s, struct finding *f, const char *after,
		   struct buf *text)
{
	bytes_words(s->up, text);
	buf_printf(text, " sent to %s in ", s->where);
	plural_words(s->flows, "flow", "flows", text);
	buf_add_text(text, after);
	if (f->sign_count && f->signs[0].kind == SIGN_SECRET)
		buf_add_text(text, f->signs[0].text);
	finding_say_program(d, &s->last, text);
	finding_say(f, text);
	buf_clear(text);
	detection_report_rising(d, f, s->key);
	s->told = true;
}

/* 0: nothing, 1: low, 2: medium, 3 and more: high. */
static int weight_of(const struct secret *secret, bool by_edge, const struct flow_seen *flow,
		     const struct sent *s, const struct sent *run)
{
	int weight = (int)secret->weight;

	weight += s->named ? 0 : 1;
	weight += sent_is_much(s) || sent_is_much(run) ? 1 : 0;
	weight -= by_edge ? 1 : 0;
	weight -= flow->last.started_mono_ns < secret->first_ns ? 1 : 0;
	weight -= secret_opens(secret, (enum protocol)flow->last.protocol) ? 2 : 0;
	return weight;
}

/* What the same process or call read and sent is the act itself, seen by the kernel at both ends.
 */
static void judge_secret(struct detection *d, const struct secret *secret, bool by_edge,
			 const struct flow_seen *flow, struct sent *s, const struct sent *run)
{
	static const enum severity severities[] = { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };
	int weight = weight_of(secret, by_edge, flow, s, run);
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX * 4 };
	struct finding f;

	if (weight < 1 || (weight < 2 && !flow->over))
		return;
	begin(d, s, &f);
	f.severity = severities[weight < 3 ? weight - 1 : 2];
	add_secret(&f, secret, by_edge, &text);
	if (!by_edge) {
		buf_printf(&text, "%s read and sent",
			   secret->pid == s->last.pid && secret->start_ns == s->last.start_ns
				   ? "one process"
				   : "processes of one call");
		add_sign(&f, SIGN_ACT, &text);
	}
	add_volume(&f, d, sent_is_much(s) ? s : run, &text);
	report(d, s, &f, " after reading ", &text);
}

/* Amounts alone: medium only where the policy says nothing of the host and nothing came back. */
static void judge_volume(struct detection *d, struct sent *s, bool last)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX * 4 };
	bool one_way = sent_is_one_way(d, s);
	struct finding f;

	if (!sent_is_much(s) || (!one_way && (!last || s->told)))
		return;
	begin(d, s, &f);
	f.severity = one_way ? SEVERITY_MEDIUM : SEVERITY_LOW;
	add_volume(&f, d, s, &text);
	report(d, s, &f, "", &text);
}

static void on_flow(struct detection *d, struct exfiltration *x, const struct event_view *e)
{
	const struct flow_seen *flow = flow_table_find(detection_flows(d), e->flow->flow);
	const struct secret *secret;
	struct sent *s, *run;
	bool by_edge;

	if (!flow || !sending_count(&x->sending, d, flow, &s, &run))
		return;
	secret = secret_before(x->secrets, d, &flow->last.h, &by_edge);
	if (secret && flow->last.bytes_up >= SECRET_SENT_MIN &&
	    (!flow->last.signs.last_mono_ns || flow->last.signs.last_mono_ns > secret->first_ns))
		judge_secret(d, secret, by_edge, flow, s, run);
	judge_volume(d, s, flow->over);
	run->told = run->told || s->told;
	if (!run->told)
		judge_volume(d, run, false);
}

/* -1: nothing. */
static int labels_severity(const struct label_count *c, const struct secret *secret)
{
	bool many = c->data >= LABELS_MIN && 2 * c->data >= c->names;

	if (secret && many)
		return SEVERITY_HIGH;
	if (secret && c->data >= LABELS_MIN_AFTER_SECRET &&
	    c->data_bytes >= LABELS_BYTES_AFTER_SECRET)
		return SEVERITY_MEDIUM;
	if (!many)
		return -1;
	return c->data_bytes >= LABELS_MUCH ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

static void say_labels(const struct label_count *c, struct finding *f, struct buf *text)
{
	buf_printf(text, "%u names, up to %u bytes in one", c->data, c->longest);
	add_sign(f, SIGN_LABELS, text);
	if (c->data_bytes >= LABELS_MUCH) {
		bytes_words(c->data_bytes, text);
		add_sign(f, SIGN_VOLUME, text);
	}
	bytes_words(c->data_bytes, text);
	buf_printf(text, " in %u names below ", c->data);
	text_escape_cut(text, c->domain, strlen(c->domain), RANGE_NAME_MAX);
	buf_printf(text, ", %u of them refused", c->verdicts[DNS_REFUSED]);
}

static void report_labels(struct detection *d, const struct event_view *e,
			  const struct label_count *c, struct finding *f, uint64_t domain)
{
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX * 4 };

	finding_technique(f, "T1048.003");
	if (c->verdicts[DNS_REFUSED] == c->names)
		f->verdict = VERDICT_BLOCKED;
	say_labels(c, f, &text);
	finding_say_program(d, e->h, &text);
	finding_say(f, &text);
	detection_report_rising(d, f, domain);
}

static void judge_labels(struct detection *d, struct exfiltration *x, const struct event_view *e,
			 bool of_run)
{
	const struct label_count *c = labels_of(detection_labels(d), e, of_run);
	cleanup_buf struct buf text = { .max = FINDING_SUMMARY_MAX };
	const struct secret *secret;
	struct finding f;
	uint64_t domain;
	bool by_edge;
	int severity;

	if (!c || labels_both_ways(c))
		return;
	secret = secret_before(x->secrets, d, e->h, &by_edge);
	severity = labels_severity(c, secret);
	domain = keyed_hash(KEYED_HASH, c->domain, strlen(c->domain));
	if (severity < 0 || (of_run && keyed_find(x->told, 0, domain)))
		return;
	finding_begin(d, FINDING_EXFILTRATION, e, &f);
	f.severity = (enum severity)severity;
	if (of_run) {
		f.call = 0;
		f.basis = BASIS_UNATTRIBUTED;
		strcpy(f.basis_reason, "no call alone asked for enough of them");
	} else {
		keyed_get(x->told, 0, domain);
	}
	if (secret)
		add_secret(&f, secret, by_edge, &text);
	report_labels(d, e, c, &f, domain);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	struct exfiltration *x = state;

	if (e->h->kind == EVENT_FILE) {
		secret_event(x->secrets, d, e);
	} else if (e->h->kind == EVENT_FLOW) {
		on_flow(d, x, e);
	} else {
		judge_labels(d, x, e, false);
		judge_labels(d, x, e, true);
	}
}

static void judge_run(void *context, uint32_t call, void *entry)
{
	struct sent *s = entry;

	if (call == EVENT_NO_CALL && !s->told)
		judge_volume(context, s, true);
}

static void finish(struct detection *d, void *state)
{
	struct exfiltration *x = state;

	keyed_each(x->sending.destinations, judge_run, d);
	keyed_free(x->secrets);
	keyed_free(x->told);
	sending_free(&x->sending);
	free(x);
}

const struct detector exfiltration_detector = {
	.kind = FINDING_EXFILTRATION,
	.wants = 1u << EVENT_FILE | 1u << EVENT_FLOW | 1u << EVENT_DNS,
	.start = start,
	.on_event = on_event,
	.finish = finish,
};
