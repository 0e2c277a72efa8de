/* SPDX-License-Identifier: Apache-2.0 */
/* What a fresh shell hands on to the next one, as data: bounded, and hostile, for a call can write
 * whatever it likes into the descriptor where its shell leaves its state.
 *
 * The text is taken apart only where it is in the form that bash itself writes, in which it can say
 * nothing but what the entries say. Any other text is `opaque`: it is still handed on as it came,
 * for what a call pretends is what the next one gets, but it is one entry of which anything may
 * come. Functions are code: where it is not plain where one of them ends, they are `loose`: each
 * may be any of them. */
#ifndef WEIR_TRACE_SHELL_STATE_H
#define WEIR_TRACE_SHELL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/wire.h"

#define SHELL_STATE_MAX ((size_t)1024 * 1024)
#define SHELL_ENTRIES_MAX 65536
#define SHELL_STATE_END "\n# end of state\n" /* the last bytes of every state */

enum shell_part {
	SHELL_DIRECTORY,
	SHELL_VARIABLE,
	SHELL_UMASK,
	SHELL_OPTION,
	SHELL_ALIAS,
	SHELL_FUNCTION,
	SHELL_OTHER, /* text that is in no form of bash's own */
	SHELL_PART_COUNT
};
const char *shell_part_name(enum shell_part part);

struct shell_entry {
	enum shell_part part;
	bool exported; /* to the programs that the shell starts */
	bool fixed;    /* a function that cannot be changed */
	bool removed;  /* a clean shell has it, this one has not */
	struct bytes name;
	struct bytes value; /* as bash writes it; of variables and functions with attributes */
	uint32_t set_by;    /* the call that last changed it; 0: as in a clean shell */
};

struct shell_state {
	char *text; /* owned; what the next shell reads; NULL: nothing is carried yet */
	size_t size;
	char *raw;		     /* owned; what the entries point into */
	struct shell_entry *entries; /* owned; by part and name */
	size_t count;
	bool opaque, loose;
	struct bytes on[2]; /* names of the options that are on, as in BASHOPTS and SHELLOPTS */
};
void shell_state_free(struct shell_state *s);
/* The value without attributes; data NULL: a variable that has none. */
struct bytes shell_entry_content(const struct shell_entry *e);

/* Takes over raw, of size bytes and a NUL behind them, that ends in SHELL_STATE_END. clean: what a
 * shell has that no call has changed, or NULL; it must outlive *ret. 0 or -ENOMEM. */
int shell_state_parse(char *raw, size_t size, const struct shell_state *clean,
		      struct shell_state *ret);

/* Says of each entry of `after` which call set it: what is as in `before` was set as there, what is
 * as in `clean` by none, all else by `call`. `before` may hold nothing: then it is `clean`.
 * `clean` must outlive *after. 0 or -ENOMEM. */
int shell_state_blame(struct shell_state *after, const struct shell_state *before,
		      const struct shell_state *clean, uint32_t call);

/* Goes through what differs, in order. `was` and `is`: NULL where it was not, or is not there. */
void shell_state_compare(const struct shell_state *before, const struct shell_state *after,
			 void (*on_change)(void *context, const struct shell_entry *was,
					   const struct shell_entry *is),
			 void *context);
bool shell_state_same(const struct shell_state *a, const struct shell_state *b);

/* Is the name in the list? A list that names are looked up in is one text with a blank around each.
 */
bool shell_name_listed(const char *list, struct bytes name);
/* By part and name; for qsort(). */
int shell_entry_order(const void *a, const void *b);
/* The entry, or NULL. */
const struct shell_entry *shell_state_find(const struct shell_state *s, enum shell_part part,
					   const char *name, size_t size);

#endif
