// SPDX-License-Identifier: Apache-2.0
/* The report as text: what a tired person reads in ten seconds. First whether anything is wrong and
 * which calls to blame, then the calls in order, then the findings with their evidence, and last
 * whether anything is missing. All bytes of the agent have been escaped before they come here. */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text_escape.h"
#include "report/calls.h"
#include "report/flows.h"
#include "report/page.h"
#include "base/words.h"

#define FINDINGS_SHOWN_MAX 50
#define EVIDENCE_SHOWN 2
#define VIA_SHOWN 8
#define BLAMED_SHOWN_MAX 12
#define REASON_WIDTH 100
#define TITLE_MIN 20
#define INDENT 3
#define DIGEST_SHOWN 12

static void add_escaped(struct page *p, const char *text, size_t width)
{
	if (text)
		text_escape_cut(&p->line, text, strlen(text), width);
}

static void print_ending(struct page *p, const struct run_info *run)
{
	if (!run->over) {
		buf_add_text(&p->line,
			     run->damaged ? "it ended in a crash of weir" : "still running");
		return;
	}
	buf_printf(&p->line, "status %d after ", run->close.exit_code);
	if (run->close.ended_ns >= run->open.started_ns)
		duration_words(run->close.ended_ns - run->open.started_ns, &p->line);
	if (run->close.reason[0]) {
		buf_add_text(&p->line, ", ");
		add_escaped(p, run->close.reason, REASON_WIDTH);
	}
}

/* What is left of the line. */
static size_t room(const struct page *p)
{
	size_t used = text_columns(buf_text(&p->line));

	return used + TITLE_MIN < p->style.width ? p->style.width - used : TITLE_MIN;
}

static void print_title(struct page *p, const struct run_info *run)
{
	char time[CLOCK_TEXT_MAX];

	buf_printf(&p->line, "run %s  ", run->open.id);
	if (run->open.name && *run->open.name) {
		add_escaped(p, run->open.name, RUN_NAME_MAX);
		buf_add_text(&p->line, "  ");
	}
	add_escaped(p, run->open.trajectory ? run->open.trajectory : run->open.command, room(p));
	page_end_line(p, INK_BOLD, INDENT);
	print_ending(p, run);
	buf_printf(&p->line, ", %u call%s, started %.19sZ", run->calls, run->calls == 1 ? "" : "s",
		   clock_format(run->open.started_ns, time));
	if (run->open.policy_digest) {
		buf_add_text(&p->line, ", policy ");
		text_escape(&p->line, run->open.policy_digest,
			    strnlen(run->open.policy_digest, DIGEST_SHOWN));
	}
	page_end_line(p, INK_PLAIN, INDENT);
}

static void print_carried(struct page *p, const struct run_info *run)
{
	cleanup_policy struct policy policy = { .version = 0 };
	struct wire w;

	wire_init(&w, run->open.policy.data, run->open.policy.size);
	if (policy_decode(&w, &policy) < 0)
		return;
	for (size_t i = 0; i < policy.network.carry.count; i++) {
		buf_add_text(&p->line, "carried socket ");
		add_escaped(p, policy.network.carry.items[i], room(p));
		page_end_line(p, INK_PLAIN, INDENT);
	}
}

static bool same_state(const struct state_line *a, const struct state_line *b)
{
	return a->state == b->state && !strcmp(a->reason, b->reason);
}

/* Those that do not hold; neighbours with the same reason are one line. */
static void print_states(struct page *p, const char *what, const struct state_line *lines,
			 size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && same_state(&lines[i], &lines[end]);)
			end++;
		if (lines[i].state == STATE_ENFORCED)
			continue;
		buf_printf(&p->line, "%s%s ", what, end - i > 1 ? "s" : "");
		for (size_t k = i; k < end; k++) {
			if (k > i)
				buf_add_text(&p->line, ", ");
			add_escaped(p, lines[k].name, sizeof(lines[k].name));
		}
		buf_printf(&p->line, ": %s", barrier_state_name(lines[i].state));
		if (lines[i].reason[0]) {
			buf_add_text(&p->line, ", ");
			add_escaped(p, lines[i].reason, sizeof(lines[i].reason));
		}
		page_end_line(p, INK_YELLOW, INDENT);
	}
}

