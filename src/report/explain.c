// SPDX-License-Identifier: Apache-2.0
/* One finding as a short story: what happened, in which call, on what basis, by which process, and
 * the events it rests on, in words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text_escape.h"
#include "report/arguments.h"
#include "report/page.h"
#include "report/report.h"
#include "report/tell.h"
#include "base/words.h"

#define INDENT 10
#define COMMAND_WIDTH 400
#define EXPLAIN_MAX (4u * 1024 * 1024)

/* The call to blame, as far as the story tells it. Owned, escaped. */
struct culprit {
	uint32_t n;
	bool known;
	char *function_name, *tool_call_id, *command;
	uint64_t started_ns;
};

static void culprit_free(struct culprit *c)
{
	free(c->function_name);
	free(c->tool_call_id);
	free(c->command);
}

static char *escaped(const char *text)
{
	cleanup_buf struct buf out = { 0 };

	buf_init(&out, EXPLAIN_MAX);
	if (text)
		text_escape_cut(&out, text, strlen(text), COMMAND_WIDTH);
	return strdup(buf_text(&out));
}

static int on_call(void *context, const struct call_record *c)
{
	struct culprit *culprit = context;
	cleanup_buf struct buf command = { 0 };

	buf_init(&command, EXPLAIN_MAX);
	if (c->announce.n != culprit->n || culprit->known)
		return 0;
	culprit->known = true;
	culprit->started_ns = c->announce.started_ns;
	culprit->function_name = escaped(c->announce.function_name);
	culprit->tool_call_id = escaped(c->announce.tool_call_id);
	arguments_words(c->announce.arguments, COMMAND_WIDTH, &command);
	culprit->command = strdup(buf_text(&command));
	return culprit->function_name && culprit->tool_call_id && culprit->command ? 0 : -ENOMEM;
}

static const struct finding *find(const struct report *r, uint32_t number, struct fail *f)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].number == number)
			return &r->findings[i];
	fail_text(f, ENOENT, "run %s has no finding F%u; 'weir report %s' lists those it has",
		  r->run.open.id, number, r->run.open.id);
	return NULL;
}

static const struct finding_row *row_of(const struct finding *f)
{
	for (size_t i = 0; i < FINDING_KIND_COUNT; i++)
		if (!strcmp(finding_rows[i].name, f->detector))
			return &finding_rows[i];
	return NULL;
}

static const char *basis_about(enum finding_basis basis)
{
	static const char *const about[BASIS_COUNT] = {
		[BASIS_EXACT] = "exact: the process that did it belongs to this call",
		[BASIS_VIA] = "via: another call's process did it; without this call it would not "
			      "have happened",
		[BASIS_WINDOW] = "window: only the time points to this call",
		[BASIS_UNATTRIBUTED] = "unattributed: no call can be named",
	};

	return about[basis];
}

static const char *verdict_about(enum finding_verdict verdict)
{
	static const char *const about[VERDICT_COUNT] = {
		[VERDICT_OBSERVED] = "observed: it happened",
		[VERDICT_BLOCKED] = "blocked: the kernel, or the gate, refused or cut it",
		[VERDICT_KILLED] = "killed: weir ended it",
	};

	return about[verdict];
}

static void print_head(struct page *p, const struct report *r, const struct finding *f)
{
	page_line(p, INK_BOLD, 3, "F%u of run %s", f->number, r->run.open.id);
	page_line(p, severity_ink(f->severity), 3, "%s: %s", severity_name(f->severity),
		  f->summary);
	fputc('\n', p->out);
}

static void print_judgement(struct page *p, const struct finding *f, const struct finding_row *row)
{
	buf_printf(&p->line, "detector  %s", f->detector);
	if (row)
		buf_printf(&p->line, ", %s", row->about);
	page_end_line(p, INK_PLAIN, INDENT);
	buf_printf(&p->line, "category  %s %s", f->category, finding_category_about(f->category));
	if (f->attack[0])
		buf_printf(&p->line, ", ATT&CK %s (version %s)", f->attack, f->attack_version);
	page_end_line(p, INK_PLAIN, INDENT);
	page_line(p, INK_PLAIN, INDENT, "verdict   %s", verdict_about(f->verdict));
	if (!f->done[0])
		return;
	buf_add_text(&p->line, "done      ");
	text_escape_again(&p->line, f->done, sizeof(f->done));
	page_end_line(p, INK_PLAIN, INDENT);
}

/* A kind of evidence a line. */
static void print_signs(struct page *p, const struct finding *f)
{
	if (f->sign_count)
		page_line(p, INK_PLAIN, INDENT,
			  "confidence %zu, independent kinds of evidence:", f->sign_count);
	for (size_t i = 0; i < f->sign_count; i++) {
		buf_printf(&p->line, "          %-9s %s", sign_name(f->signs[i].kind),
			   sign_about(f->signs[i].kind));
		if (f->signs[i].text[0]) {
			buf_add_text(&p->line, ": ");
			text_escape_again(&p->line, f->signs[i].text, FINDING_SIGN_TEXT);
		}
		page_end_line(p, INK_PLAIN, INDENT);
	}
	if (!f->flow_count)
		return;
	finding_say_flows(f, &p->line);
	page_end_line(p, INK_PLAIN, INDENT);
}

