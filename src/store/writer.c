// SPDX-License-Identifier: Apache-2.0
/* Appending to a record; see writer.h. Owns the run's directory and its last segment. A write that
 * fails half-way is cut back to the last whole frame. Nothing here calls fsync: what a crash of
 * weir leaves is whole, what a crash of the machine leaves is cut at the last whole frame. */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "store/cursor.h"
#include "store/root.h"

#define PENDING_MAX (64u * 1024 * 1024)

void run_writer_init(struct run_writer *w, const char *run)
{
	*w = (struct run_writer){ .dir = -1, .fd = -1, .next_seq = 1 };
	strncpy(w->run, run, sizeof(w->run) - 1);
	merkle_init(&w->tree);
	buf_init(&w->pending, PENDING_MAX);
	buf_init(&w->writing, PENDING_MAX);
}

void run_writer_close(struct run_writer *w)
{
	cleanup_fd_(&w->dir);
	cleanup_fd_(&w->fd);
	w->dir = w->fd = -1;
	buf_free(&w->pending);
	buf_free(&w->writing);
}

static int run_dir_open(int runs_dir, const char *run, struct fail *f)
{
	int fd = openat(runs_dir, run, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? fail(f, errno, "cannot open the record of run %s", run) : fd;
}

int run_writer_make(struct run_writer *w, int runs_dir, struct fail *f)
{
	int dir;

	if (mkdirat(runs_dir, w->run, 0700) < 0)
		return fail(f, errno, "cannot make the record of run %s", w->run);
	dir = run_dir_open(runs_dir, w->run, f);
	if (dir < 0)
		return dir;
	w->dir = dir;
	return 0;
}

/* Opens the segment that the cursor ended in and cuts off what is unfinished there. */
static int continue_at(struct run_writer *w, const struct cursor *c, struct fail *f)
{
	char name[SEGMENT_NAME_SIZE];
	uint64_t unfinished;
	struct segment_position end = cursor_end(c, &unfinished);

	segment_name(end.number + 1, name);
	/* A segment without a whole header: made, and nothing written. */
	if (unlinkat(w->dir, name, 0) < 0 && errno != ENOENT)
		return fail(f, errno, "cannot remove the empty segment %s of run %s", name, w->run);
	if (end.number == 0)
		return 0;
	segment_name(end.number, name);
	w->fd = openat(w->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (w->fd < 0)
		return fail(f, errno, "cannot continue segment %s of run %s", name, w->run);
	if (unfinished && ftruncate(w->fd, end.offset) < 0)
		return fail(f, errno, "cannot cut segment %s of run %s", name, w->run);
	w->number = end.number;
	w->offset = end.offset;
	w->bytes += end.offset;
	return 0;
}

static int replay(struct run_writer *w, struct cursor *c,
		  int (*on_frame)(void *, const struct frame_header *, struct segment_position),
		  void *context, struct fail *f)
{
	const struct frame_header *h;
	struct segment_position at = { 0 }, last = { 0 };
	int r;

	while ((r = cursor_next(c, &h, f)) > 0) {
		at = cursor_at(c);
		if (at.number != last.number && last.number)
			w->bytes += last.offset;
		last = (struct segment_position){ at.number,
						  at.offset + (uint32_t)frame_padded(h->size) };
		merkle_add(&w->tree, h, h->size);
		w->next_seq = h->seq + 1;
		r = on_frame(context, h, at);
		if (r < 0)
			return r;
	}
	return r;
}

int run_writer_resume(int runs_dir, const char *run,
		      int (*on_frame)(void *context, const struct frame_header *h,
				      struct segment_position at),
		      void *context, struct run_writer *ret, struct fail *f)
{
	struct cursor *c = NULL;
	struct run_writer w;
	int r;

	run_writer_init(&w, run);
	r = w.dir = run_dir_open(runs_dir, run, f);
	if (r >= 0)
		r = cursor_open(w.dir, run, &c, f);
	if (r >= 0)
		r = replay(&w, c, on_frame, context, f);
	if (r >= 0)
		r = continue_at(&w, c, f);
	cursor_close(c);
	if (r < 0) {
		run_writer_close(&w);
		return r;
	}
	*ret = w;
	return 0;
}

int run_writer_add(struct run_writer *w, const struct frame_new *frame)
{
	size_t whole = sizeof(struct frame_header) + (frame->what ? 1 : 0) + frame->size;
	size_t padded = frame_padded(whole);
	struct frame_header *h;
	char *body;

	if (whole > FRAME_SIZE_MAX)
		return -EMSGSIZE;
	h = buf_reserve(&w->pending, padded);
	if (!h) {
		int error = w->pending.error;

		w->pending.error = 0; /* this frame was not taken; smaller ones may still be */
		return error;
	}
	*h = (struct frame_header){
		.size = (uint32_t)whole,
		.wall_ns = frame->wall_ns,
		.kind = frame->kind,
		.flags = frame->flags,
		.message = frame->message,
	};
	body = (char *)(h + 1);
	if (frame->what)
		*body++ = (char)frame->what;
	if (frame->size)
		memcpy(body, frame->payload, frame->size);
	memset((char *)h + whole, 0, padded - whole);
	buf_commit(&w->pending, padded);
	return 0;
}

static int segment_begin(struct run_writer *w, struct fail *f)
{
	char name[SEGMENT_NAME_SIZE];
	struct segment_header h;
	cleanup_fd int fd = -1;
	int r;

	segment_name(w->number + 1, name);
	fd = openat(w->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(f, errno, "cannot make segment %s of run %s", name, w->run);
	segment_header_make(&h, w->run, w->number + 1, w->next_seq);
	r = file_write_all(fd, &h, sizeof(h));
	if (r < 0) {
		unlinkat(w->dir, name, 0);
		return fail(f, -r, "cannot write segment %s of run %s", name, w->run);
	}
	if (w->fd >= 0)
		close(w->fd);
	w->fd = take_fd(&fd);
	w->number++;
	w->offset = sizeof(h);
	w->bytes += sizeof(h);
	return 0;
}

/* Numbers and seals frames from data on until the segment is full; returns their bytes. */
static size_t seal_chunk(struct run_writer *w, char *data, size_t size)
{
	uint64_t seq = w->next_seq;
	size_t done = 0;

	while (done < size) {
		struct frame_header *h = (struct frame_header *)(data + done);
		size_t padded = frame_padded(h->size);

		if (w->offset + done + padded > SEGMENT_SIZE_MAX &&
		    w->offset + done > sizeof(struct segment_header))
			break;
		frame_seal(h, h->size, seq++);
		done += padded;
	}
	return done;
}

/* Bytes written of `size`, cut back to whole frames; *ret_error says why not all. */
static size_t write_chunk(struct run_writer *w, const char *data, size_t size, int *ret_error)
{
	size_t written = 0, whole = 0;

	*ret_error = 0;
	while (written < size) {
		ssize_t n =
			pwrite(w->fd, data + written, size - written, (off_t)(w->offset + written));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*ret_error = -errno;
			break;
		}
		written += (size_t)n;
	}
	if (written == size)
		return size;
	while (whole < written) {
		const struct frame_header *h = (const struct frame_header *)(data + whole);

		if (whole + frame_padded(h->size) > written)
			break;
		whole += frame_padded(h->size);
	}
	/* Should this fail too, the next write goes to the same place. */
	if (ftruncate(w->fd, (off_t)(w->offset + whole)) < 0)
		*ret_error = -errno;
	return whole;
}

static void tell_frames(struct run_writer *w, char *data, size_t size, bool written,
			void (*on_frame)(void *, const struct frame_header *,
					 struct segment_position),
			void *context)
{
	for (size_t i = 0; i < size;) {
		struct frame_header *h = (struct frame_header *)(data + i);
		size_t padded = frame_padded(h->size);
		struct segment_position at = { 0 };

		if (written) {
			at = (struct segment_position){ w->number, (uint32_t)w->offset };
			merkle_add(&w->tree, h, h->size);
			w->next_seq = h->seq + 1;
			w->offset += padded;
			w->bytes += padded;
		} else {
			h->seq = 0;
		}
		on_frame(context, h, at);
		i += padded;
	}
}

int run_writer_flush(struct run_writer *w,
		     void (*on_frame)(void *context, const struct frame_header *h,
				      struct segment_position at),
		     void *context, struct fail *f)
{
	struct buf frames = w->pending;
	size_t done = 0;
	int r = 0;

	w->pending = w->writing;
	w->writing = (struct buf){ .max = PENDING_MAX };
	while (done < frames.size && r >= 0) {
		size_t chunk =
			w->fd < 0 ? 0 : seal_chunk(w, frames.data + done, frames.size - done);
		size_t whole;

		if (chunk == 0) {
			r = segment_begin(w, f);
			continue;
		}
		whole = write_chunk(w, frames.data + done, chunk, &r);
		tell_frames(w, frames.data + done, whole, true, on_frame, context);
		done += whole;
		if (r < 0)
			fail(f, -r, "cannot write segment %06u.seg of run %s", w->number, w->run);
	}
	if (done < frames.size)
		tell_frames(w, frames.data + done, frames.size - done, false, on_frame, context);
	buf_clear(&frames);
	w->writing = frames;
	return r;
}

void run_writer_drop(struct run_writer *w,
		     void (*on_frame)(void *context, const struct frame_header *h,
				      struct segment_position at),
		     void *context)
{
	struct buf frames = w->pending;

	w->pending = w->writing;
	w->writing = (struct buf){ .max = PENDING_MAX };
	tell_frames(w, frames.data, frames.size, false, on_frame, context);
	buf_clear(&frames);
	w->writing = frames;
}

int run_writer_again(struct run_writer *w, const void *frames, size_t size)
{
	cleanup_buf struct buf fresh = w->pending;

	buf_init(&w->pending, PENDING_MAX);
	buf_add(&w->pending, frames, size);
	buf_add(&w->pending, fresh.data, fresh.size);
	return w->pending.error;
}

int run_writer_finish(struct run_writer *w, char hex[MERKLE_HEX_SIZE], struct fail *f)
{
	struct record_root root = { .size = w->tree.leaves };
	int r;

	merkle_root(&w->tree, root.hash);
	r = record_root_write(w->dir, w->run, &root);
	if (r < 0)
		return fail(f, -r, "cannot write the root of run %s", w->run);
	merkle_hex(root.hash, hex);
	return 0;
}
