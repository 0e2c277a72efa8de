// SPDX-License-Identifier: Apache-2.0
/* The state that a shell begins with as edges to the calls that made it; see shell_rule.h. Owns its
 * lists. The state and the command are an adversary's: what it cannot tell it takes as reached. */
#include "trace/shell_rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "bpf/event.h"
#include "trace/shell_words.h"

#define NAME_WIDTH 64

/* Variables that bash itself looks at, whether a command mentions them or not. */
static const char looked_at[] =
	" BASH_COMPAT BASH_ENV BASH_LOADABLES_PATH BASH_XTRACEFD BASHOPTS CDPATH CHILD_MAX ENV "
	"EXECIGNORE FIGNORE FUNCNEST GLOBIGNORE GLOBSORT HOME IFS LANG LANGUAGE LC_ALL LC_COLLATE "
	"LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME OPTERR OPTIND PATH POSIXLY_CORRECT "
	"PROMPT_COMMAND PS4 SHELLOPTS TEXTDOMAIN TEXTDOMAINDIR TIMEFORMAT TMOUT TMPDIR TZ ";
/* Variables that bash sets by itself: harmless unless they are more than a place for a value. */
static const char set_by_bash[] = " BASH_REMATCH COPROC MAPFILE OPTARG REPLY ";
/* Variables whose value it executes. */
static const char code[] = " BASH_ENV ENV PROMPT_COMMAND PS4 ";
/* What it calls by itself, and what the export of the state is made of (shell.c). */
static const char called[] = " command_not_found_handle builtin ";
static const char read_as_alias[] = " { [[ ";

void shell_entry_name(const struct shell_entry *e, struct buf *out)
{
	if (e->part == SHELL_OPTION || e->part == SHELL_ALIAS || e->part == SHELL_FUNCTION)
		buf_printf(out, "%s ", shell_part_name(e->part));
	text_escape_cut(out, e->name.data, e->name.size, NAME_WIDTH);
}

/* Of a variable: has it none but these? */
static bool has_attributes(const struct shell_entry *e, const char *only)
{
	const char *blank = memchr(e->value.data, ' ', e->value.size);

	for (const char *c = e->value.data; blank && c < blank; c++)
		if (!strchr(only, *c))
			return false;
	return true;
}

/* A variable that holds a text or a list and nothing else. */
static bool is_plain(const struct shell_entry *e)
{
	return has_attributes(e, "-xaA");
}

static bool is_named(const struct shell_entry *e, const char *name)
{
	return e->name.size == strlen(name) && !memcmp(e->name.data, name, e->name.size);
}

struct rule {
	const struct shell_state *state;
	const char *command;
	bool *reached; /* by entry */
	bool *skipped; /* by entry: the command overwrites it before it can read it */
	size_t *queue; /* entries whose value is to be read */
	size_t queued;
	unsigned reach;
	bool in_command; /* it is the command itself that is read */
	bool placeless;
};

static bool place_counts(const struct rule *r)
{
	return !r->placeless || (r->reach & REACH_BACK);
}

static bool variable_counts(const struct rule *r, const struct shell_entry *e)
{
	if (is_plain(e) && is_named(e, "PWD"))
		return false; /* it is the directory */
	if (is_plain(e) && is_named(e, "OLDPWD"))
		return r->reach & REACH_BACK;
	return e->exported || shell_name_listed(looked_at, e->name) ||
	       (!is_plain(e) && shell_name_listed(set_by_bash, e->name)) ||
	       (r->reach & REACH_VARIABLES);
}

/* Does it make any shell with this reach act otherwise, mentioned or not? */
static bool counts(const struct rule *r, const struct shell_entry *e)
{
	switch (e->part) {
	case SHELL_DIRECTORY:
		return place_counts(r);
	case SHELL_VARIABLE:
		return variable_counts(r, e);
	case SHELL_ALIAS:
		return r->state->loose || (r->reach & REACH_ALIASES) ||
		       shell_name_listed(read_as_alias, e->name) || !shell_words_finds(e->name);
	case SHELL_FUNCTION:
		return r->state->loose || e->exported || (r->reach & REACH_FUNCTIONS) ||
		       shell_name_listed(called, e->name) || !shell_words_finds(e->name);
	default:
		return true;
	}
}

static void reach(struct rule *r, size_t i)
{
	if (r->reached[i] || !r->state->entries[i].set_by)
		return;
	r->reached[i] = true;
	r->queue[r->queued++] = i;
}

static bool variable_is_read(struct rule *r, const struct shell_entry *e)
{
	bool *skipped = &r->skipped[e - r->state->entries];

	if (is_named(e, "PWD") || is_named(e, "OLDPWD"))
		return false; /* counts() knows better */
	if (!r->in_command || !e->set_by || !has_attributes(e, "-x"))
		return true;
	*skipped = *skipped || shell_words_overwrites(r->command, e->name);
	return !*skipped;
}

