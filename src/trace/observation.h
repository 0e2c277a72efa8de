/* SPDX-License-Identifier: Apache-2.0 */
/* Does what a replayed call did contradict what the trajectory says it did?
 *
 * The exit status is compared where the trajectory holds one: in the result's extra, or in one of
 * the ways in which known harnesses write it into the text. Output is compared line by line after
 * removing what the harness put around it (and terminal colours, carriage returns, blanks at line
 * ends, blank lines at the end) and after replacing what no two runs have in common by its kind:
 * times and dates, durations, process numbers, hashes and addresses, temporary names. Where the
 * harness cut the text, what is left of it is compared. */
#ifndef WEIR_TRACE_OBSERVATION_H
#define WEIR_TRACE_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/fail.h"
#include "call/call.h"

struct recorded {
	const char *text; /* what the trajectory holds */
	size_t size;
	bool cut;	 /* it holds more than this */
	bool has_status; /* stated outside the text */
	int status;
	bool numbered;	  /* lines of a file, with or without their numbers */
	bool status_only; /* the text is the harness's own and is not compared */
};

struct replayed {
	const char *text;
	size_t size;
	bool cut; /* it printed more than this */
	int status;
	enum call_ending ending;
};

/* True where they contradict each other; then one line into `difference`, which is initialised. */
bool observation_differs(const struct recorded *was, const struct replayed *is,
			 struct buf *difference);

/* For tests: the text without its wrapping, and the status found in it (*ret_has). */
void observation_unwrap(const char *text, size_t size, struct buf *out, bool *ret_has,
			int *ret_status);
/* For tests: one text in comparable form. */
void observation_normalise(const char *text, size_t size, struct buf *out);

#endif
