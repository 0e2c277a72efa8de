// SPDX-License-Identifier: Apache-2.0
/* Bounded growing buffer; see buf.h. Owns its bytes; trusts nothing about sizes it is given. */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->size = b->room = 0;
}

void buf_clear(struct buf *b)
{
	b->size = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

static int grow(struct buf *b, size_t need)
{
	size_t room = b->room ? b->room : FIRST_ROOM;
	char *data;

	while (room < need + 1)
		room *= 2;
	data = realloc(b->data, room);
	if (!data)
		return b->error = -ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

void *buf_reserve(struct buf *b, size_t size)
{
	if (b->error)
		return NULL;
	if (size > b->max - b->size) {
		b->error = -ENOBUFS;
		return NULL;
	}
	if ((!b->data || b->size + size + 1 > b->room) && grow(b, b->size + size) < 0)
		return NULL;
	return b->data + b->size;
}

void buf_commit(struct buf *b, size_t size)
{
	b->size += size;
	b->data[b->size] = '\0';
}

int buf_add(struct buf *b, const void *data, size_t size)
{
	void *to = buf_reserve(b, size);

	if (!to)
		return b->error;
	if (size)
		memcpy(to, data, size);
	buf_commit(b, size);
	return 0;
}

int buf_add_text(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

int buf_add_char(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list copy;
	void *to;
	int n;

	va_copy(copy, args);
	n = vsnprintf(NULL, 0, format, copy);
	va_end(copy);
	if (n < 0)
		return b->error = -EINVAL;
	to = buf_reserve(b, (size_t)n);
	if (!to)
		return b->error;
	vsnprintf(to, (size_t)n + 1, format, args);
	b->size += (size_t)n;
	return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = buf_vprintf(b, format, args);
	va_end(args);
	return r;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
