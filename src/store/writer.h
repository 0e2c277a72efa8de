/* SPDX-License-Identifier: Apache-2.0 */
/* Appends frames to a run's segments and grows its tree. Frames are collected and written together;
 * only what was written whole gets its number and its leaf, so a full disk leaves a record that
 * ends cleanly, and the caller knows what is not in it. One writer a run, in the recorder only. */
#ifndef WEIR_STORE_WRITER_H
#define WEIR_STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fail.h"
#include "store/merkle.h"
#include "store/segment.h"

struct run_writer {
	int dir; /* of the run; owned */
	int fd;	 /* of the last segment; owned, -1 while there is none */
	char run[RUN_ID_SIZE];
	uint32_t number;
	uint64_t offset; /* end of the last segment */
	uint64_t next_seq;
	uint64_t bytes; /* of all segments */
	struct merkle tree;
	struct buf pending; /* frames that wait for run_writer_flush() */
	struct buf writing;
};

/* Ready to collect frames; nothing can be flushed yet. */
void run_writer_init(struct run_writer *w, const char *run);
/* A new run: makes the directory runs_dir/run; run_writer_init() was before. -EEXIST when there is
 * one. */
int run_writer_make(struct run_writer *w, int runs_dir, struct fail *f);
/* A run that another recorder left: on_frame sees every frame that is there, an unfinished one at
 * the end is cut off, and writing continues behind. -EBADMSG: damaged; nothing was changed. */
int run_writer_resume(int runs_dir, const char *run,
		      int (*on_frame)(void *context, const struct frame_header *h,
				      struct segment_position at),
		      void *context, struct run_writer *ret, struct fail *f);
void run_writer_close(struct run_writer *w); /* what is pending is dropped */

/* A frame to be. */
struct frame_new {
	uint8_t kind; /* enum event_kind */
	uint8_t what; /* enum frame_what: put before the payload when it is not FRAME_EVENT */
	uint8_t flags;
	uint32_t message; /* see struct frame_header */
	uint64_t wall_ns;
	const void *payload; /* borrowed */
	size_t size;
};
/* 0; -EMSGSIZE: larger than a frame may be; -ENOBUFS, -ENOMEM: too much is pending. */
int run_writer_add(struct run_writer *w, const struct frame_new *frame);
static inline size_t run_writer_pending(const struct run_writer *w)
{
	return w->pending.size;
}
/* Writes what is pending. on_frame is called once for every frame, in order: with its place and
 * number when it was written, with seq 0 and a zero place when it was not. It may add frames; they
 * wait for the next flush. Returns 0, or -errno of the write that failed (-ENOSPC …). */
int run_writer_flush(struct run_writer *w,
		     void (*on_frame)(void *context, const struct frame_header *h,
				      struct segment_position at),
		     void *context, struct fail *f);

/* Tells on_frame that what is pending was not written, and forgets it. */
void run_writer_drop(struct run_writer *w,
		     void (*on_frame)(void *context, const struct frame_header *h,
				      struct segment_position at),
		     void *context);
/* Puts frames that on_frame was told were not written before what is pending, as they were. */
int run_writer_again(struct run_writer *w, const void *frames, size_t size);

/* Writes runs/RUN/root: the text of a C2SP checkpoint (origin, size, base64 of the root), to which
 * a signature can be appended later. */
int run_writer_finish(struct run_writer *w, char hex[MERKLE_HEX_SIZE], struct fail *f);

#endif
