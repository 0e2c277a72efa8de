/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of a store. live/RUN stands from before a run's first segment until its index
 * rows are written, so a recorder finds what a crash left without looking at every run. removed/RUN
 * is a run taken away whose index rows are still there. */
#ifndef WEIR_STORE_LAYOUT_H
#define WEIR_STORE_LAYOUT_H

#include <stdbool.h>

#include "base/fail.h"
#include "store/tally.h"

#define LAYOUT_RUNS "runs"
#define LAYOUT_LIVE "live"
#define LAYOUT_REMOVED "removed"

struct layout {
	int store, runs, live, removed; /* directories; owned */
};

/* make: also creates what is missing (the store's own directory too). -ENOENT without. */
int layout_open(const char *path, bool make, struct layout *ret, struct fail *f);
void layout_close(struct layout *l);
int layout_mark_live(const struct layout *l, const char *run);	/* 0 or -errno */
int layout_clear_live(const struct layout *l, const char *run); /* 0 or -errno */
bool layout_is_live(const struct layout *l, const char *run);
/* Marked live, and its keeper answers: false for what a crash of all of weir left. */
bool layout_is_kept(const struct layout *l, const char *run);
/* Calls on_name for each name in the directory that is a run id, in order of time. */
int layout_each(int dir, int (*on_name)(void *context, const char *run), void *context);
/* Takes away removed/RUN and what is in it. */
int layout_purge(const struct layout *l, const char *run);

/* Feeds a run's frames to the tally. 0, or -EBADMSG and f where the record is damaged: the tally
 * then holds what lies before. */
int layout_replay(const struct layout *l, const char *run, struct tally *t,
		  struct segment_position *ret_end, struct fail *f);

#define cleanup_layout __attribute__((__cleanup__(layout_close)))

#endif
