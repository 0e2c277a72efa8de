// SPDX-License-Identifier: Apache-2.0
/* A shell's state as entries; see shell_state.h. Owns its texts and its list. Trusts nothing: a
 * text that is not line for line what the export of shell.c makes bash write is opaque. */
#include "trace/shell_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trace/shell_quote.h"

#define GROUP_BEGIN "{ :\n"
#define FUNCTION_BEGIN " () \n{ \n"

bool shell_name_listed(const char *list, struct bytes name)
{
	char key[40];

	if (name.size > sizeof(key) - 3)
		return false;
	key[0] = ' ';
	memcpy(key + 1, name.data, name.size);
	memcpy(key + 1 + name.size, " ", 2);
	return strstr(list, key);
}

/* What bash makes anew in every shell, and the export therefore does not hand on. The hash table
 * and the aliases have a variable each through which the next shell's would be set. */
static const char made_anew[] =
	" _ BASH BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND "
	"BASH_EXECUTION_STRING BASH_LINENO BASH_MONOSECONDS BASH_SOURCE BASH_SUBSHELL "
	"BASH_VERSINFO COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS "
	"HISTCMD LINENO PIPESTATUS PPID RANDOM SECONDS SRANDOM UID ";
/* The same, unless a program is to see them. */
static const char made_if_plain[] = " BASHOPTS BASH_COMPAT COLUMNS LINES SHELLOPTS ";

const char *shell_part_name(enum shell_part part)
{
	static const char *const names[] = { "directory", "variable", "umask", "option",
					     "alias",	  "function", "other" };

	return part < ARRAY_LENGTH(names) ? names[part] : "unknown";
}

void shell_state_free(struct shell_state *s)
{
	free(s->text);
	free(s->raw);
	free(s->entries);
	*s = (struct shell_state){ 0 };
}

struct bytes shell_entry_content(const struct shell_entry *e)
{
	const char *from = e->value.data, *end = from + e->value.size;

	if (e->part == SHELL_FUNCTION)
		from += e->value.size > strlen(" () \n") ? strlen(" () \n") : 0;
	if (e->part == SHELL_VARIABLE) {
		from = memchr(from, '=', e->value.size);
		if (!from++)
			return (struct bytes){ NULL, 0 };
	}
	return (struct bytes){ from, (size_t)(end - from) };
}

struct parser {
	struct shell_state *state;
	const char *at, *end;
	const char *attributes; /* where those of the functions begin */
	size_t room;
	struct buf text; /* what the next shell reads */
	bool foreign;	 /* the locale may read bytes above 127 as something else */
	int error;
};

static int add(struct parser *p, const struct shell_entry *e)
{
	struct shell_state *s = p->state;

	if (s->count == SHELL_ENTRIES_MAX)
		return -E2BIG;
	if (s->count == p->room) {
		size_t room = p->room ? p->room * 2 : 128;
		struct shell_entry *grown = realloc(s->entries, room * sizeof(*grown));

		if (!grown)
			return p->error = -ENOMEM;
		s->entries = grown;
		p->room = room;
	}
	s->entries[s->count++] = *e;
	return 0;
}

static bool add_entry(struct parser *p, enum shell_part part, bool exported, struct bytes name,
		      struct bytes value)
{
	const struct shell_entry e = {
		.part = part, .exported = exported, .name = name, .value = value
	};

	return add(p, &e) == 0;
}

static struct bytes between(const char *from, const char *to)
{
	return (struct bytes){ from, (size_t)(to - from) };
}

static struct bytes named(const char *name)
{
	return (struct bytes){ name, strlen(name) };
}

static void keep(struct parser *p, const char *from)
{
	buf_add(&p->text, from, (size_t)(p->at - from));
}

/* cd -- DIRECTORY, which in the next shell leaves one behind that was not there */
static bool take_directory(struct parser *p)
{
	const char *from = p->at, *word;

	if (!quote_literal(&p->at, p->end, "cd -- "))
		return false;
	word = p->at;
	if (!quote_word(&p->at, p->end) || !quote_literal(&p->at, p->end, "\n"))
		return false;
	keep(p, from);
	buf_add_text(&p->text, "unset -v OLDPWD\n");
	return add_entry(p, SHELL_DIRECTORY, true, named("directory"), between(word, p->at - 1));
}

