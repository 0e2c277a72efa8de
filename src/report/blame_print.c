// SPDX-License-Identifier: Apache-2.0
/* Who wrote a file, as text and as JSON; see blame.h. What the agent named is escaped here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text_escape.h"
#include "report/blame.h"
#include "base/words.h"

#define INDENT 8
#define PATH_WIDTH 200
#define PIECE_MAX (1024 * 1024)
#define CALLS_SHOWN 20

static void put(struct page *p, const char *text)
{
	text_escape_cut(&p->line, text ? text : "", text ? strlen(text) : 0, PATH_WIDTH);
}

static const char *op_name(const struct blame_line *l)
{
	return l->op == BLAME_GAP ? "gap" : file_op_name((enum file_op)l->op);
}

/* "<- call 1 (read /work/seed, event 32)" */
static void print_via(struct page *p, const struct blame_line *l)
{
	for (size_t i = 0; i < l->via_count; i++) {
		const struct edge *e = &l->via[i];

		buf_add_text(&p->line, i ? ", " : "        <- ");
		if (e->call == EVENT_NO_CALL) {
			edges_words(&p->line, e, 1, 1);
			continue;
		}
		buf_printf(&p->line, "call %u (%s", e->call,
			   edge_kind_name((enum edge_kind)e->kind));
		if (l->via_path[i]) {
			buf_add_char(&p->line, ' ');
			put(p, l->via_path[i]);
		}
		buf_printf(&p->line, ", event %llu)", (unsigned long long)e->seq);
	}
	if (l->via_more)
		buf_printf(&p->line, ", and %zu more", l->via_more);
	if (l->via_count)
		page_end_line(p, INK_DIM, INDENT + 3);
}

static void print_gap(struct page *p, const struct blame_line *l)
{
	if (l->call == EVENT_NO_CALL)
		buf_add_text(&p->line, "?    -  it was changed, by whom was not seen");
	else
		buf_printf(&p->line, "? %4u  it was changed, how is not in the record", l->call);
	buf_printf(&p->line, " (event %llu says so)", (unsigned long long)l->seq);
	page_end_line(p, INK_YELLOW, INDENT);
}

static void print_line(struct page *p, const struct blame_line *l)
{
	char time[CLOCK_TEXT_MAX];

	if (l->op == BLAME_GAP) {
		print_gap(p, l);
		return;
	}
	buf_printf(&p->line, "%c %4u  %.12s  %s ", l->replaced ? '-' : ' ', l->call,
		   clock_format(l->wall_ns, time) + 11, op_name(l));
	put(p, l->path);
	if (l->target) {
		buf_add_text(&p->line, l->op == FILE_XATTR ? " " : " to ");
		put(p, l->target);
	}
	if (l->op == FILE_WRITE && l->bytes) {
		buf_add_text(&p->line, ", ");
		plural_words(l->bytes, "byte", "bytes", &p->line);
	}
	buf_add_text(&p->line, ", by ");
	put(p, l->exe ? l->exe : "a process");
	buf_printf(&p->line, " (pid %u, event %llu", l->pid, (unsigned long long)l->seq);
	if (l->count > 1)
		buf_printf(&p->line, " and %llu more", (unsigned long long)(l->count - 1));
	buf_add_char(&p->line, ')');
	page_end_line(p, l->replaced ? INK_DIM : INK_PLAIN, INDENT);
	print_via(p, l);
}

static bool is_content(const struct blame_line *l)
{
	return !l->replaced && (l->op == BLAME_GAP || l->op == FILE_CREATE || l->op == FILE_WRITE ||
				l->op == FILE_TRUNCATE || l->op == FILE_MKNOD);
}

/* The calls whose content is in the file, each once, in order of their first line. */
static size_t content_calls(const struct blame *b, uint32_t calls[CALLS_SHOWN], size_t *ret_more)
{
	size_t count = 0;

	*ret_more = 0;
	for (size_t i = 0; i < b->line_count; i++) {
		size_t k = 0;

		while (k < count && calls[k] != b->lines[i].call)
			k++;
		if (!is_content(&b->lines[i]) || b->lines[i].call == EVENT_NO_CALL || k < count)
			continue;
		if (count == CALLS_SHOWN)
			++*ret_more;
		else
			calls[count++] = b->lines[i].call;
	}
	return count;
}

static void print_now(struct page *p, const struct blame *b)
{
	uint32_t calls[CALLS_SHOWN];
	size_t more, count = content_calls(b, calls, &more);

	if (b->now == BLAME_UNTOUCHED) {
		page_line(p, INK_PLAIN, 0, "No call of this run is known to have %s it.",
			  b->line_count ? "left anything in" : "changed");
		return;
	}
	if (b->now == BLAME_GONE) {
		page_line(p, INK_BOLD, 0, "It is not there any more.");
		return;
	}
	if (!count) {
		page_line(p, INK_BOLD, 0,
			  "What it holds was there before, or came from elsewhere.");
		return;
	}
	buf_printf(&p->line, "What it holds is from call");
	for (size_t i = 0; i < count; i++)
		buf_printf(&p->line, "%s %u", i ? "," : "", calls[i]);
	if (more)
		buf_add_text(&p->line, " and others");
	buf_add_char(&p->line, '.');
	page_end_line(p, INK_BOLD, 0);
}