static enum severity worst_severity(const struct report *r)
{
	return r->finding_count ? r->worst[0]->severity : SEVERITY_INFO;
}

/* "1 high, 3 medium" */
static void add_severities(struct page *p, const struct report *r)
{
	size_t count[SEVERITY_COUNT] = { 0 };
	const char *comma = "";

	for (size_t i = 0; i < r->finding_count; i++)
		count[r->findings[i].severity]++;
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--) {
		if (!count[s])
			continue;
		buf_printf(&p->line, "%s%zu %s", comma, count[s], severity_name((enum severity)s));
		comma = ", ";
	}
}

/* The calls with a finding above info, in order. */
static void add_blamed(struct page *p, const struct report *r)
{
	uint64_t shown = 0, more = 0;

	for (size_t n = 0; n < r->doing_count; n++) {
		if (!r->doings[n].blamed)
			continue;
		if (shown == BLAMED_SHOWN_MAX) {
			more++;
			continue;
		}
		buf_printf(&p->line, "%s%zu", shown ? ", " : "", n);
		shown++;
	}
	if (more)
		buf_printf(&p->line, " and %llu more", (unsigned long long)more);
}

static void print_verdict(struct page *p, const struct report *r)
{
	enum severity worst = worst_severity(r);

	if (!r->finding_count) {
		page_line(p, INK_BOLD, INDENT, "No findings.");
		return;
	}
	plural_words(r->finding_count, "finding", "findings", &p->line);
	buf_add_text(&p->line, ": ");
	add_severities(p, r);
	buf_add_char(&p->line, '.');
	if (worst > SEVERITY_INFO) {
		buf_add_text(&p->line, " To blame: call ");
		add_blamed(p, r);
		buf_add_char(&p->line, '.');
	}
	page_end_line(p, severity_ink(worst), INDENT);
}

static void print_evidence(struct page *p, const struct report *r, const struct finding *f)
{
	size_t shown = 0;

	for (size_t i = 0; i < f->evidence_count && shown < EVIDENCE_SHOWN; i++) {
		const struct evidence *e = report_evidence(r, f->evidence[i]);

		if (!e || !e->words)
			continue;
		page_line(p, INK_DIM, INDENT * 2, "   event %llu: %s", (unsigned long long)e->seq,
			  e->words);
		shown++;
	}
}

static void print_blame(struct page *p, const struct finding *f, const struct calls_seen *seen)
{
	const char *name = calls_name(seen, f->call);

	if (f->basis == BASIS_UNATTRIBUTED)
		buf_add_text(&p->line, "   no call can be named");
	else if (f->call == 0)
		buf_add_text(&p->line, "   the run itself");
	else
		buf_printf(&p->line, "   call %u%s%s", f->call, *name ? ", " : "", name);
	if (f->via_count) {
		buf_add_text(&p->line, "; by way of ");
		edges_words(&p->line, f->via, f->via_count, VIA_SHOWN);
	}
	page_end_line(p, INK_BOLD, INDENT * 2);
}

/* What it rests on, and what came of it. */
static void print_signs(struct page *p, const struct finding *f)
{
	if (f->sign_count) {
		buf_add_text(&p->line, "   ");
		finding_say_signs(f, &p->line);
		buf_add_text(&p->line, f->flow_count ? "; " : "");
		finding_say_flows(f, &p->line);
		page_end_line(p, INK_PLAIN, INDENT * 2);
	}
	if (f->done[0]) {
		buf_add_text(&p->line, "   done: ");
		add_escaped(p, f->done, sizeof(f->done));
		page_end_line(p, INK_BOLD, INDENT * 2);
	}
}