static bool take_name(struct parser *p, struct bytes *ret)
{
	const char *from = p->at;

	while (p->at < p->end &&
	       ((*p->at >= 'a' && *p->at <= 'z') || (*p->at >= 'A' && *p->at <= 'Z') ||
		*p->at == '_' || (p->at > from && *p->at >= '0' && *p->at <= '9')))
		p->at++;
	*ret = between(from, p->at);
	return ret->size > 0;
}

/* What is assigned to an integer is arithmetic, to a reference a name: both are evaluated. */
static bool is_inert(struct bytes attributes, struct bytes value)
{
	size_t word = 0;

	if (value.size < 3)
		return true;
	for (size_t i = 2; i + 1 < value.size; i++)
		word += value.data[i] == '_' ||
			((value.data[i] | 32) >= 'a' && (value.data[i] | 32) <= 'z') ||
			(value.data[i] >= '0' && value.data[i] <= '9');
	if (memchr(attributes.data, 'i', attributes.size) && value.data[1] != '(')
		return strspn(value.data + 2, "-0123456789") == value.size - 3;
	if (memchr(attributes.data, 'i', attributes.size))
		return strspn(value.data, "=()[]\" -0123456789") == value.size;
	return !memchr(attributes.data, 'n', attributes.size) || word == value.size - 3;
}

/* UTF-8 and ASCII read no byte above 127 as part of a quote; other encodings do. */
static void look_at_locale(struct parser *p, struct bytes name, struct bytes value)
{
	static const char *const harmless[] = { "=\"\"", "=\"C\"", "=\"POSIX\"" };

	if (!shell_name_listed(" LANG LC_ALL LC_CTYPE ", name) || !value.size ||
	    memmem(value.data, value.size, "UTF-8", 5) || memmem(value.data, value.size, "utf8", 4))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++)
		if (value.size == strlen(harmless[i]) &&
		    !memcmp(value.data, harmless[i], value.size))
			return;
	p->foreign = true;
}

static void note_options(struct parser *p, struct bytes name, struct bytes value)
{
	static const char *const lists[] = { "BASHOPTS", "SHELLOPTS" };

	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
		if (name.size == strlen(lists[i]) && !memcmp(name.data, lists[i], name.size) &&
		    value.size > 3)
			p->state->on[i] = between(value.data + 2, value.data + value.size - 1);
}

/* declare -ATTRIBUTES NAME[=VALUE] */
static bool take_variable(struct parser *p)
{
	const char *from = p->at;
	struct bytes attributes, name, value;
	bool exported;

	if (!quote_literal(&p->at, p->end, "declare -"))
		return false;
	attributes = between(p->at, p->at + strspn(p->at, "aAcilnrtux-"));
	p->at += attributes.size;
	if (!attributes.size || !quote_literal(&p->at, p->end, " ") || !take_name(p, &name))
		return false;
	value.data = p->at;
	if (quote_literal(&p->at, p->end, "=") &&
	    !(*p->at == '('
		      ? quote_array(&p->at, p->end, memchr(attributes.data, 'A', attributes.size))
		      : quote_value(&p->at, p->end)))
		return false;
	value = between(value.data, p->at);
	if (!quote_literal(&p->at, p->end, "\n") || !is_inert(attributes, value))
		return false;
	exported = memchr(attributes.data, 'x', attributes.size);
	note_options(p, name, value);
	look_at_locale(p, name, value);
	if (shell_name_listed(made_anew, name) ||
	    (!exported && shell_name_listed(made_if_plain, name)))
		return true;
	keep(p, from);
	return add_entry(p, SHELL_VARIABLE, exported, name,
			 between(attributes.data - 1, p->at - 1));
}

/* umask MODE */
static bool take_umask(struct parser *p)
{
	const char *from = p->at, *mode;

	if (!quote_literal(&p->at, p->end, "umask "))
		return false;
	mode = p->at;
	p->at += strspn(p->at, "01234567");
	if (p->at == mode || !quote_literal(&p->at, p->end, "\n"))
		return false;
	keep(p, from);
	return add_entry(p, SHELL_UMASK, true, named("umask"), between(mode, p->at - 1));
}

