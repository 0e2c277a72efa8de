// SPDX-License-Identifier: Apache-2.0
/* Bounded binary encoding; see wire.h. Trusts nothing it reads. */
#include "base/wire.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void wire_put_u8(struct buf *b, uint8_t n)
{
	buf_add(b, &n, sizeof(n));
}

void wire_put_u32(struct buf *b, uint32_t n)
{
	n = htole32(n);
	buf_add(b, &n, sizeof(n));
}

void wire_put_u64(struct buf *b, uint64_t n)
{
	n = htole64(n);
	buf_add(b, &n, sizeof(n));
}

void wire_put_bytes(struct buf *b, const void *data, size_t size)
{
	if (size > UINT32_MAX) {
		b->error = -ENOBUFS;
		return;
	}
	wire_put_u32(b, (uint32_t)size);
	buf_add(b, data, size);
}

void wire_put_text(struct buf *b, const char *text)
{
	wire_put_bytes(b, text, text ? strlen(text) : 0);
}

void wire_init(struct wire *w, const void *data, size_t size)
{
	*w = (struct wire){ .at = data, .left = size };
}

static const unsigned char *advance(struct wire *w, size_t size)
{
	const unsigned char *at = w->at;

	if (w->error || size > w->left) {
		w->error = -EBADMSG;
		return NULL;
	}
	w->at += size;
	w->left -= size;
	return at;
}

uint8_t wire_get_u8(struct wire *w)
{
	const unsigned char *p = advance(w, 1);

	return p ? *p : 0;
}

uint32_t wire_get_u32(struct wire *w)
{
	const unsigned char *p = advance(w, 4);
	uint32_t n = 0;

	if (p)
		memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

uint64_t wire_get_u64(struct wire *w)
{
	const unsigned char *p = advance(w, 8);
	uint64_t n = 0;

	if (p)
		memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

struct bytes wire_get_bytes(struct wire *w, size_t max)
{
	uint32_t size = wire_get_u32(w);
	const unsigned char *p;

	if (size > max)
		w->error = -EBADMSG;
	p = advance(w, size);
	return (struct bytes){ .data = p ? (const char *)p : "", .size = p ? size : 0 };
}

char *wire_get_text(struct wire *w, size_t max)
{
	struct bytes s = wire_get_bytes(w, max);
	char *text;

	if (!w->error && memchr(s.data, '\0', s.size))
		w->error = -EBADMSG;
	if (w->error)
		return NULL;
	text = malloc(s.size + 1);
	if (!text) {
		w->error = -ENOMEM;
		return NULL;
	}
	memcpy(text, s.data, s.size);
	text[s.size] = '\0';
	return text;
}

int wire_end(const struct wire *w)
{
	return w->error || w->left ? -EBADMSG : 0;
}
