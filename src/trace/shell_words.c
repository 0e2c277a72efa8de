// SPDX-License-Identifier: Apache-2.0
/* Names and commands in shell code; see shell_words.h. Owns nothing. Trusts nothing, and needs not:
 * every mistake is made towards more. */
#include "trace/shell_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BREAKS " \t\n;&|()<>`"
#define BREAKS_SIZE 11

static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
	       (unsigned char)c > 127;
}

/* What ends a name that is more than letters: it may hold - . : / and the like. */
static bool ends_long_name(char c)
{
	return memchr(BREAKS "'\"\\${}=,!", c, BREAKS_SIZE + 9);
}

bool shell_words_finds(struct bytes name)
{
	for (size_t i = 0; i < name.size; i++)
		if (ends_long_name(name.data[i]))
			return false;
	return true;
}

static bool contains(struct bytes text, const char *what)
{
	return memmem(text.data, text.size, what, strlen(what));
}

/* Where a name that stands for itself is read as a variable: in arithmetic, or by a command that
 * takes names. */
static bool takes_bare_names(struct bytes text)
{
	static const char *const forms[] = { "((",	"$[",	    "[[",      "let", "]=",
					     "+=",	"export",   "declare", "-v",  "}>",
					     "typeset", "readonly", "local",   "}<" };

	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++)
		if (contains(text, forms[i]))
			return true;
	return false;
}

struct names {
	struct bytes text;
	bool bare; /* takes_bare_names() */
	void (*on_name)(void *context, struct bytes name, bool variable);
	void *context;
};

static void find_variables(const struct names *n)
{
	bool in_braces = false; /* of ${...} */

	for (size_t at = 0; at < n->text.size;) {
		const char *from = n->text.data + at;
		bool after_dollar = at && from[-1] == '$';
		size_t size = 0;

		while (at + size < n->text.size && is_word(from[size]))
			size++;
		if (size && (n->bare || after_dollar || in_braces))
			n->on_name(n->context, (struct bytes){ from, size }, true);
		at += size;
		if (at < n->text.size && n->text.data[at] == '}')
			in_braces = false;
		if (at < n->text.size && n->text.data[at] == '{' && at &&
		    n->text.data[at - 1] == '$')
			in_braces = true;
		at++;
	}
}

static void find_commands(const struct names *n)
{
	for (size_t at = 0, size = 0; at < n->text.size; at += size + 1) {
		size = 0;
		while (at + size < n->text.size && !ends_long_name(n->text.data[at + size]))
			size++;
		if (size)
			n->on_name(n->context, (struct bytes){ n->text.data + at, size }, false);
	}
}

static bool word_is(struct bytes word, const char *list)
{
	char key[24];

	if (!word.size || word.size > sizeof(key) - 3)
		return false;
	key[0] = ' ';
	memcpy(key + 1, word.data, word.size);
	memcpy(key + 1 + word.size, " ", 2);
	return strstr(list, key);
}

struct reader {
	struct bytes text;
	size_t at;
	bool command; /* a command may begin here */
	bool target;  /* the next word is that of a redirection */
	bool substitutes, reads_data;
	unsigned reach;
};

/* The first character behind the word and blanks, or a newline at the end. */
static char next_char(const struct reader *r, size_t at)
{
	while (at < r->text.size && (r->text.data[at] == ' ' || r->text.data[at] == '\t'))
		at++;
	return at < r->text.size ? r->text.data[at] : '\n';
}

static bool is_assignment(struct bytes word)
{
	size_t i = 0;

	while (i < word.size && is_word(word.data[i]))
		i++;
	return i && i < word.size &&
	       (word.data[i] == '=' || word.data[i] == '[' ||
		(word.data[i] == '+' && i + 1 < word.size && word.data[i + 1] == '='));
}

enum when {
	WHEN_EVER = 1 << 0,
	WHEN_ALONE = 1 << 1,   /* without arguments */
	WHEN_OPTION = 1 << 2,  /* with one that begins with - */
	WHEN_RUN_OVER = 1 << 3 /* where the output of other commands may become its arguments */
};

