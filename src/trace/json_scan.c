// SPDX-License-Identifier: Apache-2.0
/* Bounded look at JSON before it is parsed; see json_scan.h. Owns nothing. Trusts nothing: it is
 * fed pieces of a file of any size and stops at the first byte that is over a limit. It decides
 * about strings, nesting and UTF-8 only; everything else is the parser's to refuse. */
#include "trace/json_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text_escape.h"

#define PIECE 65536
#define PLACE_DEPTH_MAX 64

struct scan {
	const char *name;
	const struct json_limits *limits;
	size_t line, depth, string;
	bool in_string, escaped;
};

static int refuse_limit(const struct scan *s, int err, const char *what, size_t limit,
			struct fail *f)
{
	return fail_text(f, err, "%s:%zu: %s %zu%s: refused before reading further", s->name,
			 s->line, what, limit, err == ELOOP ? " levels" : " bytes");
}

static int scan_in_string(struct scan *s, unsigned char c, size_t length, struct fail *f)
{
	s->string += length;
	if (s->string > s->limits->string)
		return refuse_limit(s, EFBIG, "a string of more than", s->limits->string, f);
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if (c == '"')
		s->in_string = false;
	return 0;
}

static int scan_outside(struct scan *s, unsigned char c, struct fail *f)
{
	if (c == '"') {
		s->in_string = true;
		s->string = 0;
	} else if (c == '{' || c == '[') {
		if (++s->depth > s->limits->depth)
			return refuse_limit(s, ELOOP, "nested deeper than", s->limits->depth, f);
	} else if ((c == '}' || c == ']') && s->depth > 0) {
		s->depth--;
	}
	return 0;
}

/* Looks at text[*at ..]; stops short of a UTF-8 sequence that may go on in the next piece. */
static int scan_piece(struct scan *s, const char *text, size_t size, size_t *at, bool last,
		      struct fail *f)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*at < size) {
		size_t length = utf8_length(p + *at, size - *at);
		int r;

		if (length == 0 && !last && size - *at < 4)
			return 0;
		if (length == 0)
			return fail_text(f, EILSEQ, "%s:%zu: byte 0x%02x is not valid UTF-8",
					 s->name, s->line, p[*at]);
		r = s->in_string ? scan_in_string(s, p[*at], length, f)
				 : scan_outside(s, p[*at], f);
		if (r < 0)
			return r;
		s->line += p[*at] == '\n';
		*at += length;
	}
	return 0;
}

int json_scan_text(const char *text, size_t size, const char *name,
		   const struct json_limits *limits, struct fail *f)
{
	struct scan s = { .name = name, .limits = limits, .line = 1 };
	size_t at = 0;

	if (size > limits->bytes)
		return refuse_limit(&s, EFBIG, "more than", limits->bytes, f);
	return scan_piece(&s, text, size, &at, true, f);
}

int json_scan_fd(int fd, const char *name, const struct json_limits *limits, struct buf *into,
		 struct fail *f)
{
	struct scan s = { .name = name, .limits = limits, .line = 1 };
	struct stat st;
	size_t at = 0;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size > limits->bytes)
		return refuse_limit(&s, EFBIG, "more than", limits->bytes, f);
	buf_init(into, limits->bytes + PIECE);
	for (;;) {
		char *to = buf_reserve(into, PIECE);
		ssize_t n;
		int r;

		if (!to)
			return fail(f, -into->error, "%s", name);
		n = read(fd, to, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(f, errno, "cannot read %s", name);
		buf_commit(into, (size_t)n);
		if (into->size > limits->bytes)
			return refuse_limit(&s, EFBIG, "more than", limits->bytes, f);
		r = scan_piece(&s, into->data, into->size, &at, n == 0, f);
		if (r < 0 || n == 0)
			return r;
	}
}

void json_place_print(const struct json_place *place, struct buf *out)
{
	if (!place->parent) {
		buf_add_text(out, "the root");
		return;
	}
	if (place->parent->parent)
		json_place_print(place->parent, out);
	if (place->key && place->parent->parent)
		buf_add_char(out, '.');
	if (place->key)
		text_escape_cut(out, place->key, strlen(place->key), 64);
	else
		buf_printf(out, "[%zu]", place->index);
}

struct cursor {
	const char *at, *end;
};

static void skip_blank(struct cursor *c)
{
	while (c->at < c->end && strchr(" \t\r\n,:", *c->at))
		c->at++;
}

static void skip_string(struct cursor *c)
{
	for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
		if (*c->at == '\\' && c->at + 1 < c->end)
			c->at++;
	if (c->at < c->end)
		c->at++;
}

static void skip_value(struct cursor *c)
{
	size_t depth = 0;

	do {
		skip_blank(c);
		if (c->at >= c->end)
			return;
		if (*c->at == '"') {
			skip_string(c);
			continue;
		}
		if (*c->at == '{' || *c->at == '[')
			depth++;
		else if ((*c->at == '}' || *c->at == ']') && depth > 0)
			depth--;
		if (strchr("{}[]", *c->at)) {
			c->at++;
			continue;
		}
		while (c->at < c->end && !strchr(" \t\r\n,:{}[]\"", *c->at))
			c->at++;
	} while (depth > 0);
}

/* From the first byte of an object or array to the value of one member or element. */
static bool enter(struct cursor *c, const struct json_place *place)
{
	if (c->at >= c->end || *c->at != (place->key ? '{' : '['))
		return false;
	c->at++;
	for (size_t i = 0;; i++) {
		const char *key;

		skip_blank(c);
		if (c->at >= c->end || *c->at == '}' || *c->at == ']')
			return false;
		if (!place->key) {
			if (i == place->index)
				return true;
			skip_value(c);
			continue;
		}
		key = c->at;
		skip_value(c);
		skip_blank(c);
		if ((size_t)(c->at - key) > strlen(place->key) + 1 &&
		    !strncmp(key + 1, place->key, strlen(place->key)) &&
		    key[strlen(place->key) + 1] == '"')
			return true;
		skip_value(c);
	}
}

size_t json_place_line(const char *text, size_t size, const struct json_place *place)
{
	const struct json_place *way[PLACE_DEPTH_MAX];
	struct cursor c = { text, text + size };
	const char *found;
	size_t steps = 0, line = 1;

	for (; place->parent && steps < PLACE_DEPTH_MAX; place = place->parent)
		way[steps++] = place;
	skip_blank(&c);
	found = c.at;
	while (steps > 0 && enter(&c, way[steps - 1])) {
		found = c.at;
		steps--;
	}
	for (const char *p = text; p < found; p++)
		line += *p == '\n';
	return line;
}
