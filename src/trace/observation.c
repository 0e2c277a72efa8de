// SPDX-License-Identifier: Apache-2.0
/* Comparison with the recorded observation; see observation.h for the rule. Owns nothing. Both
 * texts are hostile; what goes into the difference is escaped and cut. */
#include "trace/observation.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"

#define SHOWN_COLUMNS 60
#define NORMAL_MAX ((size_t)8 * CALL_OUTPUT_MAX)

enum wrapping {
	WRAP_STATUS, /* a number follows: the exit status */
	WRAP_DROP,   /* the line is the harness's */
	WRAP_LABEL,  /* what follows on the line is output */
};

struct wrap {
	enum wrapping what;
	const char *prefix;
};

/* Lines that harnesses put before the output (OpenHands, Claude Code, Codex, gemini-cli,
 * SWE-agent). */
static const struct wrap head_lines[] = {
	{ WRAP_STATUS, "Exit code: " },
	{ WRAP_STATUS, "Exit code " },
	{ WRAP_STATUS, "Process exited with code " },
	{ WRAP_DROP, "Wall time: " },
	{ WRAP_DROP, "Chunk ID: " },
	{ WRAP_DROP, "Total output lines: " },
	{ WRAP_DROP, "OBSERVATION:" },
	{ WRAP_DROP, "[Below is the output of the previous command.]" },
	{ WRAP_DROP, "Here's the result of running `cat -n` on " },
	{ WRAP_DROP, "Command: " },
	{ WRAP_DROP, "Directory: " },
	{ WRAP_LABEL, "Output: " },
	{ WRAP_LABEL, "Output:" },
	{ WRAP_LABEL, "Stdout: " },
};

/* And after it. */
static const struct wrap tail_lines[] = {
	{ WRAP_STATUS, "[The command completed with exit code " },
	{ WRAP_STATUS, "[Command finished with exit code " },
	{ WRAP_STATUS, "[Command completed with exit code " },
	{ WRAP_STATUS, "[exit code: " },
	{ WRAP_STATUS, "[exit code " },
	{ WRAP_STATUS, "[exit status: " },
	{ WRAP_STATUS, "[exit status " },
	{ WRAP_STATUS, "Exit Code: " },
	{ WRAP_STATUS, "Exit code: " },
	{ WRAP_STATUS, "Command exited with code " },
	{ WRAP_STATUS, "Process exited with code " },
	{ WRAP_DROP, "[Python Interpreter: " },
	{ WRAP_DROP, "[Python interpreter: " },
	{ WRAP_DROP, "[Current working directory: " },
	{ WRAP_DROP, "Signal: " },
	{ WRAP_DROP, "Error: (none)" },
	{ WRAP_DROP, "Background PIDs: " },
	{ WRAP_DROP, "Process Group PGID: " },
};

struct unwrapped {
	const char *text, *end;
	bool has_status;
	int status;
};

/* text..line_end begins with the prefix and, where a status is meant, a number: *ret_after is what
 * follows the prefix. */
static bool wrap_fits(const struct wrap *w, const char *text, const char *line_end,
		      struct unwrapped *u)
{
	size_t size = strlen(w->prefix);
	char number[8] = { 0 }, *end;
	long value;

	if ((size_t)(line_end - text) < size || strncmp(text, w->prefix, size) != 0)
		return false;
	if (w->what != WRAP_STATUS)
		return true;
	memcpy(number, text + size,
	       (size_t)(line_end - text) - size < 7 ? (size_t)(line_end - text) - size : 7);
	value = strtol(number, &end, 10);
	if (end == number || value < -255 || value > 255 || !strchr(".)] \r", *end))
		return false;
	u->has_status = true;
	u->status = (int)value;
	return true;
}

static void unwrap_head(struct unwrapped *u)
{
	while (u->text < u->end) {
		const char *newline = memchr(u->text, '\n', (size_t)(u->end - u->text));
		const char *line_end = newline ? newline : u->end;
		const struct wrap *w = NULL;

		for (size_t i = 0; i < ARRAY_LENGTH(head_lines) && !w; i++)
			if (wrap_fits(&head_lines[i], u->text, line_end, u))
				w = &head_lines[i];
		if (!w)
			return;
		if (w->what == WRAP_LABEL) {
			u->text += strlen(w->prefix);
			if (u->text == newline)
				u->text++;
			return;
		}
		u->text = newline ? newline + 1 : u->end;
	}
}

