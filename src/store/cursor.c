// SPDX-License-Identifier: Apache-2.0
/* Reading segments; see cursor.h. Owns one descriptor and one buffer. Trusts nothing in the files:
 * lengths are bounded before they are used, and a frame is given out only when its checksum and its
 * number are right. */
#include "store/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BUFFER_FIRST (256 * 1024)

struct cursor {
	int dir;
	int fd; /* of segment `number`, -1 while there is none */
	char run[RUN_ID_SIZE];
	uint32_t number;
	uint64_t seq;	 /* of the next frame */
	uint64_t offset; /* in the file, of data[start] */
	unsigned char *data;
	size_t room, start, end;
	struct segment_position at;
};

static int segment_open(int dir, const char *run, uint32_t number, struct segment_header *ret,
			struct fail *f)
{
	char name[SEGMENT_NAME_SIZE];
	cleanup_fd int fd = -1;
	ssize_t n;

	segment_name(number, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT; /* the usual end: not worth a text */
	if (fd < 0)
		return fail(f, errno, "cannot open segment %s of run %s", name, run);
	n = pread(fd, ret, sizeof(*ret), 0);
	if (n < 0)
		return fail(f, errno, "cannot read segment %s of run %s", name, run);
	if ((size_t)n < sizeof(*ret))
		return -ENODATA;
	if (segment_header_check(ret, run, number, f) < 0)
		return fail_wrap(f, "segment %s of run %s", name, run);
	return take_fd(&fd);
}

int cursor_open(int run_dir, const char *run, struct cursor **ret, struct fail *f)
{
	struct cursor *c = calloc(1, sizeof(*c));

	if (!c)
		return fail(f, ENOMEM, "read run %s", run);
	c->data = malloc(BUFFER_FIRST);
	if (!c->data) {
		free(c);
		return fail(f, ENOMEM, "read run %s", run);
	}
	c->dir = run_dir;
	c->fd = -1;
	c->room = BUFFER_FIRST;
	c->seq = 1;
	strncpy(c->run, run, sizeof(c->run) - 1);
	*ret = c;
	return 0;
}

void cursor_close(struct cursor *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->data);
	free(c);
}

static void enter(struct cursor *c, int fd, uint32_t number, uint64_t offset)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = fd;
	c->number = number;
	c->offset = offset;
	c->start = c->end = 0;
}

static int damaged(const struct cursor *c, struct fail *f, const char *what)
{
	return fail_text(f, EBADMSG, "run %s is damaged: segment %06u.seg, offset %llu: %s", c->run,
			 c->number, (unsigned long long)c->offset, what);
}

/* 1: stands at the beginning of the next segment; 0: there is none, or it has no header yet. */
static int enter_next(struct cursor *c, struct fail *f)
{
	struct segment_header h;
	int fd = segment_open(c->dir, c->run, c->number + 1, &h, f);

	if (fd == -ENOENT || fd == -ENODATA)
		return 0;
	if (fd < 0)
		return fd;
	enter(c, fd, c->number + 1, sizeof(h));
	if (h.first_seq != c->seq)
		return damaged(c, f, "frames between this segment and the one before are missing");
	return 1;
}

