/* SPDX-License-Identifier: Apache-2.0 */
/* The settings table as a tree of keys. A path is "group.group.key"; a severity's name stands where
 * the table has "*". The path "" is the whole file. */
#ifndef WEIR_POLICY_KEY_H
#define WEIR_POLICY_KEY_H

#include "policy/setting.h"

#define KEY_MAX 31
#define KEY_PATH_MAX 127

struct key_names {
	size_t count;
	char names[32][KEY_MAX + 1];
};

/* The row that path names and its element, or NULL. */
const struct setting *key_find(const struct setting *rows, const char *path, size_t *ret_element);
bool key_is_group(const struct setting *rows, const char *path);
/* The keys directly below a group, in the order of the table. */
void key_children(const struct setting *rows, const char *group, struct key_names *ret);

/* Keeps the candidate nearest to text, if any is near enough to be what was meant. */
struct nearest {
	const char *text;
	bool found;
	size_t distance;
	char best[KEY_MAX + 1];
};
void nearest_offer(struct nearest *n, const char *candidate, size_t size);

#endif