static void unwrap_tail(struct unwrapped *u)
{
	for (;;) {
		const char *line_end = u->end, *line;
		bool fits = false;

		while (line_end > u->text && strchr("\n\r \t", line_end[-1]))
			line_end--;
		line = memrchr(u->text, '\n', (size_t)(line_end - u->text));
		line = line ? line + 1 : u->text;
		for (size_t i = 0; i < ARRAY_LENGTH(tail_lines) && !fits; i++)
			fits = wrap_fits(&tail_lines[i], line, line_end, u);
		if (!fits || line == line_end)
			return;
		u->end = line;
	}
}

/* <returncode>N</returncode> and <output>…</output> of mini-swe-agent. */
static void unwrap_tags(struct unwrapped *u)
{
	static const char status_tag[] = "<returncode>", open_tag[] = "<output>",
			  close_tag[] = "</output>";
	size_t size = (size_t)(u->end - u->text);
	const char *open, *close;

	if (size < strlen(status_tag) || strncmp(u->text, status_tag, strlen(status_tag)) != 0)
		return;
	u->has_status = true;
	u->status = atoi(u->text + strlen(status_tag));
	open = memmem(u->text, size, open_tag, strlen(open_tag));
	if (!open)
		return;
	open += strlen(open_tag);
	open += open < u->end && *open == '\n';
	close = memmem(open, (size_t)(u->end - open), close_tag, strlen(close_tag));
	u->text = open;
	u->end = close ? close : u->end;
}

/* {"output": …, "metadata": {"exit_code": …}}: true when it was one, its output then in `out`. */
static bool unwrap_json(const char *text, size_t size, struct buf *out, struct unwrapped *u)
{
	json_t *root, *output, *code;
	bool found = false;

	if (size == 0 || text[0] != '{')
		return false;
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	output = json_object_get(root, "output");
	code = json_object_get(json_object_get(root, "metadata"), "exit_code");
	if (!code)
		code = json_object_get(root, "exit_code");
	if (json_is_string(output) && json_is_integer(code)) {
		u->has_status = found = true;
		u->status = (int)json_integer_value(code);
		buf_add(out, json_string_value(output), json_string_length(output));
	}
	json_decref(root);
	return found;
}

void observation_unwrap(const char *text, size_t size, struct buf *out, bool *ret_has,
			int *ret_status)
{
	struct unwrapped u = { .text = text, .end = text + size };

	if (!unwrap_json(text, size, out, &u)) {
		unwrap_tags(&u);
		unwrap_head(&u);
		unwrap_tail(&u);
		buf_add(out, u.text, (size_t)(u.end - u.text));
	}
	*ret_has = u.has_status;
	*ret_status = u.status;
}

struct lines {
	const char *at, *end;
	size_t number;
};

static bool next_line(struct lines *l, const char **ret, size_t *ret_size)
{
	const char *newline;

	if (l->at > l->end)
		return false;
	newline = memchr(l->at, '\n', (size_t)(l->end - l->at));
	*ret = l->at;
	*ret_size = (size_t)((newline ? newline : l->end) - l->at);
	l->at = newline ? newline + 1 : l->end + 1;
	l->number++;
	return true;
}

/* "    12\t", "12→" or "12: " before a line of a file */
static void skip_number(const char **line, size_t *size)
{
	static const char *const marks[] = { "\t", "→", ": ", "|" };
	size_t n = strspn(*line, " "), from = n;

	while (n < *size && (*line)[n] >= '0' && (*line)[n] <= '9')
		n++;
	for (size_t i = 0; n > from && i < ARRAY_LENGTH(marks); i++) {
		size_t mark = strlen(marks[i]);

		if (n + mark <= *size && !strncmp(*line + n, marks[i], mark)) {
			*line += n + mark;
			*size -= n + mark;
			return;
		}
	}
}

/* A line in which a harness says that it left something out. */
static bool says_cut(const char *line, size_t size)
{
	static const char *const words[] = { "truncated", "clipped", "omitted", "elided" };

	if (!memchr(line, '<', size) && !memchr(line, '[', size) && !memchr(line, '(', size) &&
	    !memmem(line, size, "...", 3) && !memmem(line, size, "…", strlen("…")))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (memmem(line, size, words[i], strlen(words[i])))
			return true;
	return false;
}

static void show(struct buf *out, const char *line, size_t size)
{
	buf_add_char(out, '\'');
	text_escape_cut(out, line, size, SHOWN_COLUMNS);
	buf_add_char(out, '\'');
}

struct comparison {
	const struct buf *was, *is; /* normalised */
	bool was_cut, is_cut, numbered;
	struct buf *difference;
};

/* One line of each side, or that there is none. */
struct pair {
	struct lines was, is;
	bool more_was, more_is;
	const char *a, *b;
	size_t a_size, b_size;
};

