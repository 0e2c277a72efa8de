// SPDX-License-Identifier: Apache-2.0
/* Two states side by side: what differs, and which call set what; see shell_state.h. Trusts
 * nothing, and takes nothing apart that shell_state.c did not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/shell_state.h"

#define SETTERS_MAX 256 /* calls that an opaque state is given to besides the one that left it */

static bool same_value(const struct shell_entry *a, const struct shell_entry *b)
{
	return a->removed == b->removed && a->exported == b->exported && a->fixed == b->fixed &&
	       a->value.size == b->value.size &&
	       !memcmp(a->value.data, b->value.data, a->value.size);
}

struct walk {
	void (*on_pair)(void *context, const struct shell_entry *a, const struct shell_entry *b);
	void *context;
};

/* Both lists side by side: each entry once, with its like on the other side or NULL. */
static void walk_both(const struct shell_state *a, const struct shell_state *b, struct walk w)
{
	for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
		int order = i == a->count   ? 1
			    : j == b->count ? -1
					    : shell_entry_order(&a->entries[i], &b->entries[j]);

		w.on_pair(w.context, order <= 0 ? &a->entries[i] : NULL,
			  order >= 0 ? &b->entries[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

struct comparison {
	void (*on_change)(void *context, const struct shell_entry *was,
			  const struct shell_entry *is);
	void *context;
};

static void tell_difference(void *context, const struct shell_entry *was,
			    const struct shell_entry *is)
{
	const struct comparison *c = context;

	if (was && is && same_value(was, is))
		return;
	was = was && was->removed ? NULL : was;
	is = is && is->removed ? NULL : is;
	if (was || is)
		c->on_change(c->context, was, is);
}

void shell_state_compare(const struct shell_state *before, const struct shell_state *after,
			 void (*on_change)(void *context, const struct shell_entry *was,
					   const struct shell_entry *is),
			 void *context)
{
	struct comparison c = { on_change, context };

	walk_both(before, after, (struct walk){ tell_difference, &c });
}

static void note_difference(void *context, const struct shell_entry *was,
			    const struct shell_entry *is)
{
	*(bool *)context = true;
}

bool shell_state_same(const struct shell_state *a, const struct shell_state *b)
{
	bool differs = false;

	shell_state_compare(a, b, note_difference, &differs);
	return !differs;
}

static const struct shell_entry *find_like(const struct shell_state *s, const struct shell_entry *e)
{
	return shell_state_find(s, e->part, e->name.data, e->name.size);
}

static int make_room(struct shell_state *s, size_t more)
{
	struct shell_entry *grown = realloc(s->entries, (s->count + more + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->entries = grown;
	return 0;
}

/* Entries that say that something is missing which a clean shell has. */
static int add_removed(struct shell_state *s, const struct shell_state *clean)
{
	size_t count = s->count;

	if (make_room(s, clean->count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < clean->count; i++) {
		if (find_like(s, &clean->entries[i]))
			continue;
		s->entries[count] = clean->entries[i];
		s->entries[count++].removed = true;
	}
	s->count = count;
	qsort(s->entries, s->count, sizeof(*s->entries), shell_entry_order);
	return 0;
}

/* What an opaque state holds is anybody's guess: all who set something before may still be in it.
 */
static int keep_setters(struct shell_state *s, const struct shell_state *before)
{
	static const char name[] = "earlier state";

	if (make_room(s, SETTERS_MAX) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < before->count && s->count < SETTERS_MAX; i++) {
		uint32_t call = before->entries[i].set_by;
		size_t known = 0;

		while (known < s->count && s->entries[known].set_by != call)
			known++;
		if (call && known == s->count)
			s->entries[s->count++] =
				(struct shell_entry){ .part = SHELL_OTHER,
						      .exported = true,
						      .name = { name, sizeof(name) - 1 },
						      .value = { name, 0 },
						      .set_by = call };
	}
	return 0;
}

int shell_state_blame(struct shell_state *after, const struct shell_state *before,
		      const struct shell_state *clean, uint32_t call)
{
	before = before->text ? before : clean;
	if (after->opaque) {
		after->entries[0].set_by = call;
		return keep_setters(after, before);
	}
	if (add_removed(after, clean) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < after->count; i++) {
		struct shell_entry *e = &after->entries[i];
		const struct shell_entry *was = find_like(before, e), *base = find_like(clean, e);

		e->set_by = call;
		if (was && same_value(was, e))
			e->set_by = was->set_by;
		if (base && same_value(base, e))
			e->set_by = 0;
	}
	return 0;
}
