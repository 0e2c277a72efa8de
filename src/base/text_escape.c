// SPDX-License-Identifier: Apache-2.0
/* Escaping at the edges; see text_escape.h. Pure functions over hostile bytes. */
#include "base/text_escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* RFC 3629, section 4: by first byte, the length of the sequence and the bounds of its second byte;
 * all later bytes are 80..BF. */
static const struct utf8_row {
	unsigned char first, last, length, second_low, second_high;
} utf8_rows[] = {
	{ 0x00, 0x7f, 1, 0x00, 0xff }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

size_t utf8_length(const unsigned char *p, size_t size)
{
	const struct utf8_row *row = utf8_rows;
	const struct utf8_row *end = utf8_rows + sizeof(utf8_rows) / sizeof(utf8_rows[0]);

	if (size == 0)
		return 0;
	while (row < end && !(p[0] >= row->first && p[0] <= row->last))
		row++;
	if (row == end || size < row->length)
		return 0;
	if (row->length > 1 && (p[1] < row->second_low || p[1] > row->second_high))
		return 0;
	for (size_t i = 2; i < row->length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return row->length;
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

/* again: backslashes are those of an escape that was made before, and stay as they are. */
static void escape(struct buf *out, const char *bytes, size_t size, bool again)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < size;) {
		size_t n = utf8_length(p + i, size - i);

		if (n == 0)
			buf_printf(out, "\\x%02x", p[i]);
		else if (p[i] == '\\' && !again)
			buf_add_text(out, "\\\\");
		else if (hidden(code_point(p + i, n)))
			escape_one(out, code_point(p + i, n));
		else
			buf_add(out, bytes + i, n);
		i += n ? n : 1;
	}
}

void text_escape(struct buf *out, const char *bytes, size_t size)
{
	escape(out, bytes, size, false);
}

static void escape_cut(struct buf *out, const char *bytes, size_t size, size_t width, bool again)
{
	cleanup_buf struct buf all = { 0 };
	const unsigned char *p;
	size_t i = 0, columns = 0, last = 0;

	buf_init(&all, size * 10 + 1);
	escape(&all, bytes, size, again);
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

void text_escape_cut(struct buf *out, const char *bytes, size_t size, size_t width)
{
	escape_cut(out, bytes, size, width, false);
}

void text_escape_again(struct buf *out, const char *text, size_t width)
{
	escape_cut(out, text, strlen(text), width, true);
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
