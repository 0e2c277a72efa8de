/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of the page; report_html() (report.h) puts them together. */
#ifndef WEIR_REPORT_HTML_H
#define WEIR_REPORT_HTML_H

#include "report/report.h"

/* A stream that writes JSON into out so that it may stand in a page: '<', '>' and '&', which JSON
 * has in strings only, become \u003c, \u003e and \u0026, so nothing in it ends a <script> or begins
 * a comment (HTML, 4.12.1.3). fclose() it; out stays open. NULL: no memory. */
FILE *html_json_open(FILE *out);

/* What the page shows beside the report's JSON form: for each call the words a person knows it by,
 * the beginning of what it printed, its events by kind and over time; the evidence in words; what
 * was left out. Web/model.js reads it. */
int html_page_data(const struct report *r, const struct report_bounds *bounds, FILE *out,
		   struct fail *f);

#endif
