// SPDX-License-Identifier: Apache-2.0
/* Text edits; see edit.h. Both texts are the agent's; every result is bounded by the buffer's
 * maximum. */
#include "tool/edit.h"

#include <errno.h>
#include <string.h>

#define LINES_NAMED 5

static size_t line_of(struct bytes text, const char *at)
{
	size_t line = 1;

	for (const char *p = text.data; p < at; p++)
		line += *p == '\n';
	return line;
}

static const char *find(struct bytes text, const char *from, struct bytes old)
{
	return memmem(from, text.size - (size_t)(from - text.data), old.data, old.size);
}

static int refuse_many(struct bytes text, struct bytes old, size_t count, struct fail *f)
{
	const char *at = text.data;
	struct buf lines;
	int r;

	buf_init(&lines, 256);
	for (size_t i = 0; i < LINES_NAMED && (at = find(text, at, old)); i++) {
		buf_printf(&lines, "%s%zu", i ? ", " : "", line_of(text, at));
		at += old.size;
	}
	r = fail_text(f, ENOTUNIQ,
		      "the text to replace is there %zu times (line %s%s); it must be unique",
		      count, buf_text(&lines), count > LINES_NAMED ? ", …" : "");
	buf_free(&lines);
	return r;
}

int edit_replace(struct bytes text, struct bytes old, struct bytes new, bool all, struct buf *out,
		 size_t *ret_count, struct fail *f)
{
	const char *from = text.data, *end = text.data + text.size, *at;
	size_t count = 0;

	for (at = from; (at = find(text, at, old)); at += old.size)
		count++;
	if (count == 0)
		return fail_text(f, ENOENT, "the text to replace is not in the file");
	if (count > 1 && !all)
		return refuse_many(text, old, count, f);
	while ((at = find(text, from, old))) {
		buf_add(out, from, (size_t)(at - from));
		buf_add(out, new.data, new.size);
		from = at + old.size;
	}
	buf_add(out, from, (size_t)(end - from));
	*ret_count = count;
	return out->error ? fail_text(f, EFBIG, "the result has more than %zu bytes", out->max) : 0;
}

/* Where line number `line` (from 1) begins, or NULL where there is none. */
static const char *line_start(struct bytes text, uint64_t line)
{
	const char *at = text.data, *end = text.data + text.size;

	for (uint64_t i = 1; i < line; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return NULL;
		at++;
	}
	return at;
}

int edit_insert(struct bytes text, uint64_t line, struct bytes added, struct buf *out,
		struct fail *f)
{
	const char *end = text.data + text.size;
	const char *at = line_start(text, line + 1);

	/* after the last line, even when no newline ends it */
	if (!at && line > 0 && line_start(text, line))
		at = end;
	if (!at)
		return fail_text(f, ERANGE, "there is no line %llu", (unsigned long long)line);
	buf_add(out, text.data, (size_t)(at - text.data));
	if (at > text.data && at[-1] != '\n')
		buf_add_char(out, '\n');
	buf_add(out, added.data, added.size);
	if (added.size == 0 || added.data[added.size - 1] != '\n')
		buf_add_char(out, '\n');
	buf_add(out, at, (size_t)(end - at));
	return out->error ? fail_text(f, EFBIG, "the result has more than %zu bytes", out->max) : 0;
}

int edit_lines(struct bytes text, uint64_t from, uint64_t to, bool numbered, struct buf *out,
	       struct fail *f)
{
	uint64_t line = from ? from : 1;
	const char *at = line_start(text, line), *end = text.data + text.size;

	if (!at || (at == end && line > 1))
		return fail_text(f, ERANGE, "there is no line %llu", (unsigned long long)line);
	while (at < end && (to == 0 || line <= to)) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline ? newline + 1 : end;

		if (numbered)
			buf_printf(out, "%6llu\t", (unsigned long long)line);
		buf_add(out, at, (size_t)(next - at));
		at = next;
		line++;
	}
	return out->error ? fail_text(f, EFBIG, "more than %zu bytes to print", out->max) : 0;
}
