// SPDX-License-Identifier: Apache-2.0
/* Stratum: the JSON by which miners fetch work. Told by structure, as MCP, LSP and others are
 * JSON-RPC too: a method that only miners have with the parameters that it has there, or a login
 * with a wallet, a password and the miner's name or algorithms. The scanner reads one object:
 * strict where it must be to find its end, bounded in depth and in what it remembers. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/opening_kind.h"

#define DEPTH_MAX 16
#define WORD_MAX 64

struct word {
	size_t size; /* what is longer is cut */
	char text[WORD_MAX];
};

enum params { PARAMS_NONE, PARAMS_LIST, PARAMS_OBJECT };

struct scan {
	const uint8_t *at, *end;
	enum opening_claim over; /* OPENING_WHOLE: go on; else why the scan has ended */
	struct word keys[2];	 /* the last ones of the outermost object and of the one in it */
	struct word method, agent;
	enum params params;
	bool has_id, has_login, has_pass, has_agent, has_algorithm;
};

static bool stop(struct scan *s, enum opening_claim why)
{
	if (s->over == OPENING_WHOLE)
		s->over = why;
	return false;
}

/* The next byte that is no blank, not taken; 0: there is none, and the scan is over. */
static uint8_t next(struct scan *s)
{
	while (s->at < s->end && *s->at && strchr(" \t\r\n", *s->at))
		s->at++;
	if (s->at < s->end && *s->at)
		return *s->at;
	stop(s, s->at < s->end ? OPENING_NOT : OPENING_MAYBE);
	return 0;
}

static bool word_is(const struct word *w, const char *text)
{
	return w->size == strlen(text) && memcmp(w->text, text, w->size) == 0;
}

static void word_add(struct word *w, char c)
{
	if (w->size < WORD_MAX)
		w->text[w->size++] = c;
}

/* Behind a backslash. What is no ASCII counts as a question mark. */
static bool read_escape(struct scan *s, struct word *w)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char hex[5] = "";
	const char *known;
	unsigned long code;

	if (s->at == s->end)
		return stop(s, OPENING_MAYBE);
	known = *s->at ? strchr(from, *s->at) : NULL;
	if (known) {
		word_add(w, to[known - from]);
		s->at++;
		return true;
	}
	if (*s->at != 'u')
		return stop(s, OPENING_NOT);
	if (s->end - s->at < 5)
		return stop(s, OPENING_MAYBE);
	memcpy(hex, s->at + 1, 4);
	if (strspn(hex, "0123456789abcdefABCDEF") != 4)
		return stop(s, OPENING_NOT);
	code = strtoul(hex, NULL, 16);
	word_add(w, (char)(code < 0x80 ? code : '?'));
	s->at += 5;
	return true;
}

static bool read_string(struct scan *s, struct word *ret)
{
	ret->size = 0;
	for (s->at++; s->at < s->end && *s->at != '"';) {
		if (*s->at < ' ')
			return stop(s, OPENING_NOT);
		if (*s->at != '\\')
			word_add(ret, (char)*s->at++);
		else if (s->at++, !read_escape(s, ret))
			return false;
	}
	if (s->at == s->end)
		return stop(s, OPENING_MAYBE);
	s->at++;
	return true;
}

static bool read_scalar(struct scan *s)
{
	const uint8_t *begin = s->at;

	while (s->at < s->end && *s->at &&
	       strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *s->at))
		s->at++;
	if (s->at == s->end)
		return stop(s, OPENING_MAYBE);
	return s->at > begin ? true : stop(s, OPENING_NOT);
}

/* A member of the outermost object, or of what is in it; text NULL: no string. */
static void note(struct scan *s, unsigned depth, const struct word *text)
{
	const struct word *key = &s->keys[0];

	if (depth == 1) {
		if (word_is(key, "method") && text)
			s->method = *text;
		s->has_id |= word_is(key, "id");
		return;
	}
	if (depth != 2 || !word_is(key, "params"))
		return;
	if (s->params == PARAMS_LIST) {
		if (text && !s->agent.size)
			s->agent = *text;
		return;
	}
	key = &s->keys[1];
	s->has_login |= text && word_is(key, "login");
	s->has_pass |= text && word_is(key, "pass");
	s->has_algorithm |= word_is(key, "algo");
	if (text && word_is(key, "agent")) {
		s->has_agent = true;
		s->agent = *text;
	}
}

static bool read_value(struct scan *s, unsigned depth);

/* The members of a list or object, behind its bracket. */
static bool read_members(struct scan *s, unsigned depth, bool object)
{
	const uint8_t close = object ? '}' : ']';
	struct word other, *key = depth < ARRAY_LENGTH(s->keys) ? &s->keys[depth] : &other;

	s->at++;
	if (next(s) == close) {
		s->at++;
		return true;
	}
	for (;;) {
		if (object) {
			if (next(s) != '"' || !read_string(s, key))
				return stop(s, OPENING_NOT);
			if (next(s) != ':')
				return stop(s, OPENING_NOT);
			s->at++;
		}
		if (!read_value(s, depth + 1))
			return false;
		if (next(s) == close) {
			s->at++;
			return true;
		}
		if (next(s) != ',')
			return stop(s, OPENING_NOT);
		s->at++;
	}
}

/* depth: how many lists and objects it is in. */
static bool read_value(struct scan *s, unsigned depth)
{
	uint8_t c = next(s);
	struct word text;

	if (depth > DEPTH_MAX)
		return stop(s, OPENING_NOT);
	switch (c) {
	case 0:
		return false;
	case '"':
		if (!read_string(s, &text))
			return false;
		note(s, depth, &text);
		return true;
	case '{':
	case '[':
		if (depth == 1 && word_is(&s->keys[0], "params"))
			s->params = c == '{' ? PARAMS_OBJECT : PARAMS_LIST;
		else
			note(s, depth, NULL);
		return read_members(s, depth, c == '{');
	}
	note(s, depth, NULL);
	return read_scalar(s);
}

/* What Bitcoin's, Ethereum's and their children's miners call. */
static const char *const methods[] = {
	"mining.subscribe",
	"mining.authorize",
	"mining.configure",
	"mining.submit",
	"mining.hello",
	"mining.noop",
	"mining.multi_version",
	"mining.capabilities",
	"mining.get_transactions",
	"mining.suggest_difficulty",
	"mining.suggest_target",
	"mining.extranonce.subscribe",
	"eth_submitLogin",
	"eth_submitWork",
	"eth_submitHashrate",
	"eth_getWork",
};

static bool is_mining(const struct scan *s)
{
	if (!s->has_id)
		return false;
	if (word_is(&s->method, "login"))
		return s->params == PARAMS_OBJECT && s->has_login && s->has_pass &&
		       (s->has_agent || s->has_algorithm);
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++)
		if (word_is(&s->method, methods[i]))
			return s->params != PARAMS_NONE;
	return false;
}

static enum opening_claim read_stratum(struct opening_bytes b, struct opening *ret)
{
	struct scan s = { .at = b.data, .end = b.data + b.size, .over = OPENING_WHOLE };
	uint8_t first = next(&s);

	if (!first)
		return s.over;
	if (first != '{')
		return OPENING_NOT;
	if (!read_value(&s, 0))
		return s.over;
	if (!is_mining(&s))
		return OPENING_NOT;
	opening_detail(ret, "", s.method.text, s.method.size);
	if (s.agent.size)
		opening_detail(ret, " ", s.agent.text, s.agent.size);
	return OPENING_WHOLE;
}

const struct opening_kind opening_stratum = {
	.protocol = PROTOCOL_STRATUM,
	.read = read_stratum,
};