static bool is_on(struct bytes on, struct bytes name)
{
	for (size_t at = 0; at < on.size;) {
		const char *colon = memchr(on.data + at, ':', on.size - at);
		size_t size = colon ? (size_t)(colon - on.data) - at : on.size - at;

		if (size == name.size && !memcmp(on.data + at, name.data, size))
			return true;
		at += size + 1;
	}
	return false;
}

/* shopt -s NAME and set -o NAME, or their opposites. All are written or none; only what is not as
 * in a clean shell is an entry. */
static bool take_option(struct parser *p, const struct shell_state *clean)
{
	static const struct {
		const char *text;
		bool on;
	} forms[] = { { "shopt -u ", false },
		      { "shopt -s ", true },
		      { "set +o ", false },
		      { "set -o ", true } };
	const char *from = p->at, *name;
	size_t i = 0;

	while (i < ARRAY_LENGTH(forms) && !quote_literal(&p->at, p->end, forms[i].text))
		i++;
	name = p->at;
	p->at += strspn(p->at, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	if (i == ARRAY_LENGTH(forms) || p->at == name || !quote_literal(&p->at, p->end, "\n"))
		return false;
	keep(p, from);
	return is_on(clean->on[i / 2], between(name, p->at - 1)) == forms[i].on ||
	       add_entry(p, SHELL_OPTION, false, between(name, p->at - 1),
			 named(forms[i].on ? "on" : "off"));
}

/* alias [-- ]NAME='...' */
static bool take_alias(struct parser *p)
{
	const char *from = p->at, *name, *equals;

	if (!quote_literal(&p->at, p->end, "alias "))
		return false;
	quote_literal(&p->at, p->end, "-- ");
	name = p->at;
	while (p->at < p->end && !memchr(" \t\n;&|()<>'\"\\$`=/", *p->at, 17))
		p->at++;
	equals = p->at;
	if (equals == name || !quote_literal(&p->at, p->end, "=") ||
	    !quote_single(&p->at, p->end) || !quote_literal(&p->at, p->end, "\n"))
		return false;
	keep(p, from);
	return add_entry(p, SHELL_ALIAS, false, between(name, equals),
			 between(equals + 1, p->at - 1));
}

/* declare -fx NAME: an attribute of a function. They are given to the functions once those are in
 * order. */
static bool take_attribute(struct parser *p, bool apply)
{
	const char *from = p->at, *line;
	struct shell_entry *e;
	size_t size;

	if (!quote_literal(&p->at, p->end, "declare -f"))
		return false;
	size = strspn(p->at, "rtx");
	line = memchr(p->at, '\n', (size_t)(p->end - p->at));
	if (!line || p->at[size] != ' ')
		return false;
	p->at = line + 1;
	if (!apply) {
		keep(p, from);
		return true;
	}
	from += strlen("declare -f");
	e = (struct shell_entry *)shell_state_find(p->state, SHELL_FUNCTION, from + size + 1,
						   (size_t)(line - from) - size - 1);
	if (!e)
		return false;
	e->exported = e->exported || memchr(from, 'x', size);
	e->fixed = e->fixed || memchr(from, 'r', size);
	return true;
}

/* NAME () and its body. Ends at the first line that begins with a brace; whether bash thinks so too
 * is for quote_body() to say. */
static bool take_function(struct parser *p)
{
	const char *from = p->at, *body, *close;
	const char *line = memchr(p->at, '\n', (size_t)(p->end - p->at));
	struct bytes name;

	body = line && line - p->at > 4 ? line - 4 : NULL;
	if (!body)
		return false;
	name = between(p->at, body);
	p->at = body;
	for (size_t i = 0; i < name.size; i++)
		if (memchr(" \t;&|()<>'\"\\$`", name.data[i], 14))
			return false;
	if (!quote_literal(&p->at, p->end, FUNCTION_BEGIN))
		return false;
	close = memmem(p->at - 1, (size_t)(p->end - p->at) + 1, "\n}", 2);
	line = close ? memchr(close + 1, '\n', (size_t)(p->end - close - 1)) : NULL;
	if (!line)
		return false;
	if (line != close + 2 || !quote_body(p->at, (size_t)(close + 1 - p->at)))
		p->state->loose = true;
	p->at = line + 1;
	keep(p, from);
	return add_entry(p, SHELL_FUNCTION, false, name, between(body, p->at - 1));
}

static bool begins(const struct parser *p, const char *text)
{
	const char *at = p->at;

	return quote_literal(&at, p->end, text);
}

static bool take_group(struct parser *p)
{
	const char *from = p->at;

	if (!quote_literal(&p->at, p->end, GROUP_BEGIN))
		return false;
	keep(p, from);
	while (begins(p, "alias "))
		if (!take_alias(p))
			return false;
	while (p->at < p->end && !begins(p, "declare -f") && !begins(p, "}\n"))
		if (!take_function(p))
			return false;
	p->attributes = p->at;
	while (begins(p, "declare -f"))
		if (!take_attribute(p, false))
			return false;
	from = p->at;
	if (!quote_literal(&p->at, p->end, "}" SHELL_STATE_END))
		return false;
	keep(p, from);
	return p->at == p->end;
}

static bool take_all(struct parser *p, const struct shell_state *clean)
{
	if (!take_directory(p))
		return false;
	while (begins(p, "declare -"))
		if (!take_variable(p))
			return false;
	if (!take_umask(p))
		return false;
	while (begins(p, "shopt ") || begins(p, "set "))
		if (!take_option(p, clean ? clean : p->state))
			return false;
	return take_group(p);
}

int shell_entry_order(const void *a, const void *b)
{
	const struct shell_entry *x = a, *y = b;
	size_t size = x->name.size < y->name.size ? x->name.size : y->name.size;
	int order = (int)x->part - (int)y->part;

	order = order ? order : memcmp(x->name.data, y->name.data, size);
	return order ? order : (x->name.size > y->name.size) - (x->name.size < y->name.size);
}

/* Nothing is there twice, which no shell writes. */
static bool put_in_order(struct shell_state *s)
{
	qsort(s->entries, s->count, sizeof(*s->entries), shell_entry_order);
	for (size_t i = 1; i < s->count; i++)
		if (shell_entry_order(&s->entries[i - 1], &s->entries[i]) == 0)
			return false;
	return true;
}

static bool give_attributes(struct parser *p)
{
	for (p->at = p->attributes; begins(p, "declare -f");)
		if (!take_attribute(p, true))
			return false;
	return true;
}

static bool has_high_bytes(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] > 127)
			return true;
	return false;
}

