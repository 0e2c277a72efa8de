// SPDX-License-Identifier: Apache-2.0
/* Names of a file, traced backwards; see names.h. A directory that is renamed renames what is in
 * it. Paths are the agent's bytes. */
#include "report/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "detect/path.h"
#include "store/array.h"

#define EXCHANGE 2 /* RENAME_EXCHANGE, linux/fs.h */

static char *plain(struct bytes text)
{
	char path[PATH_TEXT_MAX];

	path_plain(text.data, text.size, path);
	return strdup(path);
}

static int add_move(struct names *n, uint64_t seq, struct bytes from, struct bytes to, bool link)
{
	struct move *m;
	int r = array_grow(&n->moves, &n->move_room, n->move_count, sizeof(*n->moves),
			   NAMES_MOVES_MAX);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	m = &n->moves[n->move_count];
	*m = (struct move){ .seq = seq, .from = plain(from), .to = plain(to), .link = link };
	if (!m->from || !m->to) {
		free(m->from);
		free(m->to);
		return -ENOMEM;
	}
	n->move_count++;
	return 0;
}

int names_event(struct names *n, const struct event_view *e)
{
	bool link = e->h->kind == EVENT_FILE && e->file->op == FILE_LINK;
	int r;

	if (e->h->kind != EVENT_FILE || e->file->result < 0 ||
	    (!link && e->file->op != FILE_RENAME))
		return 0;
	r = add_move(n, e->seq, e->text[0], e->text[1], link);
	if (r == 0 && !link && (e->file->mode & EXCHANGE))
		r = add_move(n, e->seq, e->text[1], e->text[0], false);
	return r;
}

/* path, which is `above` or below it, with `instead` in that place. malloc'ed. */
static char *moved(const char *path, const char *above, const char *instead)
{
	size_t rest = strlen(path) - strlen(above), size = strlen(instead);
	char *made = malloc(size + rest + 1);

	if (!made)
		return NULL;
	memcpy(made, instead, size);
	memcpy(made + size, path + strlen(above), rest + 1);
	return made;
}

/* The file came to names[i] by this move: it had another name before. */
static int came(struct names *n, size_t i, const struct move *m)
{
	char *path;

	if (n->count == NAMES_MAX)
		return 0;
	path = moved(n->names[i].path, m->to, m->from);
	if (!path)
		return -ENOMEM;
	n->names[n->count++] = (struct name){ .path = path, .to = m->seq, .into = i };
	return 0;
}

int names_trace(struct names *n, const char *path)
{
	n->names[0] = (struct name){ .path = strdup(path), .to = UINT64_MAX };
	if (!n->names[0].path)
		return -ENOMEM;
	n->count = 1;
	for (size_t k = n->move_count; k-- > 0;) {
		const struct move *m = &n->moves[k];
		size_t count = n->count; /* those that this very move adds are not its own */

		for (size_t i = 0; i < count; i++) {
			struct name *name = &n->names[i];
			bool in = m->seq > name->from && m->seq < name->to;

			if (in && path_is_below(name->path, m->to) && came(n, i, m) < 0)
				return -ENOMEM;
			/* What had the name before went away under another one. */
			if (in && i && !m->link && path_is_below(name->path, m->from))
				name->from = m->seq;
		}
	}
	return 0;
}

int names_find(const struct names *n, const char *path, uint64_t seq)
{
	for (size_t i = 0; i < n->count; i++)
		if (seq > n->names[i].from && seq <= n->names[i].to &&
		    !strcmp(n->names[i].path, path))
			return (int)i;
	return -1;
}

void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->names[i].path);
	for (size_t i = 0; i < n->move_count; i++) {
		free(n->moves[i].from);
		free(n->moves[i].to);
	}
	free(n->moves);
	*n = (struct names){ 0 };
}
