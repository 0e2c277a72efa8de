/* SPDX-License-Identifier: Apache-2.0 */
/* What a run is said to have come to, for `run` and `replay`: findings as they arrive, and at the
 * end one line each on standard error, the report where one was asked for, and the exit status. */
#ifndef WEIR_CMD_OUTCOME_H
#define WEIR_CMD_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "call/client.h"
#include "detect/finding.h"

#define OUTCOME_CALLS_MAX 20 /* lines about calls that come after the run */
#define OUTCOME_LINES_MAX 20 /* findings told one by one; of more, only how many */

struct watch_record;

struct outcome {
	size_t count;
	struct finding findings[OUTCOME_LINES_MAX]; /* in the order in which they came first */
	bool recorded_badly;			    /* a notice said so */
	struct watch_record *watch;		    /* calls that are still to be shown, or NULL */
};

/* Looks at any event of the client: keeps findings, prints notices, and why a run was ended. */
void outcome_take(struct outcome *o, const struct client_event *e);
/* Ends the run and says what it came to. report: a file, or NULL; fail_on: enum severity, or -1.
 * Returns the exit status: exit_code, or 3, or 125 when the record or the report could not be
 * completed. */
int outcome_close(struct outcome *o, struct client *c, const char *store, int exit_code,
		  const char *report, int fail_on);

#endif
