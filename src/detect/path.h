/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of events as detectors compare them: absolute inside the sandbox, by their text alone. */
#ifndef WEIR_DETECT_PATH_H
#define WEIR_DETECT_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/wire.h"
#include "policy/policy.h"

#define PATH_TEXT_MAX 1100
#define WORKSPACE_INSIDE "/work"

/* Writes path into text, which holds PATH_TEXT_MAX bytes: a relative one below /work, without
 * empty,
 * "." and ".." components, cut where it is too long. Returns its length. */
size_t path_plain(const char *path, size_t size, char *text);
/* True when path (plain) is below or equal to `above` (plain). */
bool path_is_below(const char *path, const char *above);
/* True when a pattern of the list matches: one with a slash the whole path, one without the last
 * component; '*' also matches a slash. */
bool path_matches(const char *path, const struct text_list *patterns);
/* The number N of /proc/N/… or 0; *ret_rest: what follows behind the slash. */
unsigned path_proc_pid(const char *path, const char **ret_rest);
/* The last component; not NUL-terminated input. */
struct bytes path_base(struct bytes path);

#endif
