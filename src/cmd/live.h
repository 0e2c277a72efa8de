/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on a terminal, or in a pipe, as they happen: a line when one begins, completed by how it
 * ended where nothing was said in between, else said again with that; a line for each finding. What
 * the agent wrote comes out escaped, cut to the width. */
#ifndef WEIR_CMD_LIVE_H
#define WEIR_CMD_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "call/call.h"
#include "detect/finding.h"
#include "report/report.h"

#define LIVE_OTHERS UINT32_MAX

struct live {
	FILE *out; /* NULL: nothing is shown */
	struct text_style style;
	const char *prefix, *eol; /* of each line; eol "\r\n" where the terminal is raw */
	bool begins;		  /* a line when a call begins, not only when it has ended */
	bool completes; /* nobody else writes to this terminal: lines may wait for their end */
	uint32_t open;	/* the call whose line waits; 0: none; LIVE_OTHERS: somebody else's */
};

/* As the stream is: colour and one line a call on a terminal, plain lines else. */
void live_init(struct live *l, FILE *out);

/* How people know a call: already escaped, on one line. */
struct live_line {
	uint32_t n;
	const char *function, *subject;
};

struct live_ending {
	enum call_ending ending;
	int exit_code;
	bool harmless;	      /* not executed, and nothing is missing for it */
	uint64_t duration_ns; /* UINT64_MAX: unknown */
	uint32_t survivors, killed;
};

void live_begins(struct live *l, const struct live_line *c);
void live_ended(struct live *l, const struct live_line *c, const struct live_ending *e);
/* "label: text" below the call's line; nothing where text is "". The text is escaped here. */
void live_remark(struct live *l, const char *label, const char *text);
void live_finding(struct live *l, const struct finding *f);
/* A line of weir's own words. */
void live_says(struct live *l, const char *text);
/* Ends a line that waits: somebody else is going to write. */
void live_break(struct live *l);

#endif
