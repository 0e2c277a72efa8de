/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a text report: one line each, read from the store while they are printed. */
#ifndef WEIR_REPORT_CALLS_H
#define WEIR_REPORT_CALLS_H

#include "report/page.h"
#include "report/report.h"

#define LOSERS_MAX 8
#define NAME_WIDTH 72 /* of a call's command below a finding */

/* What the table's reader learns on the way and the rest of the page needs. */
struct calls_seen {
	size_t name_count;
	struct call_name {
		uint32_t n;
		char *text; /* "bash: make test", owned */
	} * names;	    /* of calls that have findings, by n */
	uint64_t lost, handovers_lost;
	uint64_t loser_count;
	uint32_t losers[LOSERS_MAX]; /* calls with lost events, the first of them */
};

/* Prints the table to p, or nothing when p is NULL, and fills seen. */
int calls_print(const struct report *r, struct page *p, struct calls_seen *seen, struct fail *f);
const char *calls_name(const struct calls_seen *seen, uint32_t n); /* "" unknown */
void calls_seen_free(struct calls_seen *seen);

#endif
