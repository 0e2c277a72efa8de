// SPDX-License-Identifier: Apache-2.0
/* See source.h. Owns its buffer and, unless it is standard input, the descriptor. Read, not mapped:
 * a file that is cut while it is read must not end the program, and a pipe has no map. */
#include "capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM_FIRST (256u * 1024) /* most packets are small; who looks further ahead gets more */

int source_open(struct source *s, const char *path, struct fail *f)
{
	*s = (struct source){ .fd = STDIN_FILENO, .name = path };
	if (strcmp(path, "-") == 0)
		s->name = "standard input";
	else
		s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (s->fd < 0)
		return fail(f, errno, "open the capture '%s'", path);
	s->room = ROOM_FIRST;
	s->data = malloc(s->room);
	if (!s->data) {
		source_close(s);
		return fail(f, ENOMEM, "read the capture '%s'", path);
	}
	return 0;
}

void source_close(struct source *s)
{
	free(s->data);
	s->data = NULL;
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	s->fd = -1;
}

/* What is not taken goes to the front, and is all that there is room for only where more is looked
 * for: then there is twice as much. */
static bool make_room(struct source *s)
{
	uint8_t *more;

	if (s->begin) {
		memmove(s->data, s->data + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
		return true;
	}
	more = realloc(s->data, s->room * 2);
	if (!more) {
		s->error = ENOMEM;
		return false;
	}
	s->data = more;
	s->room *= 2;
	return true;
}

/* False: nothing more comes. */
static bool fill(struct source *s)
{
	ssize_t n;

	if (s->end == s->room && !make_room(s))
		return false;
	do
		n = read(s->fd, s->data + s->end, s->room - s->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		s->error = errno;
	if (n > 0)
		s->end += (size_t)n;
	return n > 0;
}

const uint8_t *source_peek(struct source *s, size_t size, size_t *ret_left)
{
	if (s->begin == s->end)
		s->begin = s->end = 0;
	while (s->end - s->begin < size) {
		if (!fill(s)) {
			*ret_left = s->end - s->begin;
			return NULL;
		}
	}
	return s->data + s->begin;
}

bool source_skip(struct source *s, uint64_t size)
{
	size_t left;

	while (size > 0) {
		size_t part = s->end - s->begin;

		if (part > size)
			part = (size_t)size;
		s->begin += part;
		s->offset += part;
		size -= part;
		if (size > 0 && !source_peek(s, 1, &left))
			return false;
	}
	return true;
}
