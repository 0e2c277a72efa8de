// SPDX-License-Identifier: Apache-2.0
/* See json_scan.h. Owns nothing, trusts nothing: each byte moves one state, and every state has an
 * answer to each byte. */
#include "flow/json_scan.h"

#include <string.h>

enum state {
	VALUE,	     /* must begin */
	FIRST_VALUE, /* behind [: or the list's end */
	FIRST_KEY,   /* behind {: or the object's end */
	KEY,	     /* must begin */
	COLON,
	AFTER, /* a value: a comma or an end */
	STRING,
	KEY_STRING,
	ESCAPE,
	KEY_ESCAPE,
	CODE,
	KEY_CODE,
	SCALAR,
	STATE_COUNT
};

struct reading {
	struct json_scan *s;
	const struct json_visitor *visitor;
	void *context;
};

void json_scan_start(struct json_scan *s)
{
	*s = (struct json_scan){ .state = VALUE };
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool in_list(const struct json_scan *s)
{
	return s->lists >> s->depth & 1;
}

static void tell(struct reading *r, enum json_kind kind, const struct json_word *word)
{
	r->visitor->value(r->context, r->s->depth, in_list(r->s), kind, word);
}

static void word_start(struct json_scan *s, enum state state)
{
	s->word.size = s->word.digits = 0;
	s->state = (uint8_t)state;
}

static void word_add(struct json_word *w, uint8_t c)
{
	if (w->size < JSON_WORD_MAX)
		w->text[w->size] = (char)(c < 0x80 ? c : '?');
	w->digits += is_hex(c);
	w->size++;
}

static enum json_result open_value(struct reading *r, bool list)
{
	struct json_scan *s = r->s;

	if (s->depth == JSON_DEPTH_MAX)
		return JSON_NOT;
	tell(r, list ? JSON_LIST : JSON_OBJECT, NULL);
	s->depth++;
	s->lists = (s->lists & ~(1u << s->depth)) | (uint32_t)list << s->depth;
	s->state = list ? FIRST_VALUE : FIRST_KEY;
	return JSON_MORE;
}

static enum json_result close_value(struct reading *r, uint8_t c)
{
	struct json_scan *s = r->s;

	if (c != (in_list(s) ? ']' : '}'))
		return JSON_NOT;
	s->depth--;
	s->state = AFTER;
	return s->depth ? JSON_MORE : JSON_DONE;
}

static enum json_result begin_scalar(struct reading *r, uint8_t c)
{
	struct json_scan *s = r->s;

	if (!s->depth)
		return JSON_NOT;
	if (c == '"') {
		word_start(s, STRING);
		return JSON_MORE;
	}
	s->state = SCALAR;
	if (c == 't' || c == 'f')
		s->scalar = JSON_BOOL;
	else if (c == 'n')
		s->scalar = JSON_NULL;
	else if (c == '-' || (c >= '0' && c <= '9'))
		s->scalar = JSON_NUMBER;
	else
		return JSON_NOT;
	return JSON_MORE;
}

static enum json_result begin_value(struct reading *r, uint8_t c)
{
	if (is_blank(c))
		return JSON_MORE;
	if (c == ']' && r->s->state == FIRST_VALUE)
		return close_value(r, c);
	if (c == '{' || c == '[')
		return open_value(r, c == '[');
	return begin_scalar(r, c);
}

static enum json_result begin_key(struct reading *r, uint8_t c)
{
	if (is_blank(c))
		return JSON_MORE;
	if (c == '}' && r->s->state == FIRST_KEY)
		return close_value(r, c);
	if (c != '"')
		return JSON_NOT;
	word_start(r->s, KEY_STRING);
	return JSON_MORE;
}

static enum json_result read_colon(struct reading *r, uint8_t c)
{
	if (is_blank(c))
		return JSON_MORE;
	r->s->state = VALUE;
	return c == ':' ? JSON_MORE : JSON_NOT;
}

static enum json_result read_after(struct reading *r, uint8_t c)
{
	if (is_blank(c))
		return JSON_MORE;
	if (c != ',')
		return close_value(r, c);
	r->s->state = in_list(r->s) ? VALUE : KEY;
	return JSON_MORE;
}

static enum json_result end_string(struct reading *r)
{
	struct json_scan *s = r->s;

	if (s->state == KEY_STRING) {
		r->visitor->key(r->context, s->depth, &s->word);
		s->state = COLON;
	} else {
		tell(r, JSON_STRING, &s->word);
		s->state = AFTER;
	}
	return JSON_MORE;
}

static enum json_result read_string(struct reading *r, uint8_t c)
{
	struct json_scan *s = r->s;

	if (c == '"')
		return end_string(r);
	if (c < ' ')
		return JSON_NOT;
	if (c == '\\')
		s->state = s->state == STRING ? ESCAPE : KEY_ESCAPE;
	else
		word_add(&s->word, c);
	return JSON_MORE;
}

static enum json_result read_escape(struct reading *r, uint8_t c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	struct json_scan *s = r->s;
	const char *known = c ? strchr(from, c) : NULL;
	bool key = s->state == KEY_ESCAPE;

	if (known) {
		word_add(&s->word, (uint8_t)to[known - from]);
		s->state = key ? KEY_STRING : STRING;
		return JSON_MORE;
	}
	s->code = 0;
	s->hex_left = 4;
	s->state = key ? KEY_CODE : CODE;
	return c == 'u' ? JSON_MORE : JSON_NOT;
}

static enum json_result read_code(struct reading *r, uint8_t c)
{
	struct json_scan *s = r->s;
	uint8_t letter = c | 0x20;

	if (!is_hex(c))
		return JSON_NOT;
	s->code = (uint16_t)(s->code << 4 | (c <= '9' ? c - '0' : letter - 'a' + 10));
	if (--s->hex_left)
		return JSON_MORE;
	word_add(&s->word, s->code < 0x80 ? (uint8_t)s->code : 0x80);
	s->state = s->state == KEY_CODE ? KEY_STRING : STRING;
	return JSON_MORE;
}

static enum json_result read_scalar(struct reading *r, uint8_t c)
{
	if (c && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", c))
		return JSON_MORE;
	tell(r, r->s->scalar, NULL);
	r->s->state = AFTER;
	return read_after(r, c);
}

/* Of a string, up to what ends it or must be looked at: most of what is read is this. */
static size_t pass_string(struct json_word *w, const uint8_t *data, size_t size)
{
	size_t at = 0;

	for (; at < size && data[at] >= ' ' && data[at] != '"' && data[at] != '\\'; at++)
		word_add(w, data[at]);
	return at;
}

typedef enum json_result reader(struct reading *r, uint8_t c);

static reader *const readers[STATE_COUNT] = {
	[VALUE] = begin_value,	    [FIRST_VALUE] = begin_value, [FIRST_KEY] = begin_key,
	[KEY] = begin_key,	    [COLON] = read_colon,	 [AFTER] = read_after,
	[STRING] = read_string,	    [KEY_STRING] = read_string,	 [ESCAPE] = read_escape,
	[KEY_ESCAPE] = read_escape, [CODE] = read_code,		 [KEY_CODE] = read_code,
	[SCALAR] = read_scalar,
};

enum json_result json_scan(struct json_scan *s, const uint8_t *data, size_t size, size_t *ret_used,
			   const struct json_visitor *visitor, void *context)
{
	struct reading r = { s, visitor, context };
	enum json_result result = JSON_MORE;
	size_t at = 0;

	while (at < size && result == JSON_MORE) {
		if (s->state == STRING || s->state == KEY_STRING)
			at += pass_string(&s->word, data + at, size - at);
		if (at < size)
			result = readers[s->state](&r, data[at++]);
	}
	*ret_used = at;
	return result;
}
