// SPDX-License-Identifier: Apache-2.0
/* Reading what bash writes for itself; see shell_quote.h. Owns nothing, trusts nothing: these
 * decide whether a text that a call left can be told apart into entries, so where they are in doubt
 * they say no. That costs an innocent call an edge too many, never a guilty one the edge. */
#include "trace/shell_quote.h"

#include <string.h>

#include "base/cleanup.h"

bool quote_literal(const char **at, const char *end, const char *literal)
{
	size_t size = strlen(literal);

	if ((size_t)(end - *at) < size || memcmp(*at, literal, size) != 0)
		return false;
	*at += size;
	return true;
}

/* To behind the quote that ends it; each backslash takes a character with it. */
static bool skip_ansi(const char **at, const char *end)
{
	for (*at += 2; *at < end && **at != '\''; (*at)++)
		if (**at == '\\')
			(*at)++;
	return (*at)++ < end;
}

static bool skip_single(const char **at, const char *end)
{
	const char *close = memchr(*at + 1, '\'', (size_t)(end - *at - 1));

	*at = close ? close + 1 : end;
	return close;
}

bool quote_word(const char **at, const char *end)
{
	const char *from = *at;

	if (*at < end && **at == '\'')
		return quote_literal(at, end, "''");
	if (end - *at >= 2 && !memcmp(*at, "$'", 2))
		return skip_ansi(at, end);
	while (*at < end && !memchr(" \t\n|&;()<>$`\"'*?[]{}!^", **at, 22)) {
		if (*at == from && (**at == '#' || **at == '~'))
			return false;
		if (**at == '\\' && (++*at == end || **at == '\n'))
			return false;
		(*at)++;
	}
	return *at > from;
}

bool quote_single(const char **at, const char *end)
{
	if (*at == end || **at != '\'')
		return false;
	for (;;) {
		if (!skip_single(at, end))
			return false;
		if (!quote_literal(at, end, "\\'"))
			return true;
		if (*at == end || **at != '\'')
			return false;
	}
}

static bool skip_double(const char **at, const char *end)
{
	for ((*at)++; *at < end && **at != '"'; (*at)++) {
		if (**at == '$' || **at == '`')
			return false;
		if (**at == '\\' && (++*at == end || !memchr("$`\"\\", **at, 4)))
			return false;
	}
	return (*at)++ < end;
}

