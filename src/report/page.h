/* SPDX-License-Identifier: Apache-2.0 */
/* A page of text: lines of a given width, colours where the style has them. */
#ifndef WEIR_REPORT_PAGE_H
#define WEIR_REPORT_PAGE_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "report/report.h"

#define PAGE_LINE_MAX 65536

struct page {
	FILE *out;
	struct text_style style;
	struct buf line; /* being made */
};

enum ink { INK_PLAIN, INK_DIM, INK_BOLD, INK_RED, INK_YELLOW };

void page_open(struct page *p, FILE *out, const struct text_style *style);
void page_close(struct page *p);
enum ink severity_ink(enum severity severity);
/* Prints what is in p->line, broken at blanks where it is too long; continued lines begin with
 * `indent` blanks. */
void page_end_line(struct page *p, enum ink ink, unsigned indent);
void page_line(struct page *p, enum ink ink, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Adds text, then blanks up to width columns; right: the blanks come first. */
void page_column(struct page *p, const char *text, unsigned width, bool right);

#define cleanup_page __attribute__((__cleanup__(page_close)))

#endif
