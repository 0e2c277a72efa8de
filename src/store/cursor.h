/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the frames of one run from segment to segment, checking every checksum and number. Works
 * while the recorder appends. */
#ifndef WEIR_STORE_CURSOR_H
#define WEIR_STORE_CURSOR_H

#include <stdint.h>

#include "base/fail.h"
#include "store/segment.h"

struct cursor;

/* run_dir: open directory of the run, borrowed until cursor_close(). Begins at the first frame. */
int cursor_open(int run_dir, const char *run, struct cursor **ret, struct fail *f);
/* Continues at the frame `seq`, which lies at `at`. */
int cursor_seek(struct cursor *c, struct segment_position at, uint64_t seq, struct fail *f);
/* 1: a frame, valid until the next call, 8-byte aligned; 0: the end for now; -EBADMSG: damaged, f
 * says where; other -errno. */
int cursor_next(struct cursor *c, const struct frame_header **ret, struct fail *f);
/* Where the frame lies that cursor_next() gave last. */
struct segment_position cursor_at(const struct cursor *c);
/* After cursor_next() returned 0: where the next frame would begin, and how many bytes of an
 * unfinished one lie there. number is 0 when there is no segment yet. */
struct segment_position cursor_end(const struct cursor *c, uint64_t *ret_unfinished);
void cursor_close(struct cursor *c); /* accepts NULL */

/* The one frame that lies at `at`, malloc'ed. 0, -EBADMSG, other -errno. */
int frame_read_at(int run_dir, const char *run, struct segment_position at,
		  struct frame_header **ret, struct fail *f);

#endif
