// SPDX-License-Identifier: Apache-2.0
/* The answer of `weir who` in words and as JSON; see who.h. What an agent wrote is escaped here. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text_escape.h"
#include "base/words.h"
#include "bpf/event_address.h"
#include "bpf/event_json.h"
#include "bpf/event_words.h"
#include "report/arguments.h"
#include "report/page.h"
#include "report/who.h"

#define INDENT 12
#define WIDTH 160
#define ANSWER_MAX (64u * 1024 * 1024) /* arguments of 1 MiB each, escaped */

static const char *const kinds[] = {
	[WHO_NONE] = "none", [WHO_WINDOW] = "window", [WHO_EXACT] = "exact"
};

static void add_escaped(struct page *p, const char *text, size_t width)
{
	if (text)
		text_escape_cut(&p->line, text, strlen(text), width);
}

static void add_time(struct page *p, uint64_t ns)
{
	char text[CLOCK_TEXT_MAX];

	buf_printf(&p->line, "%.23sZ", clock_format(ns, text));
}

static void print_head(struct page *p, const struct who_flow *w)
{
	buf_printf(&p->line, "call %u of run %s", w->row.call, w->row.run);
	if (w->run.open.name && *w->run.open.name) {
		buf_add_text(&p->line, " (");
		add_escaped(p, w->run.open.name, RUN_NAME_MAX);
		buf_add_char(&p->line, ')');
	}
	if (!w->run.over)
		buf_add_text(&p->line, w->run.damaged ? ", which ended in a crash" : ", alive");
	page_end_line(p, INK_BOLD, INDENT);
}

static void print_outside(struct page *p, const struct who_flow *w)
{
	const struct event_flow *f = w->frame.event.flow;

	buf_add_text(&p->line, "  outside   ");
	event_endpoint_words(&p->line, f->out_from, f->out_from_port);
	buf_add_text(&p->line, " to ");
	event_endpoint_words(&p->line, f->out_address, f->out_port);
	buf_add_text(&p->line, ", ");
	add_time(p, w->row.started_ns);
	buf_add_text(&p->line, " to ");
	if (w->row.ended_ns == UINT64_MAX)
		buf_add_text(&p->line, "now");
	else
		add_time(p, w->row.ended_ns);
	if (w->off_ns) {
		buf_add_text(&p->line, ", off by ");
		duration_words(w->off_ns, &p->line);
	}
	page_end_line(p, INK_PLAIN, INDENT);
}

static void print_event(struct page *p, const struct who_flow *w)
{
	bool flow = w->frame.kind == EVENT_FLOW;

	buf_printf(&p->line, "  %-9s ", flow ? "flow" : "question");
	event_words(&p->line, &w->frame.event);
	page_end_line(p, INK_PLAIN, INDENT);
	if (flow && w->frame.event.flow->out_port)
		print_outside(p, w);
}
static void print_process(struct page *p, const struct who_flow *w)
{
	buf_printf(&p->line, "  process   %u", w->opener.pid);
	if (w->opener.exe) {
		buf_add_text(&p->line, ", ");
		add_escaped(p, w->opener.exe, WIDTH);
		buf_add_text(&p->line, ": ");
		argv_words(&p->line, w->opener.argv, w->opener.argv_size, WIDTH);
	}
	page_end_line(p, INK_PLAIN, INDENT);
}

static void print_call(struct page *p, const struct who_flow *w)
{
	buf_add_text(&p->line, "  call      ");
	if (w->row.call == 0) {
		buf_add_text(&p->line, "none: the run itself, ");
		add_escaped(p, w->run.open.command, WIDTH);
	} else {
		add_escaped(p, w->function_name, WIDTH);
		buf_add_text(&p->line, w->function_name && w->arguments ? ": " : "");
		arguments_words(w->arguments, WIDTH, &p->line);
	}
	page_end_line(p, INK_PLAIN, INDENT);
}

/* "F2 high, F4 high, F3 medium": weir explain tells them. */
static void print_findings(struct page *p, const struct who_flow *w)
{
	enum severity worst = SEVERITY_INFO;

	for (size_t i = 0; i < w->finding_count; i++) {
		const struct finding *f = &w->findings[i];

		buf_printf(&p->line, "%sF%u %s", i ? ", " : "  findings  ", f->number,
			   severity_name(f->severity));
		worst = f->severity > worst ? f->severity : worst;
	}
	if (w->finding_count)
		page_end_line(p, severity_ink(worst), INDENT);
}

/* Neighbours of one call are told below it together. */
static void print_flows(struct page *p, const struct who_answer *a)
{
	const struct who_flow *before = NULL;

	for (size_t i = 0; i < a->count; i++) {
		const struct who_flow *w = &a->flows[i];

		if (!before || before->row.call != w->row.call ||
		    strcmp(before->row.run, w->row.run) != 0) {
			print_head(p, w);
			print_call(p, w);
			print_findings(p, w);
		}
		print_event(p, w);
		print_process(p, w);
		before = w;
	}
}

