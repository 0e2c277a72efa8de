// SPDX-License-Identifier: Apache-2.0
/* The settings table seen as a tree of keys: which row a path such as "compute.memory" or "on.high"
 * means, what stands below a group, and which known key an unknown one resembles. */
#include "policy/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum match { MATCH_NONE, MATCH_LEAF, MATCH_GROUP };

static bool severity_find(const char *name, size_t size, size_t *ret)
{
	for (size_t i = 0; i < SEVERITY_COUNT; i++) {
		const char *s = severity_name((enum severity)i);

		if (strlen(s) == size && memcmp(s, name, size) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* Holds path against a row's path, component by component; ret_rest is what the row has behind it.
 */
static enum match match(const char *row, const char *path, size_t *ret_element,
			const char **ret_rest)
{
	*ret_element = 0;
	*ret_rest = row;
	while (*path) {
		size_t a = strcspn(row, "."), b = strcspn(path, ".");

		if (a == 1 && *row == '*') {
			if (!severity_find(path, b, ret_element))
				return MATCH_NONE;
		} else if (a != b || memcmp(row, path, a) != 0) {
			return MATCH_NONE;
		}
		path += b + (path[b] == '.');
		if (!row[a]) {
			*ret_rest = row + a;
			return *path ? MATCH_NONE : MATCH_LEAF;
		}
		row += a + 1;
		*ret_rest = row;
	}
	return MATCH_GROUP;
}

const struct setting *key_find(const struct setting *rows, const char *path, size_t *ret_element)
{
	const char *rest;

	for (const struct setting *s = rows; s->path; s++)
		if (match(s->path, path, ret_element, &rest) == MATCH_LEAF)
			return s;
	return NULL;
}

bool key_is_group(const struct setting *rows, const char *path)
{
	const char *rest;
	size_t element;

	for (const struct setting *s = rows; s->path; s++)
		if (match(s->path, path, &element, &rest) == MATCH_GROUP)
			return true;
	return false;
}

static void add_child(struct key_names *names, const char *name, size_t size)
{
	for (size_t i = 0; i < names->count; i++)
		if (strlen(names->names[i]) == size && memcmp(names->names[i], name, size) == 0)
			return;
	if (names->count == ARRAY_LENGTH(names->names) || size >= sizeof(names->names[0]))
		return;
	memcpy(names->names[names->count], name, size);
	names->names[names->count++][size] = '\0';
}

void key_children(const struct setting *rows, const char *group, struct key_names *ret)
{
	const char *rest;
	size_t element;

	*ret = (struct key_names){ 0 };
	for (const struct setting *s = rows; s->path; s++) {
		if (match(s->path, group, &element, &rest) != MATCH_GROUP)
			continue;
		if (*rest != '*') {
			add_child(ret, rest, strcspn(rest, "."));
			continue;
		}
		for (size_t i = 0; i < SEVERITY_COUNT; i++) {
			const char *name = severity_name((enum severity)i);

			add_child(ret, name, strlen(name));
		}
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must be inserted, removed or changed; both texts are at most KEY_MAX. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t row[KEY_MAX + 1];

	for (size_t j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(change, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_size];
}

void nearest_offer(struct nearest *n, const char *candidate, size_t size)
{
	size_t text_size = strlen(n->text);
	size_t d;

	if (text_size > KEY_MAX || size > KEY_MAX)
		return;
	d = distance(n->text, text_size, candidate, size);
	/* A third of the letters may be wrong; beyond that a guess is noise. */
	if (d > (size + 2) / 3 || (n->found && d >= n->distance))
		return;
	n->distance = d;
	n->found = true;
	memcpy(n->best, candidate, size);
	n->best[size] = '\0';
}