static void reach_name(struct rule *r, enum shell_part part, struct bytes name)
{
	const struct shell_entry *e = shell_state_find(r->state, part, name.data, name.size);

	if (e && !r->reached[e - r->state->entries] &&
	    (part != SHELL_VARIABLE || variable_is_read(r, e)))
		reach(r, (size_t)(e - r->state->entries));
}

static void on_name(void *context, struct bytes name, bool variable)
{
	if (variable) {
		reach_name(context, SHELL_VARIABLE, name);
		return;
	}
	reach_name(context, SHELL_ALIAS, name);
	reach_name(context, SHELL_FUNCTION, name);
}

static void read_entry(struct rule *r, const struct shell_entry *e)
{
	struct bytes content = shell_entry_content(e);

	if (e->part == SHELL_OTHER || e->removed || !content.data)
		return;
	if (e->part != SHELL_VARIABLE || shell_name_listed(code, e->name))
		r->reach |= shell_words(content, on_name, r);
	else if ((r->reach & REACH_VALUES) || !is_plain(e))
		shell_words_in_value(content, on_name, r);
}

/* Whatever the command reaches may mention more, until nothing new comes. */
static void follow(struct rule *r)
{
	unsigned before;

	r->in_command = true;
	r->reach = shell_words((struct bytes){ r->command, strlen(r->command) }, on_name, r);
	r->in_command = false;
	do {
		before = r->reach;
		for (size_t i = 0; i < r->state->count; i++)
			if (counts(r, &r->state->entries[i]))
				reach(r, i);
		for (size_t done = 0; done < r->queued; done++)
			read_entry(r, &r->state->entries[r->queue[done]]);
	} while (r->reach != before);
}

static int by_call(const void *a, const void *b, void *context)
{
	const struct shell_entry *e = context;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	if (e[x].set_by != e[y].set_by)
		return e[x].set_by < e[y].set_by ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The names of what one call set, entries first to last of the list. */
static char *text_of(const struct rule *r, size_t first, size_t last)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, CALL_BEHIND_TEXT_MAX * 2);
	for (size_t i = first; i < last && text.size < CALL_BEHIND_TEXT_MAX; i++) {
		if (i > first)
			buf_add_text(&text, ", ");
		shell_entry_name(&r->state->entries[r->queue[i]], &text);
	}
	if (text.size > CALL_BEHIND_TEXT_MAX)
		memcpy(text.data + CALL_BEHIND_TEXT_MAX - 4, " ...", 5);
	return strndup(buf_text(&text), CALL_BEHIND_TEXT_MAX);
}

/* The last calls, for what they set is the nearest; one place stays for saying that there are more.
 */
static int make_list(const struct rule *r, struct call_behind **ret, size_t *ret_count)
{
	struct call_behind *list = calloc(CALL_BEHIND_MAX, sizeof(*list));
	size_t at = CALL_BEHIND_MAX, last = r->queued, first;

	if (!list)
		return -ENOMEM;
	for (; last && at > 1; last = first) {
		first = last - 1;
		while (first && r->state->entries[r->queue[first - 1]].set_by ==
					r->state->entries[r->queue[last - 1]].set_by)
			first--;
		list[--at] = (struct call_behind){ r->state->entries[r->queue[first]].set_by,
						   EDGE_STATE, text_of(r, first, last) };
	}
	if (last)
		list[--at] =
			(struct call_behind){ EVENT_NO_CALL, EDGE_UNKNOWN,
					      strdup("earlier calls that set the shell's state") };
	*ret_count = CALL_BEHIND_MAX - at;
	memmove(list, list + at, *ret_count * sizeof(*list));
	*ret = list;
	return 0;
}

int shell_rule(const struct shell_state *s, const char *command, struct call_behind **ret,
	       size_t *ret_count)
{
	cleanup_free bool *reached = calloc(s->count + 1, sizeof(*reached));
	cleanup_free bool *skipped = calloc(s->count + 1, sizeof(*skipped));
	cleanup_free size_t *queue = calloc(s->count + 1, sizeof(*queue));
	struct rule r = { .state = s,
			  .command = command,
			  .reached = reached,
			  .skipped = skipped,
			  .queue = queue };
	const struct shell_entry *place;

	*ret = NULL;
	*ret_count = 0;
	if (!reached || !skipped || !queue)
		return -ENOMEM;
	place = shell_state_find(s, SHELL_DIRECTORY, "directory", strlen("directory"));
	r.placeless = place && shell_words_placeless(command, place->value);
	follow(&r);
	if (!r.queued)
		return 0;
	qsort_r(queue, r.queued, sizeof(*queue), by_call, (void *)s->entries);
	return make_list(&r, ret, ret_count);
}