/* Commands that come by names which nobody has to mention to them. */
static const struct trigger {
	const char *words;
	unsigned when, reach;
} triggers[] = {
	{ " eval source . ", WHEN_EVER, REACH_ALL },
	{ " trap ", WHEN_RUN_OVER, REACH_ALL },
	{ " declare typeset compgen complete let ", WHEN_EVER, REACH_FUNCTIONS | REACH_VARIABLES },
	{ " local export readonly ", WHEN_OPTION, REACH_FUNCTIONS | REACH_VARIABLES },
	{ " set ", WHEN_ALONE, REACH_FUNCTIONS | REACH_VARIABLES },
	{ " alias ", WHEN_ALONE | WHEN_OPTION, REACH_ALIASES },
	{ " pushd popd dirs ", WHEN_EVER, REACH_BACK },
	{ " cd ", WHEN_OPTION, REACH_BACK },
};

static const char prefixes[] =
	" then do else elif if while until ! time { builtin command exec coproc ";

/* What the word names is known only when it is executed. */
static bool is_computed(struct bytes word)
{
	if (word_is(word, " [ [[ { ! "))
		return false;
	for (size_t i = 0; i < word.size; i++)
		if (memchr("$*?{~[", word.data[i], 6))
			return true;
	return false;
}

/* A word where a command begins. */
static void take_command(struct reader *r, struct bytes word)
{
	char next = next_char(r, r->at);
	unsigned now = WHEN_EVER;

	if (is_assignment(word))
		return;
	now |= strchr("\n;&|)", next) ? WHEN_ALONE : 0;
	now |= next == '-' ? WHEN_OPTION : 0;
	now |= r->substitutes ? WHEN_RUN_OVER : 0;
	if (is_computed(word))
		r->reach |= REACH_FUNCTIONS;
	for (size_t i = 0; i < ARRAY_LENGTH(triggers); i++)
		if ((triggers[i].when & now) && word_is(word, triggers[i].words))
			r->reach |= triggers[i].reach;
	r->reads_data = r->reads_data || word_is(word, " read mapfile readarray ");
	r->command = word_is(word, prefixes);
}

static void read_commands(struct reader *r)
{
	while (r->at < r->text.size) {
		char now = r->text.data[r->at];
		size_t size = 0;

		if (memchr(BREAKS, now, BREAKS_SIZE)) {
			r->at++;
			if (now == '<' || now == '>')
				r->target = true;
			else if (now != ' ' && now != '\t')
				r->command = true;
			continue;
		}
		while (r->at + size < r->text.size &&
		       !memchr(BREAKS, r->text.data[r->at + size], BREAKS_SIZE))
			size++;
		r->at += size;
		if (r->command && !r->target)
			take_command(r, (struct bytes){ r->text.data + r->at - size, size });
		r->target = false;
	}
}

static void look_for_forms(struct reader *r)
{
	static const char *const arithmetic[] = { "((", "$[", "[[" };
	bool counts = false;

	if (contains(r->text, "${!") || contains(r->text, "@P}") || contains(r->text, "-v $") ||
	    contains(r->text, "-v \"$"))
		r->reach |= REACH_VARIABLES;
	if (contains(r->text, "OLDPWD") || contains(r->text, "~-"))
		r->reach |= REACH_BACK;
	for (size_t i = 0; i < ARRAY_LENGTH(arithmetic); i++)
		counts = counts || contains(r->text, arithmetic[i]);
	/* a number that is a name is looked up, and its value again */
	if (counts && (r->substitutes || r->reads_data))
		r->reach |= REACH_VARIABLES;
}

/* As it is after quotes were removed: l\s and l''s are ls. */
static struct bytes unquoted(struct bytes text, char *to)
{
	size_t size = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\\' && i + 1 < text.size && text.data[i + 1] == '\n')
			i++;
		else if (!memchr("\\'\"", text.data[i], 3))
			to[size++] = text.data[i];
	}
	return (struct bytes){ to, size };
}

static unsigned look(struct names *n, struct bytes text)
{
	struct reader r = { .text = text,
			    .command = true,
			    .substitutes = contains(text, "$(") || contains(text, "`") };

	n->text = text;
	n->bare = takes_bare_names(text);
	find_variables(n);
	find_commands(n);
	read_commands(&r);
	look_for_forms(&r);
	return r.reach | (n->bare ? REACH_VALUES : 0);
}

unsigned shell_words(struct bytes text,
		     void (*on_name)(void *context, struct bytes name, bool variable),
		     void *context)
{
	cleanup_free char *bare = malloc(text.size + 1);
	struct names n = { .on_name = on_name, .context = context };
	unsigned reach;

	if (!bare || !text.size)
		return text.size ? REACH_ALL | REACH_BACK | REACH_VALUES : 0;
	reach = look(&n, text);
	return reach | look(&n, unquoted(text, bare));
}