int who_text(const struct who_question *q, const struct who_answer *a,
	     const struct text_style *style, FILE *out, struct fail *f)
{
	cleanup_page struct page page = { 0 };
	struct page *p = &page;

	page_open(p, out, style);
	if (a->kind == WHO_NONE) {
		page_line(p, INK_BOLD, 0, "%s", a->reason);
		return fflush(out) == 0 ? 0 : fail(f, errno, "write the answer");
	}
	buf_printf(&p->line, "%s%s: ", kinds[a->kind], a->reversed ? ", of an answer" : "");
	if (a->kind == WHO_WINDOW) {
		plural_words(a->count + a->more, "candidate", "candidates", &p->line);
		buf_printf(&p->line, " (%s)", a->reason);
		page_end_line(p, INK_BOLD, 3);
	}
	print_flows(p, a);
	if (a->more) {
		buf_add_text(&p->line, "… and ");
		plural_words(a->more, "further candidate", "further candidates", &p->line);
		page_end_line(p, INK_DIM, 0);
	}
	return fflush(out) == 0 ? 0 : fail(f, errno, "write the answer");
}

static void asked_json(struct json *j, const struct who_question *q)
{
	char text[EVENT_ADDRESS_TEXT];

	json_key(j, "asked");
	json_object(j);
	json_field_string(j, "dst", event_address_text(q->dst, text));
	if (q->port)
		json_field_uint(j, "port", q->port);
	if (q->sport)
		json_field_uint(j, "sport", q->sport);
	if (q->has_src)
		json_field_string(j, "src", event_address_text(q->src, text));
	if (q->transport)
		json_field_string(j, "proto", transport_text(q->transport));
	json_field_time(j, "at", q->at_ns);
	json_field_uint(j, "precision_ns", q->precision_ns);
	json_field_uint(j, "within_ns", q->within_ns);
	json_object_end(j);
}

static void call_json(struct json *j, const struct who_flow *w)
{
	json_key(j, "call");
	json_object(j);
	json_field_uint(j, "n", w->row.call);
	json_field_string(j, "function_name", w->function_name);
	json_key(j, "arguments");
	if (w->arguments && arguments_are_json(w->arguments))
		json_raw(j, w->arguments, strlen(w->arguments));
	else
		json_string(j, w->arguments);
	json_object_end(j);
}

static void process_json(struct json *j, const struct opener *o)
{
	json_key(j, "process");
	json_object(j);
	json_field_uint(j, "pid", o->pid);
	json_field_string(j, "exe", o->exe);
	json_key(j, "argv");
	json_array(j);
	for (size_t at = 0; at < o->argv_size; at += strnlen(o->argv + at, o->argv_size - at) + 1)
		json_bytes(j, o->argv + at, strnlen(o->argv + at, o->argv_size - at));
	json_array_end(j);
	json_object_end(j);
}

static void flow_json(struct json *j, const struct who_flow *w)
{
	struct event_context context = { .run_id = w->row.run,
					 .wall_ns = w->frame.wall_ns,
					 .exe = w->opener.exe };

	json_object(j);
	json_key(j, "run");
	json_object(j);
	json_field_string(j, "id", w->row.run);
	json_field_string(j, "name", w->run.open.name);
	json_field_string(j, "command", w->run.open.command);
	json_field_time(j, "started", w->run.open.started_ns);
	json_field_bool(j, "over", w->run.over);
	json_object_end(j);
	call_json(j, w);
	process_json(j, &w->opener);
	json_field_time(j, "started", w->row.started_ns);
	json_field_time(j, "ended", w->row.ended_ns == UINT64_MAX ? 0 : w->row.ended_ns);
	json_field_uint(j, "off_ns", w->off_ns);
	json_key(j, "findings");
	json_array(j);
	for (size_t i = 0; i < w->finding_count; i++)
		finding_json(j, &w->findings[i], w->row.run);
	json_array_end(j);
	json_key(j, "event");
	event_json(j, &w->frame.event, &context);
	json_object_end(j);
}

int who_json(const struct who_question *q, const struct who_answer *a, FILE *out, struct fail *f)
{
	cleanup_buf struct buf text = { 0 };
	struct json j;

	buf_init(&text, ANSWER_MAX);
	json_init(&j, &text);
	json_object(&j);
	asked_json(&j, q);
	json_field_string(&j, "answer", kinds[a->kind]);
	json_field_string(&j, "reason", a->reason);
	json_field_bool(&j, "reversed", a->reversed);
	json_key(&j, "flows");
	json_array(&j);
	for (size_t i = 0; i < a->count; i++)
		flow_json(&j, &a->flows[i]);
	json_array_end(&j);
	json_field_uint(&j, "more", a->more);
	json_object_end(&j);
	if (text.error)
		return fail(f, -text.error, "write the answer");
	return fprintf(out, "%s\n", buf_text(&text)) < 0 || fflush(out) != 0
		       ? fail(f, errno, "write the answer")
		       : 0;
}