static void next_pair(const struct comparison *c, struct pair *p)
{
	p->more_was = next_line(&p->was, &p->a, &p->a_size);
	p->more_is = next_line(&p->is, &p->b, &p->b_size);
	if (c->numbered && p->more_was && p->more_is) {
		skip_number(&p->a, &p->a_size);
		skip_number(&p->b, &p->b_size);
	}
}

/* The last line before a cut may be a piece of one. */
static bool at_cut(const struct comparison *c, const struct pair *p)
{
	return (c->was_cut && p->was.at > p->was.end) || (c->is_cut && p->is.at > p->is.end);
}

static void show_pair(struct buf *out, const struct pair *p)
{
	buf_printf(out, "output line %zu: ", p->more_is ? p->is.number : p->was.number);
	if (p->more_is)
		show(out, p->b, p->b_size);
	else
		buf_add_text(out, "nothing");
	buf_add_text(out, ", recorded ");
	if (p->more_was)
		show(out, p->a, p->a_size);
	else
		buf_add_text(out, "nothing");
}

/* Line by line until both sides are used up, or the record says that it was cut. */
static bool lines_differ(const struct comparison *c)
{
	struct pair p = {
		.was = { buf_text(c->was), buf_text(c->was) + c->was->size, 0 },
		.is = { buf_text(c->is), buf_text(c->is) + c->is->size, 0 },
	};

	for (;;) {
		next_pair(c, &p);
		if (!p.more_was && !p.more_is)
			return false;
		if (p.more_was && says_cut(p.a, p.a_size))
			return false;
		if (p.more_was && p.more_is && p.a_size == p.b_size && !memcmp(p.a, p.b, p.a_size))
			continue;
		if (at_cut(c, &p))
			return false;
		show_pair(c->difference, &p);
		return true;
	}
}

/* How harnesses say that there was nothing. */
static bool says_nothing(const char *text, size_t size)
{
	static const char *const phrases[] = { "no output", "not produce any output",
					       "without output" };

	for (size_t i = 0; i < ARRAY_LENGTH(phrases); i++)
		if (size < 200 && memmem(text, size, phrases[i], strlen(phrases[i])))
			return true;
	return false;
}

static bool output_differs(const char *was, size_t was_size, const struct recorded *recorded,
			   const struct replayed *is, struct buf *difference)
{
	cleanup_buf struct buf a = { 0 }, b = { 0 };
	struct comparison c = {
		.was = &a,
		.is = &b,
		.was_cut = recorded->cut,
		.is_cut = is->cut,
		.numbered = recorded->numbered,
		.difference = difference,
	};

	buf_init(&a, NORMAL_MAX);
	buf_init(&b, NORMAL_MAX);
	observation_normalise(was, was_size, &a);
	observation_normalise(is->text, is->size, &b);
	if (b.size == 0 && says_nothing(buf_text(&a), a.size))
		return false;
	return lines_differ(&c);
}

static bool status_differs(const struct replayed *is, int status, struct buf *difference)
{
	/* -1 and 124 are how harnesses record a time-out */
	bool timed_out = is->ending == ENDING_TIMEOUT || is->ending == ENDING_TERMINAL;

	if (is->status == status || (timed_out && (status == -1 || status == 124)))
		return false;
	buf_printf(difference, "exit status %d%s, recorded %d", is->status,
		   timed_out ? " (ended at its time limit)" : "", status);
	return true;
}

bool observation_differs(const struct recorded *was, const struct replayed *is,
			 struct buf *difference)
{
	cleanup_buf struct buf text = { 0 }, own = { 0 }, unused = { 0 };
	bool has = false, own_has = false;
	int status = 0, own_status = 0;

	if (was->has_status && status_differs(is, was->status, difference))
		return true;
	if (!was->text)
		return false;
	buf_init(&unused, FAIL_TEXT_MAX);
	if (!was->status_only && !output_differs(was->text, was->size, was, is, &unused))
		return false;
	buf_init(&text, CALL_OUTPUT_MAX);
	buf_init(&own, CALL_OUTPUT_MAX);
	observation_unwrap(was->text, was->size, &text, &has, &status);
	observation_unwrap(is->text, is->size, &own, &own_has, &own_status);
	/* the program itself prints such a line: then it is output, on both sides */
	if (own_has) {
		has = false;
		buf_clear(&text);
		buf_add(&text, was->text, was->size);
	}
	if (has && !was->has_status && status_differs(is, status, difference))
		return true;
	return !was->status_only && output_differs(buf_text(&text), text.size, was, is, difference);
}