static void print_finding(struct page *p, const struct report *r, const struct finding *f,
			  const struct calls_seen *seen)
{
	page_line(p, severity_ink(f->severity), INDENT, "F%u %s  %s", f->number,
		  severity_name(f->severity), f->summary);
	print_blame(p, f, seen);
	buf_printf(&p->line, "   %s, %s, basis %s", f->detector, finding_verdict_name(f->verdict),
		   finding_basis_name(f->basis));
	if (f->basis_reason[0]) {
		buf_add_text(&p->line, " (");
		add_escaped(p, f->basis_reason, sizeof(f->basis_reason));
		buf_add_char(&p->line, ')');
	}
	buf_printf(&p->line, ", %s %s%s", f->category, f->attack[0] ? "ATT&CK " : "", f->attack);
	buf_add_text(&p->line, ", ");
	plural_words(f->events, "event", "events", &p->line);
	page_end_line(p, INK_PLAIN, INDENT * 2);
	print_signs(p, f);
	print_evidence(p, r, f);
}

static void print_info(struct page *p, const struct finding *f)
{
	page_line(p, INK_DIM, INDENT, "F%u info  call %u: %s", f->number, f->call, f->summary);
}

static void print_findings(struct page *p, const struct report *r, const struct calls_seen *seen)
{
	size_t shown =
		r->finding_count < FINDINGS_SHOWN_MAX ? r->finding_count : FINDINGS_SHOWN_MAX;

	if (shown)
		fputc('\n', p->out);
	for (size_t i = 0; i < shown; i++) {
		if (r->worst[i]->severity > SEVERITY_INFO)
			print_finding(p, r, r->worst[i], seen);
		else
			print_info(p, r->worst[i]);
	}
	if (shown < r->finding_count)
		page_line(p, INK_PLAIN, INDENT, "… and %zu more: weir report -f json %s",
			  r->finding_count - shown, r->run.open.id);
}

static void print_categories(struct page *p, const struct report *r)
{
	static const char *const order[] = { "S1", "S2", "S3", "C1", "C2", "T1", "T2" };
	const char *comma = "";

	buf_add_text(&p->line, "categories: ");
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		size_t count = 0;

		for (size_t k = 0; k < r->finding_count; k++)
			count += !strcmp(r->findings[k].category, order[i]);
		if (!count)
			continue;
		buf_printf(&p->line, "%s%s %s %zu", comma, order[i],
			   finding_category_about(order[i]), count);
		comma = ", ";
	}
	if (*comma)
		page_end_line(p, INK_PLAIN, INDENT);
	else
		buf_clear(&p->line);
}

static void print_gaps(struct page *p, const struct report *r)
{
	for (size_t i = 0; i < r->gap_count; i++) {
		buf_printf(&p->line, "gap: %s, ", gap_reason_name(r->gaps[i].reason));
		plural_words(gap_total(&r->gaps[i]), "event", "events", &p->line);
		if (r->gaps[i].text[0]) {
			buf_add_text(&p->line, ", ");
			add_escaped(p, r->gaps[i].text, sizeof(r->gaps[i].text));
		}
		page_end_line(p, INK_RED, INDENT);
	}
	if (r->gaps_more)
		page_line(p, INK_RED, INDENT, "and %llu more gaps",
			  (unsigned long long)r->gaps_more);
	if (r->damage) {
		buf_add_text(&p->line, "the record is damaged: ");
		add_escaped(p, r->damage, FAIL_TEXT_MAX);
		page_end_line(p, INK_RED, INDENT);
	}
}

