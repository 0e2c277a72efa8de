// SPDX-License-Identifier: Apache-2.0
/* Lines, columns and colours; see page.h. What arrives here has been escaped. */
#include "report/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/words.h"

#define WIDTH_DEFAULT 100
#define WIDTH_MIN 60
#define WIDTH_MAX 200

struct text_style text_style_of(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	struct text_style style = { .width = WIDTH_DEFAULT };
	struct winsize size;

	if (!isatty(fileno(out)))
		return style;
	style.colour = (!no_colour || !*no_colour) && term && strcmp(term, "dumb") != 0;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col)
		style.width = size.ws_col < WIDTH_MIN	? WIDTH_MIN
			      : size.ws_col > WIDTH_MAX ? WIDTH_MAX
							: size.ws_col;
	return style;
}

void page_open(struct page *p, FILE *out, const struct text_style *style)
{
	*p = (struct page){ .out = out, .style = *style };
	buf_init(&p->line, PAGE_LINE_MAX);
}

void page_close(struct page *p)
{
	buf_free(&p->line);
}

enum ink severity_ink(enum severity severity)
{
	if (severity >= SEVERITY_MEDIUM)
		return INK_RED;
	return severity == SEVERITY_LOW ? INK_YELLOW : INK_PLAIN;
}

/* Bytes of text that fit into width columns, broken behind the last blank where there is one. */
static size_t fitting(const char *text, size_t width)
{
	size_t columns = 0, blank = 0, i = strspn(text, " ");

	columns = i;
	while (text[i]) {
		if (((unsigned char)text[i] & 0xc0) != 0x80 && ++columns > width)
			return blank ? blank : i;
		if (text[i++] == ' ')
			blank = i;
	}
	return i;
}

static void print_piece(const struct page *p, enum ink ink, unsigned indent, const char *text,
			size_t size)
{
	static const char *const start[] = {
		[INK_PLAIN] = "",	  [INK_DIM] = "\x1b[2m",     [INK_BOLD] = "\x1b[1m",
		[INK_RED] = "\x1b[1;31m", [INK_YELLOW] = "\x1b[33m",
	};
	bool inked = p->style.colour && ink != INK_PLAIN;

	while (size && text[size - 1] == ' ')
		size--;
	fprintf(p->out, "%*s%s%.*s%s\n", (int)indent, "", inked ? start[ink] : "", (int)size, text,
		inked ? "\x1b[0m" : "");
}

void page_end_line(struct page *p, enum ink ink, unsigned indent)
{
	const char *text = buf_text(&p->line);
	unsigned margin = 0;

	do {
		size_t size = fitting(text, p->style.width - margin);

		print_piece(p, ink, margin, text, size);
		text += size;
		margin = indent;
	} while (*text);
	buf_clear(&p->line);
}

void page_line(struct page *p, enum ink ink, unsigned indent, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&p->line, format, args);
	va_end(args);
	page_end_line(p, ink, indent);
}

void page_column(struct page *p, const char *text, unsigned width, bool right)
{
	size_t columns = text_columns(text);
	int blanks = columns < width ? (int)(width - columns) : 0;

	if (right)
		buf_printf(&p->line, "%*s", blanks, "");
	buf_add_text(&p->line, text);
	if (!right)
		buf_printf(&p->line, "%*s", blanks, "");
}