void shell_words_in_value(struct bytes text,
			  void (*on_name)(void *context, struct bytes name, bool variable),
			  void *context)
{
	const struct names n = { text, true, on_name, context };

	find_variables(&n);
}

/* Behind the words of assignments, each a command of its own; whether one of them is to the name.
 */
static bool begins_with_value(const char *command, struct bytes name)
{
	for (;;) {
		size_t size;
		bool ours;

		command += strspn(command, " \t\n;");
		size = strcspn(command, "= \t\n;&|()<>`$\"'\\");
		if (command[size] != '=')
			return false;
		ours = size == name.size && !memcmp(command, name.data, size);
		command += size + 1;
		/* plain, so that it reads nothing and ends where it seems to */
		command += strspn(command, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_./:@%+,-");
		command += strspn(command, " \t");
		if (!strchr(";\n", *command) && strncmp(command, "&&", 2) != 0)
			return false;
		if (ours)
			return true;
		command += strspn(command, "&");
	}
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		count++;
	return count;
}

/* for NAME in ... done, the only loop there is. */
static bool is_loop_over(const char *command, struct bytes name)
{
	const char *at = command + strspn(command, " \t\n"), *done = strstr(command, "done"), *body;
	char use[40];

	if (strncmp(at, "for ", 4) != 0 || count_of(command, "done") != 1 ||
	    name.size > sizeof(use) - 1)
		return false;
	at += 4 + strspn(at + 4, " ");
	if (strncmp(at, name.data, name.size) != 0 || strncmp(at + name.size, " in ", 4) != 0)
		return false;
	memcpy(use, name.data, name.size);
	use[name.size] = '\0';
	at += name.size;
	body = strstr(at, "; do");
	/* the list itself is read before the variable has its value */
	return body && !memchr(at, '$', (size_t)(body - at)) && !strstr(done, use);
}

bool shell_words_overwrites(const char *command, struct bytes name)
{
	return begins_with_value(command, name) || is_loop_over(command, name);
}

/* Is `to` the directory or above it? Then it is there. */
static bool leads_up(struct bytes to, struct bytes directory)
{
	return directory.size >= to.size && !memcmp(to.data, directory.data, to.size) &&
	       (directory.size == to.size || directory.data[to.size] == '/');
}

/* Nothing in it is executed when what stands before it has failed. */
static bool is_one_and_list(const char *at)
{
	for (; *at; at++) {
		if (strchr(";\n|", *at))
			return false;
		if (*at == '&' && at[1] != '&')
			return false;
		at += *at == '&';
	}
	return true;
}

/* An absolute path, quoted or not, to behind it. */
static bool take_path(const char **at, struct bytes *ret)
{
	char quote = **at == '"' || **at == '\'' ? *(*at)++ : '\0';

	ret->data = *at;
	while (is_word(**at) || (**at && strchr("/.-+@:,%", **at)) || (quote && **at == ' '))
		(*at)++;
	ret->size = (size_t)(*at - ret->data);
	return ret->size && *ret->data == '/' && (!quote || *(*at)++ == quote);
}

/* cd /DIRECTORY && ...: where it can fail, nothing else may follow. */
static bool goes_away_first(const char *command, struct bytes directory)
{
	const char *at = command + strspn(command, " \t\n");
	struct bytes to;

	if (strncmp(at, "cd ", 3) != 0)
		return false;
	at += 3 + strspn(at + 3, " ");
	if (!take_path(&at, &to))
		return false;
	at += strspn(at, " \t");
	if (!strncmp(at, "&&", 2) && is_one_and_list(at + 2))
		return true;
	return (strchr(";\n", *at) || !strncmp(at, "&&", 2)) && leads_up(to, directory);
}

bool shell_words_placeless(const char *command, struct bytes directory)
{
	static const char builtins[] = " echo printf true false : exit export unset return shift "
				       "alias unalias umask times wait ulimit set ";
	bool begins = true;

	if (goes_away_first(command, directory))
		return true;
	if (strpbrk(command, "`<>*?[~\\") || strstr(command, "$("))
		return false;
	for (const char *at = command; *at;) {
		size_t size = strcspn(at, " \t\n;&|()");
		const struct bytes word = { at, size };

		if (size && begins && !is_assignment(word) && !word_is(word, builtins))
			return false;
		if (size && !is_assignment(word))
			begins = false;
		at += size;
		if (*at)
			begins = begins || !strchr(" \t", *at);
		at += *at != '\0';
	}
	return true;
}
