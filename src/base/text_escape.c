// SPDX-License-Identifier: Apache-2.0
/* Escaping at the edges; see text_escape.h. Pure functions over hostile bytes. */
#include "base/text_escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t utf8_length(const unsigned char *p, size_t size)
{
	if (size == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return size > 1 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (size < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] < 0xf0 || p[0] > 0xf4 || size < 4)
		return 0;
	if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

static uint32_t code_point(const unsigned char *p, size_t n)
{
	switch (n) {
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
	default:
		return p[0];
	}
}

/* Characters that a terminal would obey, or that change the order or visibility of what is read
 * (Unicode TR 36, bidirectional text spoofing). */
static bool hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       c == 0x061c || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static void escape_one(struct buf *out, uint32_t c)
{
	switch (c) {
	case '\n':
		buf_add_text(out, "\\n");
		return;
	case '\t':
		buf_add_text(out, "\\t");
		return;
	case '\r':
		buf_add_text(out, "\\r");
		return;
	case 0x1b:
		buf_add_text(out, "\\e");
		return;
	default:
		buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
	}
}

void text_escape(struct buf *out, const char *bytes, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < size;) {
		size_t n = utf8_length(p + i, size - i);

		if (n == 0)
			buf_printf(out, "\\x%02x", p[i]);
		else if (p[i] == '\\')
			buf_add_text(out, "\\\\");
		else if (hidden(code_point(p + i, n)))
			escape_one(out, code_point(p + i, n));
		else
			buf_add(out, bytes + i, n);
		i += n ? n : 1;
	}
}

void text_escape_cut(struct buf *out, const char *bytes, size_t size, size_t width)
{
	cleanup_buf struct buf all;
	const unsigned char *p;
	size_t i = 0, columns = 0, last = 0;

	buf_init(&all, size * 10 + 1);
	text_escape(&all, bytes, size);
	p = (const unsigned char *)buf_text(&all);
	while (i < all.size && columns < width) {
		last = i;
		i += utf8_length(p + i, all.size - i);
		columns++;
	}
	if (i >= all.size) {
		buf_add(out, buf_text(&all), all.size);
		return;
	}
	buf_add(out, buf_text(&all), last);
	if (width)
		buf_add_text(out, "…");
}

static const char *html_entity(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void text_escape_html(struct buf *out, const char *bytes, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < size;) {
		size_t n = utf8_length(p + i, size - i);
		const char *entity = n == 1 ? html_entity(p[i]) : NULL;

		if (entity)
			buf_add_text(out, entity);
		else if (n == 0 || (hidden(code_point(p + i, n)) && p[i] != '\n' && p[i] != '\t'))
			buf_add_text(out, "\xef\xbf\xbd");
		else
			buf_add(out, bytes + i, n);
		i += n ? n : 1;
	}
}