/* Reads until `need` bytes lie in the buffer. 1, or 0 at the end of the file. */
static int fill(struct cursor *c, size_t need, struct fail *f)
{
	if (c->start + need > c->room) {
		memmove(c->data, c->data + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (need > c->room) {
		unsigned char *data = realloc(c->data, need);

		if (!data)
			return fail(f, ENOMEM, "read run %s", c->run);
		c->data = data;
		c->room = need;
	}
	while (c->end - c->start < need) {
		ssize_t n = pread(c->fd, c->data + c->end, c->room - c->end,
				  (off_t)(c->offset + (c->end - c->start)));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(f, errno, "cannot read segment %06u.seg of run %s", c->number,
				    c->run);
		if (n == 0)
			return 0;
		c->end += (size_t)n;
	}
	return 1;
}

/* After a power cut a file may end in zeros that were never written: to its end, nothing else. */
static bool zeros_to_the_end(struct cursor *c)
{
	char step[4096];
	off_t at = (off_t)c->offset;
	ssize_t n;

	while ((n = pread(c->fd, step, sizeof(step), at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (step[i])
				return false;
		at += n;
	}
	return n == 0;
}

/* 1: a frame at data[start]; 0: none, or not all of it, in this segment. */
static int next_here(struct cursor *c, long *ret_size, struct fail *f)
{
	size_t need = sizeof(struct frame_header);

	for (;;) {
		int r = fill(c, need, f);

		if (r <= 0)
			return r;
		*ret_size = frame_check(c->data + c->start, c->end - c->start, c->seq, &need);
		if (*ret_size > 0)
			return 1;
		if (*ret_size < 0)
			return zeros_to_the_end(c)
				       ? 0
				       : damaged(c, f, "this is not the frame that belongs here");
	}
}

static int advance(struct cursor *c, long *ret_size, struct fail *f)
{
	char next[SEGMENT_NAME_SIZE];
	int r;

	for (;;) {
		r = c->fd < 0 ? 0 : next_here(c, ret_size, f);
		segment_name(c->number + 1, next);
		if (r || faccessat(c->dir, next, F_OK, 0) < 0)
			return r;
		/* The writer goes to a new segment only after the last one is whole: look again. */
		r = c->fd < 0 ? 0 : next_here(c, ret_size, f);
		if (r)
			return r;
		if (c->end > c->start)
			return damaged(c, f,
				       "the segment ends inside a frame, and another follows");
		r = enter_next(c, f);
		if (r <= 0)
			return r;
	}
}

int cursor_next(struct cursor *c, const struct frame_header **ret, struct fail *f)
{
	long size = 0;
	int r = advance(c, &size, f);

	if (r <= 0)
		return r;
	*ret = (const struct frame_header *)(c->data + c->start);
	c->at = (struct segment_position){ c->number, (uint32_t)c->offset };
	c->start += (size_t)size;
	c->offset += (uint64_t)size;
	c->seq++;
	return 1;
}

struct segment_position cursor_at(const struct cursor *c)
{
	return c->at;
}

struct segment_position cursor_end(const struct cursor *c, uint64_t *ret_unfinished)
{
	struct stat st;

	*ret_unfinished = 0;
	if (c->fd >= 0 && fstat(c->fd, &st) == 0 && (uint64_t)st.st_size > c->offset)
		*ret_unfinished = (uint64_t)st.st_size - c->offset;
	return (struct segment_position){ c->number, (uint32_t)c->offset };
}

int cursor_seek(struct cursor *c, struct segment_position at, uint64_t seq, struct fail *f)
{
	struct segment_header h;
	int fd = segment_open(c->dir, c->run, at.number, &h, f);

	if (fd == -ENOENT || fd == -ENODATA)
		return fail_text(f, EBADMSG, "run %s is damaged: segment %06u.seg is missing",
				 c->run, at.number);
	if (fd < 0)
		return fd;
	enter(c, fd, at.number, at.offset);
	c->seq = seq;
	return 0;
}

int frame_read_at(int run_dir, const char *run, struct segment_position at,
		  struct frame_header **ret, struct fail *f)
{
	cleanup_fd int fd = -1;
	cleanup_free struct frame_header *frame = NULL;
	struct frame_header h = { 0 };
	struct segment_header head;
	size_t need, size;
	bool whole;

	fd = segment_open(run_dir, run, at.number, &head, f);
	if (fd < 0)
		return fail_text(f, -fd, "run %s is damaged: segment %06u.seg is missing or wrong",
				 run, at.number);
	if (pread(fd, &h, sizeof(h), at.offset) != (ssize_t)sizeof(h) || h.size < sizeof(h) ||
	    h.size > FRAME_SIZE_MAX)
		return fail_text(f, EBADMSG,
				 "run %s is damaged: there is no frame at %06u.seg, offset %u", run,
				 at.number, at.offset);
	size = frame_padded(h.size);
	frame = malloc(size);
	if (!frame)
		return fail(f, ENOMEM, "read run %s", run);
	whole = pread(fd, frame, size, at.offset) == (ssize_t)size;
	if (!whole || frame_check(frame, size, h.seq, &need) <= 0)
		return fail_text(f, EBADMSG,
				 "run %s is damaged: the frame at %06u.seg, offset %u is not whole",
				 run, at.number, at.offset);
	*ret = take_ptr(frame);
	return 0;
}