static int make_opaque(struct parser *p)
{
	struct shell_state *s = p->state;

	s->count = 0;
	s->opaque = true;
	buf_clear(&p->text);
	buf_add(&p->text, s->raw, (size_t)(p->end - s->raw));
	add_entry(p, SHELL_OTHER, true, named("state"), between(s->raw, p->end));
	return p->error;
}

int shell_state_parse(char *raw, size_t size, const struct shell_state *clean,
		      struct shell_state *ret)
{
	char *fitting = realloc(raw, size + 1);
	struct shell_state s = { .raw = fitting ? fitting : raw };
	struct parser p = { .state = &s, .at = s.raw, .end = s.raw + size };

	buf_init(&p.text, SHELL_STATE_MAX);
	if (!take_all(&p, clean) || !put_in_order(&s) || !give_attributes(&p) ||
	    (p.foreign && has_high_bytes(s.raw, size)))
		make_opaque(&p);
	if (p.error || p.text.error) {
		buf_free(&p.text);
		shell_state_free(&s);
		return p.error ? p.error : p.text.error;
	}
	buf_text(&p.text);
	s.text = p.text.data;
	s.size = p.text.size;
	*ret = s;
	return 0;
}

const struct shell_entry *shell_state_find(const struct shell_state *s, enum shell_part part,
					   const char *name, size_t size)
{
	const struct shell_entry key = { .part = part, .name = { name, size } };

	return s->count ? bsearch(&key, s->entries, s->count, sizeof(key), shell_entry_order)
			: NULL;
}