/* Whether all calls are known that stand behind another. */
static void print_provenance(struct page *p, const struct report *r, const struct calls_seen *seen)
{
	size_t count, shown;
	const struct report_edge *const *unknown = report_behind(r, EVENT_NO_CALL, &count);

	if (!r->edge_count && !seen->handovers_lost)
		return;
	shown = count < LOSERS_MAX ? count : LOSERS_MAX;
	if (!count && !seen->handovers_lost && !r->edges_more) {
		page_line(p, INK_PLAIN, INDENT,
			  "provenance: known wherever a call stands on another");
		return;
	}
	buf_add_text(&p->line, "PROVENANCE INCOMPLETE: ");
	plural_words(seen->handovers_lost, "hand-over", "hand-overs", &p->line);
	buf_add_text(&p->line, " lost");
	for (size_t i = 0; i < shown; i++)
		buf_printf(&p->line, "%s call %u (%s)", i ? "," : "; not known of", unknown[i]->to,
			   edge_reason_about((enum edge_reason)unknown[i]->edge.reason));
	if (count > shown)
		buf_printf(&p->line, " and %zu more", count - shown);
	if (r->edges_more)
		buf_printf(&p->line, "; %llu edges are not shown",
			   (unsigned long long)r->edges_more);
	page_end_line(p, INK_RED, INDENT);
}

static size_t blind_sensors(const struct run_open *open)
{
	size_t count = 0;

	for (size_t i = 0; i < open->sensor_count; i++)
		count += open->sensors[i].state == STATE_UNAVAILABLE;
	return count;
}

/* "none lost", "12 lost, of call 3, 4" */
static void add_lost(struct page *p, uint64_t lost, const struct calls_seen *seen)
{
	if (lost)
		count_words(lost, &p->line);
	buf_add_text(&p->line, lost ? " lost" : "none lost");
	for (size_t i = 0; i < seen->loser_count && i < LOSERS_MAX; i++)
		buf_printf(&p->line, "%s %u", i ? "," : ", of call", seen->losers[i]);
	if (seen->loser_count > LOSERS_MAX)
		buf_add_text(&p->line, " and others");
}

static void print_completeness(struct page *p, const struct report *r,
			       const struct calls_seen *seen)
{
	static const struct {
		const char *word;
		enum ink ink;
	} states[] = { { "complete: ", INK_PLAIN },
		       { "PARTLY BLIND: ", INK_YELLOW },
		       { "INCOMPLETE: ", INK_RED } };
	uint64_t lost = r->run.lost > seen->lost ? r->run.lost : seen->lost;
	size_t blind = blind_sensors(&r->run.open);
	bool incomplete = lost || r->gap_count || r->gaps_more || r->damage;
	size_t state = incomplete ? 2 : blind > 0;

	buf_add_text(&p->line, states[state].word);
	plural_words(r->run.events, "event", "events", &p->line);
	buf_add_text(&p->line, " recorded, ");
	add_lost(p, lost, seen);
	if (blind) {
		buf_add_text(&p->line, "; ");
		plural_words(blind, "sensor was", "sensors were", &p->line);
		buf_add_text(&p->line, " not there");
	}
	page_end_line(p, states[state].ink, INDENT);
	print_gaps(p, r);
	print_provenance(p, r, seen);
	if (r->run.root[0])
		page_line(p, INK_PLAIN, INDENT, "root: %s", r->run.root);
	else
		page_line(p, INK_PLAIN, INDENT, "root: none yet, the record still grows");
}

int report_text(const struct report *r, const struct text_style *style, FILE *out, struct fail *f)
{
	struct calls_seen seen = { 0 };
	cleanup_page struct page p = { 0 };
	int n;

	page_open(&p, out, style);
	print_title(&p, &r->run);
	print_carried(&p, &r->run);
	print_states(&p, "barrier", r->run.open.barriers, r->run.open.barrier_count);
	print_states(&p, "sensor", r->run.open.sensors, r->run.open.sensor_count);
	print_verdict(&p, r);
	fputc('\n', out);
	n = calls_print(r, &p, &seen, f);
	print_findings(&p, r, &seen);
	fputc('\n', out);
	network_text(r, &p);
	print_categories(&p, r);
	print_completeness(&p, r, &seen);
	calls_seen_free(&seen);
	return n < 0 ? n : ferror(out) ? fail(f, errno, "writing the report") : 0;
}