static void print_call(struct page *p, const struct finding *f, const struct culprit *c)
{
	if (f->call == 0) {
		buf_add_text(&p->line, "call      none: the run itself");
	} else {
		buf_printf(&p->line, "call      %u", f->call);
		if (c->known)
			buf_printf(&p->line, " (%s, %s): %s", c->tool_call_id, c->function_name,
				   c->command);
	}
	page_end_line(p, INK_BOLD, INDENT);
	buf_printf(&p->line, "basis     %s", basis_about(f->basis));
	if (f->basis_reason[0]) {
		buf_add_text(&p->line, "; ");
		text_escape(&p->line, f->basis_reason, strlen(f->basis_reason));
	}
	page_end_line(p, INK_PLAIN, INDENT);
}

static void print_via(struct page *p, const struct finding *f)
{
	if (!f->via_count)
		return;
	buf_add_text(&p->line, "by way of ");
	edges_words(&p->line, f->via, f->via_count, FINDING_VIA_MAX);
	page_end_line(p, INK_PLAIN, INDENT);
}

/* The process of the first event that has one. */
static void print_process(struct page *p, const struct report *r, const struct finding *f)
{
	const struct evidence *e = NULL;

	for (size_t i = 0; i < f->evidence_count && (!e || !e->exe); i++)
		e = report_evidence(r, f->evidence[i]);
	if (!e || !e->exe)
		return;
	buf_printf(&p->line, "process   pid %u, %s", e->pid, e->exe);
	if (e->argv && *e->argv)
		buf_printf(&p->line, ", started as \"%s\"", e->argv);
	if (e->exec_seq)
		buf_printf(&p->line, " (event %llu)", (unsigned long long)e->exec_seq);
	page_end_line(p, INK_PLAIN, INDENT);
}

static void print_events(struct page *p, const struct report *r, const struct finding *f)
{
	char time[CLOCK_TEXT_MAX];

	fputc('\n', p->out);
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct evidence *e = report_evidence(r, f->evidence[i]);

		if (!e || !e->words) {
			page_line(p, INK_DIM, INDENT, "event %llu is not in the record",
				  (unsigned long long)f->evidence[i]);
			continue;
		}
		buf_printf(&p->line, "%.12s  event %llu  ", clock_format(e->wall_ns, time) + 11,
			   (unsigned long long)e->seq);
		if (e->pid)
			buf_printf(&p->line, "pid %u  ", e->pid);
		buf_add_text(&p->line, e->words);
		page_end_line(p, INK_PLAIN, INDENT);
	}
	if (f->events > f->evidence_count)
		page_line(p, INK_DIM, INDENT, "… and %zu more of the same",
			  f->events - f->evidence_count);
}

static void print_story(struct page *p, const struct report *r)
{
	if (r->story.count || r->story.lost)
		fputc('\n', p->out);
	story_text(r, p);
}

int explain_text(const struct report *r, uint32_t number, const struct text_style *style, FILE *out,
		 struct fail *f)
{
	const struct finding *finding = find(r, number, f);
	struct culprit culprit = { 0 };
	cleanup_page struct page p = { 0 };
	const struct finding_row *row;
	int n;

	page_open(&p, out, style);
	if (!finding)
		return -ENOENT;
	row = row_of(finding);
	culprit.n = finding->call;
	n = store_calls(r->store, r->run.open.id, on_call, &culprit, f);
	if (n >= 0) {
		print_head(&p, r, finding);
		print_call(&p, finding, &culprit);
		print_via(&p, finding);
		print_process(&p, r, finding);
		print_judgement(&p, finding, row);
		print_signs(&p, finding);
		print_events(&p, r, finding);
		print_story(&p, r);
		if (row) {
			fputc('\n', out);
			page_line(&p, INK_DIM, 0, "%s", row->text);
		}
	}
	culprit_free(&culprit);
	return n < 0 ? n : ferror(out) ? fail(f, errno, "writing the explanation") : 0;
}

static void events_member(struct json *j, const struct report *r, const struct finding *f)
{
	json_key(j, "events");
	json_array(j);
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct evidence *e = report_evidence(r, f->evidence[i]);

		if (e && e->words)
			evidence_json(j, e, r->run.open.id);
	}
	json_array_end(j);
}

int explain_json(const struct report *r, uint32_t number, FILE *out, struct fail *f)
{
	const struct finding *finding = find(r, number, f);
	struct culprit c = { 0 };
	cleanup_buf struct buf text = { 0 };
	struct json j;
	int n;

	buf_init(&text, EXPLAIN_MAX);
	json_init(&j, &text);
	if (!finding)
		return -ENOENT;
	c.n = finding->call;
	n = store_calls(r->store, r->run.open.id, on_call, &c, f);
	json_object(&j);
	json_field_string(&j, "run", r->run.open.id);
	json_key(&j, "finding");
	finding_json(&j, finding, r->run.open.id);
	json_key(&j, "call");
	json_object(&j);
	json_field_uint(&j, "n", c.n);
	json_field_string(&j, "tool_call_id", c.tool_call_id);
	json_field_string(&j, "function_name", c.function_name);
	json_field_string(&j, "command", c.command);
	json_object_end(&j);
	events_member(&j, r, finding);
	story_json(r, finding, &j);
	json_field_string(&j, "about", row_of(finding) ? row_of(finding)->text : NULL);
	json_object_end(&j);
	buf_add_char(&text, '\n');
	culprit_free(&c);
	if (n < 0)
		return n;
	if (text.error || fwrite(text.data, 1, text.size, out) != text.size)
		return fail(f, text.error ? -text.error : errno, "writing the explanation");
	return 0;
}
