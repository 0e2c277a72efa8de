// SPDX-License-Identifier: Apache-2.0
/* Lines about calls; see live.h. Owns nothing. */
#include "cmd/live.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text_escape.h"
#include "base/words.h"

#define LINE_MAX_BYTES 65536
#define FUNCTION_COLUMNS 18
#define SUBJECT_COLUMNS 50 /* where no terminal says how many there are */
#define SUBJECT_LEAST 20
#define OTHER_COLUMNS 50 /* number, function, blanks, and the usual ending */

static const char dim[] = "\033[2m", red[] = "\033[31m", plain[] = "\033[0m";

void live_init(struct live *l, FILE *out)
{
	bool terminal = isatty(fileno(out));

	*l = (struct live){ .out = out,
			    .style = text_style_of(out),
			    .prefix = "",
			    .eol = "\n",
			    .begins = true,
			    .completes = terminal };
	if (!terminal)
		l->style.width = 0;
}

static const char *ink(const struct live *l, const char *code)
{
	return l->style.colour ? code : "";
}

static size_t subject_columns(const struct live *l)
{
	size_t other = OTHER_COLUMNS + strlen(l->prefix);

	if (!l->style.width)
		return SUBJECT_COLUMNS;
	return l->style.width > other + SUBJECT_LEAST ? l->style.width - other : SUBJECT_LEAST;
}

static void add_padded(struct buf *line, const char *text, size_t width)
{
	cleanup_buf struct buf cut = { 0 };
	size_t columns;

	buf_init(&cut, LINE_MAX_BYTES);
	text_escape_again(&cut, text, width);
	buf_add_text(line, buf_text(&cut));
	for (columns = text_columns(buf_text(&cut)); columns < width; columns++)
		buf_add_char(line, ' ');
}

static void add_call(const struct live *l, struct buf *line, const struct live_line *c)
{
	buf_printf(line, "%s%4u  ", l->prefix, c->n);
	add_padded(line, c->function, FUNCTION_COLUMNS);
	buf_add_text(line, "  ");
	add_padded(line, c->subject, subject_columns(l));
}

static void add_status(const struct live *l, struct buf *line, const struct live_ending *e)
{
	static const char *const words[] = {
		[ENDING_TIMEOUT] = "time limit",	 [ENDING_TERMINAL] = "wants a terminal",
		[ENDING_NOT_EXECUTED] = "not executed",	 [ENDING_RUN_OVER] = "run over",
		[ENDING_FINDING] = "ended by a finding",
	};
	bool word = e->ending < ARRAY_LENGTH(words) && words[e->ending];
	bool bad = e->exit_code && !e->harmless;

	buf_add_text(line, ink(l, bad ? red : e->harmless ? dim : ""));
	if (word)
		buf_add_text(line, words[e->ending]);
	else
		buf_printf(line, "%d", e->exit_code);
	buf_add_text(line, ink(l, bad || e->harmless ? plain : ""));
}

static void add_ending(const struct live *l, struct buf *line, const struct live_ending *e)
{
	buf_add_text(line, "  ");
	add_status(l, line, e);
	if (e->ending == ENDING_NOT_EXECUTED)
		return;
	if (e->duration_ns != UINT64_MAX)
		buf_printf(line, "  %.2f s", (double)e->duration_ns / (double)NSEC_PER_SEC);
	if (e->killed)
		buf_printf(line, "  %u left and killed", e->killed);
	else if (e->survivors && e->ending <= ENDING_SIGNAL)
		buf_printf(line, "  %u left running", e->survivors);
}

void live_break(struct live *l)
{
	if (!l->out)
		return;
	if (l->open)
		fputs(l->eol, l->out);
	l->open = 0;
	fflush(l->out);
}

static void write_line(struct live *l, const struct buf *line)
{
	if (!l->out)
		return;
	live_break(l);
	fputs(buf_text(line), l->out);
	fputs(l->eol, l->out);
	fflush(l->out);
}

void live_begins(struct live *l, const struct live_line *c)
{
	cleanup_buf struct buf line = { 0 };

	if (!l->begins || !l->out)
		return;
	live_break(l);
	buf_init(&line, LINE_MAX_BYTES);
	add_call(l, &line, c);
	fputs(buf_text(&line), l->out);
	if (l->completes)
		l->open = c->n;
	else
		fprintf(l->out, "  begins%s", l->eol);
	fflush(l->out);
}

void live_ended(struct live *l, const struct live_line *c, const struct live_ending *e)
{
	cleanup_buf struct buf line = { 0 };

	buf_init(&line, LINE_MAX_BYTES);
	if (l->open == c->n)
		l->open = 0;
	else
		add_call(l, &line, c);
	add_ending(l, &line, e);
	write_line(l, &line);
}

void live_remark(struct live *l, const char *label, const char *text)
{
	cleanup_buf struct buf line = { 0 };

	if (!*text)
		return;
	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "%s      %s%s", l->prefix, ink(l, dim), label);
	text_escape(&line, text, strlen(text));
	buf_add_text(&line, ink(l, plain));
	write_line(l, &line);
}

void live_finding(struct live *l, const struct finding *f)
{
	cleanup_buf struct buf line = { 0 };
	bool bad = f->severity >= SEVERITY_HIGH;
	size_t width = l->style.width ? l->style.width : FINDING_SUMMARY_MAX;

	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "%s%s  F%u %s%s  call %u: ", l->prefix, ink(l, bad ? red : ""), f->number,
		   severity_name(f->severity), ink(l, bad ? plain : ""), f->call);
	text_escape_again(&line, f->summary, width > 40 ? width - 30 : width);
	write_line(l, &line);
	if (f->sign_count > 1) {
		buf_clear(&line);
		buf_printf(&line, "%s      %s", l->prefix, ink(l, dim));
		finding_say_signs(f, &line);
		buf_add_text(&line, ink(l, plain));
		write_line(l, &line);
	}
	if (f->done[0]) {
		buf_clear(&line);
		buf_printf(&line, "%s      %s: ", l->prefix, finding_verdict_name(f->verdict));
		text_escape_again(&line, f->done, FINDING_DONE_MAX);
		write_line(l, &line);
	}
}

void live_says(struct live *l, const char *text)
{
	cleanup_buf struct buf line = { 0 };

	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "%s%s", l->prefix, text);
	write_line(l, &line);
}