/* Where the list may have a hole that no later event shows. */
static void print_loss(struct page *p, const struct blame *b)
{
	if (b->loser_count) {
		buf_add_text(&p->line, "INCOMPLETE: file events were lost");
		for (size_t i = 0; i < b->loser_count; i++)
			buf_printf(&p->line, "%s %llu of call %u", i ? "," : ":",
				   (unsigned long long)b->losers[i].lost, b->losers[i].call);
		if (b->losers_more)
			buf_add_text(&p->line, " and others");
		buf_add_text(&p->line, "; they may have changed it too.");
		page_end_line(p, INK_RED, 3);
	}
	if (b->more)
		page_line(p, INK_YELLOW, 3, "%llu changes are not listed.",
			  (unsigned long long)b->more);
	if (b->damage) {
		buf_add_text(&p->line, "the record is damaged: ");
		put(p, b->damage);
		page_end_line(p, INK_RED, 3);
	}
}

int blame_text(const struct blame *b, const struct text_style *style, FILE *out, struct fail *f)
{
	cleanup_page struct page p = { 0 };
	bool replaced = false;

	page_open(&p, out, style);
	put(&p, b->path);
	buf_printf(&p.line, " in run %s", b->run.open.id);
	page_end_line(&p, INK_BOLD, 0);
	if (b->line_count)
		page_line(&p, INK_DIM, 0, "  call  time          what, by which process");
	for (size_t i = 0; i < b->line_count; i++) {
		print_line(&p, &b->lines[i]);
		replaced = replaced || b->lines[i].replaced;
	}
	if (replaced)
		page_line(&p, INK_DIM, 0, "- nothing of it is left in the file");
	print_now(&p, b);
	print_loss(&p, b);
	return ferror(out) ? fail(f, errno, "writing who wrote %s", b->path) : 0;
}

static void line_member(struct json *j, const struct blame *b, const struct blame_line *l)
{
	char id[64];

	snprintf(id, sizeof(id), "%s:%llu", b->run.open.id, (unsigned long long)l->seq);
	json_object(j);
	if (l->call == EVENT_NO_CALL)
		json_field_null(j, "call");
	else
		json_field_uint(j, "call", l->call);
	json_field_string(j, "op", op_name(l));
	json_field_time(j, "ts", l->wall_ns);
	json_field_string(j, "evidence", id);
	json_field_bool(j, "kept", !l->replaced);
	json_field_string(j, "path", l->path);
	json_field_string(j, "target", l->target);
	json_field_uint(j, "bytes", l->bytes);
	json_field_uint(j, "events", l->count);
	if (l->pid)
		json_field_uint(j, "pid", l->pid);
	else
		json_field_null(j, "pid");
	json_field_string(j, "exe", l->exe);
	json_key(j, "via");
	edges_json(j, l->via, l->via_count, b->run.open.id);
	json_object_end(j);
}

static int write_out(struct buf *piece, FILE *out, struct fail *f)
{
	if (piece->error || fwrite(piece->data, 1, piece->size, out) != piece->size)
		return fail(f, piece->error ? -piece->error : errno, "writing who wrote a file");
	buf_clear(piece);
	return 0;
}

static void end_members(struct json *j, const struct blame *b)
{
	static const char *const now[] = {
		[BLAME_UNTOUCHED] = "untouched",
		[BLAME_THERE] = "there",
		[BLAME_GONE] = "gone",
	};
	uint32_t calls[CALLS_SHOWN];
	size_t more, count = content_calls(b, calls, &more);

	json_field_uint(j, "changes_more", b->more);
	json_field_string(j, "now", now[b->now]);
	json_key(j, "holds");
	json_array(j);
	for (size_t i = 0; i < count && b->now == BLAME_THERE; i++)
		json_uint(j, calls[i]);
	json_array_end(j);
	json_key(j, "lost");
	json_array(j);
	for (size_t i = 0; i < b->loser_count; i++) {
		json_object(j);
		json_field_uint(j, "call", b->losers[i].call);
		json_field_uint(j, "events", b->losers[i].lost);
		json_object_end(j);
	}
	json_array_end(j);
	json_field_string(j, "damage", b->damage);
}

int blame_json(const struct blame *b, FILE *out, struct fail *f)
{
	cleanup_buf struct buf piece = { 0 };
	struct json j;
	int r = 0;

	buf_init(&piece, PIECE_MAX);
	json_init(&j, &piece);
	json_object(&j);
	json_field_string(&j, "run", b->run.open.id);
	json_field_string(&j, "path", b->path);
	json_key(&j, "changes");
	json_array(&j);
	for (size_t i = 0; r == 0 && i < b->line_count; i++) {
		line_member(&j, b, &b->lines[i]);
		r = write_out(&piece, out, f);
	}
	json_array_end(&j);
	end_members(&j, b);
	json_object_end(&j);
	buf_add_char(&piece, '\n');
	return r < 0 ? r : write_out(&piece, out, f);
}
