/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a file had before it had the one that is asked for, as the run's renames and links
 * say. Names are plain absolute paths (detect/path.h). */
#ifndef WEIR_REPORT_NAMES_H
#define WEIR_REPORT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event_decode.h"

#define NAMES_MAX 64	       /* of one file; those before them are not followed */
#define NAMES_MOVES_MAX 262144 /* renames and links of one run */

/* A file had this name from just after `from` up to `to`, which made it names[into]. names[0] is
 * the one that is asked for. */
struct name {
	char *path; /* owned */
	uint64_t from, to;
	size_t into;
};

struct names {
	size_t count;
	struct name names[NAMES_MAX];
	size_t move_count, move_room;
	struct move {
		uint64_t seq;
		char *from, *to; /* owned */
		bool link;
	} * moves;
};

/* Every event in order: keeps what it says of names. 0 or -ENOMEM. */
int names_event(struct names *n, const struct event_view *e);
/* After the last event: what names the file `path` had. 0 or -ENOMEM. */
int names_trace(struct names *n, const char *path);
/* Which name the path is at the event seq, or -1. */
int names_find(const struct names *n, const char *path, uint64_t seq);
void names_free(struct names *n);

#endif