bool quote_value(const char **at, const char *end)
{
	if (*at < end && **at == '"')
		return skip_double(at, end);
	return end - *at >= 2 && !memcmp(*at, "$'", 2) && skip_ansi(at, end);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool skip_key(const char **at, const char *end, bool keyed)
{
	const char *from = *at;

	if (keyed && *at < end && (**at == '"' || **at == '$'))
		return quote_value(at, end);
	while (*at < end &&
	       (keyed ? is_word(**at) || (**at && strchr("./:@%+,=-", **at)) : is_digit(**at)))
		(*at)++;
	return *at > from;
}

bool quote_array(const char **at, const char *end, bool keyed)
{
	if (!quote_literal(at, end, "("))
		return false;
	while (quote_literal(at, end, "[")) {
		if (!skip_key(at, end, keyed) || !quote_literal(at, end, "]=") ||
		    !quote_value(at, end))
			return false;
		quote_literal(at, end, " ");
	}
	return quote_literal(at, end, ")");
}

#define NESTING_MAX 32

enum nest { NEST_BRACE, NEST_CASE, NEST_COND };

/* What stands before the next word: in a substitution a mistake ends the shell that reads it, so
 * only what is plainly right is taken for plain. */
enum place { PLACE_FIRST, PLACE_NEXT, PLACE_NEEDED, PLACE_TARGET, PLACE_WORD };

/* A list of commands, as far as it must be understood to know which brace ends it. */
struct code {
	const char *at, *end;
	enum nest open[NESTING_MAX];
	size_t depth;
	int parentheses;  /* that this list stands in; in them no group is understood */
	enum place place; /* only looked at in parentheses */
	bool word_begins, line_begins;
	char before; /* the last character that is not blank */
};

static bool code_list(struct code *c, char close);

static bool enter(struct code *c, enum nest what)
{
	if (c->depth == NESTING_MAX)
		return false;
	c->open[c->depth++] = what;
	return true;
}

static bool leave(struct code *c, enum nest what)
{
	if (!c->depth || c->open[c->depth - 1] != what)
		return false;
	c->depth--;
	return true;
}

static bool inside(const struct code *c, enum nest what)
{
	return c->depth && c->open[c->depth - 1] == what;
}

static bool code_parentheses(struct code *c)
{
	struct code in = { .at = c->at + 1,
			   .end = c->end,
			   .parentheses = c->parentheses + 1,
			   .word_begins = true };
	bool good = c->parentheses < NESTING_MAX && code_list(&in, ')');

	c->at = in.at;
	return good;
}

/* ${...} with nothing in it that could hold another brace. With a blank or | first it would be a
 * command (bash 5.3). */
static bool code_parameter(struct code *c)
{
	c->at += 2;
	if (c->at < c->end && memchr(" \t\n|", *c->at, 4))
		return false;
	for (; c->at < c->end && *c->at != '}'; c->at++) {
		char next = c->end - c->at > 1 ? c->at[1] : '\0';

		if (memchr("'\"\\`{(\n", *c->at, 7) || (*c->at == '$' && !is_word(next)))
			return false;
	}
	return c->at++ < c->end;
}

static bool code_dollar(struct code *c, bool quoted)
{
	char next = c->end - c->at > 1 ? c->at[1] : '\0';

	if (next == '(') {
		c->at++;
		return code_parentheses(c);
	}
	if (next == '{')
		return code_parameter(c);
	if (next == '[')
		return false;
	if (next == '\'' && !quoted)
		return skip_ansi(&c->at, c->end);
	c->at++;
	return true;
}

static bool code_double(struct code *c)
{
	c->at++;
	while (c->at < c->end && *c->at != '"') {
		if (*c->at == '`')
			return false;
		if (*c->at == '$') {
			if (!code_dollar(c, true))
				return false;
			continue;
		}
		c->at += *c->at == '\\' ? 2 : 1;
	}
	return c->at++ < c->end;
}

/* A brace that stands alone: opens or ends a group where commands begin, is a word elsewhere. */
static bool code_brace(struct code *c)
{
	if (c->parentheses || inside(c, NEST_CASE) || inside(c, NEST_COND))
		return false;
	if (*c->at == '{')
		return (c->line_begins || strchr("|&;", c->before)) && enter(c, NEST_BRACE);
	return c->line_begins && leave(c, NEST_BRACE);
}

static bool ends_word(char c)
{
	return memchr(" \t\n;&|()<>'\"\\$`", c, 15);
}

static size_t word_size(const struct code *c)
{
	size_t size = 0;

	while (c->at + size < c->end && !ends_word(c->at[size]))
		size++;
	return size;
}

/* Words that decide what a brace or a parenthesis behind them means. */
static bool code_word(struct code *c)
{
	static const struct {
		const char *word;
		enum nest nest;
		bool opens;
	} words[] = { { "case", NEST_CASE, true },
		      { "esac", NEST_CASE, false },
		      { "[[", NEST_COND, true },
		      { "]]", NEST_COND, false } };
	size_t size = word_size(c);

	if (c->at + size < c->end && memchr("'\"\\$`", c->at[size], 5)) {
		c->at += size; /* with what follows it is another word */
		return true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strlen(words[i].word) == size && !memcmp(c->at, words[i].word, size) &&
		    !(words[i].opens ? enter(c, words[i].nest) : leave(c, words[i].nest)))
			return false;
	if (size == 1 && (*c->at == '{' || *c->at == '}') && !code_brace(c))
		return false;
	c->at += size;
	return true;
}

static bool is_reserved(const char *word, size_t size)
{
	static const char list[] = " if then else elif fi for while until do done select function "
				   "time coproc case esac in { } ! [[ ]] ";
	char key[16];

	if (size > sizeof(key) - 3)
		return false;
	key[0] = ' ';
	memcpy(key + 1, word, size);
	memcpy(key + 1 + size, " ", 2);
	return strstr(list, key);
}

/* Operators between simple commands; those of two characters are taken here but for the last. */
static bool code_operator(struct code *c, char now)
{
	bool twice = c->end - c->at > 1 && c->at[1] == now;

	if (now == '\n') {
		c->place = c->place == PLACE_WORD ? PLACE_NEXT : c->place;
		return c->place != PLACE_TARGET;
	}
	if (c->place != PLACE_WORD)
		return false;
	c->at += twice && now != ';';
	c->place = now == '|' || (now == '&' && twice) ? PLACE_NEEDED : PLACE_NEXT;
	return true;
}

/* > >> >& >| < <& <> and, as a word, >( <( */
static bool code_redirection(struct code *c, char now)
{
	char next = c->end - c->at > 1 ? c->at[1] : '\0';

	if (next == '(') {
		c->place = PLACE_WORD;
		return true;
	}
	if (c->place == PLACE_TARGET)
		return false;
	c->place = PLACE_TARGET;
	c->at += next == '&' || next == '|' || next == '>';
	return true;
}

static bool code_operand(struct code *c)
{
	if (c->word_begins && c->place < PLACE_TARGET && is_reserved(c->at, word_size(c)))
		return false;
	c->place = PLACE_WORD;
	return true;
}

/* In parentheses: does what comes now fit to what stood before? */
static bool code_fits(struct code *c, char now)
{
	switch (now) {
	case ' ':
	case '\t':
		return true;
	case '\n':
	case ';':
	case '&':
	case '|':
		return code_operator(c, now);
	case '<':
	case '>':
		return code_redirection(c, now);
	case ')':
		return c->place != PLACE_NEEDED && c->place != PLACE_TARGET;
	case '(':
		if (c->place == PLACE_WORD)
			return strchr("<>=@?*+!", c->at[-1]);
		return code_operand(c);
	default:
		return code_operand(c);
	}
}

/* One step: a quoted piece, an operator, a piece of a word. */
static bool code_step(struct code *c)
{
	switch (*c->at) {
	case '\'':
		return skip_single(&c->at, c->end);
	case '"':
		return code_double(c);
	case '$':
		return code_dollar(c, false);
	case '(':
		return code_parentheses(c);
	case '\\':
		if (c->end - c->at < 2 || c->at[1] == '\n')
			return false;
		c->at += 2;
		return true;
	case '<':
		if (quote_literal(&c->at, c->end, "<<<"))
			return true;
		return !quote_literal(&c->at, c->end, "<<") && c->at++ < c->end;
	case '`':
		return false;
	default:
		c->at++;
		return true;
	}
}

/* What stands there, in one step. */
static bool code_next(struct code *c, char now)
{
	if (c->word_begins && now == '#')
		return false;
	if (c->word_begins && !ends_word(now))
		return code_word(c);
	return code_step(c);
}

static bool code_list(struct code *c, char close)
{
	while (c->at < c->end) {
		char now = *c->at;

		if (c->parentheses && !code_fits(c, now))
			return false;
		if (now == ')' && close) {
			c->at++;
			return !c->depth;
		}
		if ((now == ')' && !inside(c, NEST_CASE)) || !code_next(c, now))
			return false;
		c->word_begins = memchr(" \t\n;&|()<>", now, 10);
		if (now != ' ' && now != '\t') {
			c->before = now;
			c->line_begins = now == '\n';
		}
	}
	return !close && !c->depth;
}

bool quote_body(const char *body, size_t size)
{
	struct code c = { .at = body,
			  .end = body + size,
			  .word_begins = true,
			  .line_begins = true,
			  .before = ';' };

	return code_list(&c, 0);
}
