/* SPDX-License-Identifier: Apache-2.0 */
/* How a finding came about: the hand-overs that lead from the call that did it back to the calls
 * that stand behind it, and for each the event by which the other call had left what was taken. */
#ifndef WEIR_REPORT_STORY_H
#define WEIR_REPORT_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "bpf/edge.h"
#include "detect/finding.h"
#include "store/record.h"

#define STORY_STEPS_MAX 200 /* told; the nearest, further ones are counted */

/* One handover. What was taken over before it lies further back in two ways: by the process
 * itself, and by whoever left what it took. */
struct story_step {
	uint64_t seq;
	uint32_t call; /* that took it */
	uint32_t from; /* that had left it, or EVENT_NO_CALL */
	enum edge_kind kind;
	uint64_t inode, device; /* of the file, 0 where it is none */
	/* The last events in which `from` had written the file and had done something else to it,
	 * such as to rename it; 0 unknown. */
	uint64_t wrote, changed;
	size_t before; /* index + 1 of the step before it of the same process, 0 none */
	size_t with;   /* index + 1 of the step that came along, 0 none */
	bool lost;     /* a step before it, or with it, is not in the record */
};

/* A call of the story. Owned, escaped. */
struct story_call {
	uint32_t n;
	char *function, *command; /* NULL: not in the record */
	uint64_t started_ns;
};

struct story {
	size_t count;
	struct story_step *steps; /* the nearest first */
	size_t root_count;
	size_t roots[STORY_STEPS_MAX]; /* where the story begins: indices */
	uint64_t more;		       /* steps that are not told */
	size_t call_count;
	struct story_call *calls; /* the finding's, then those of the steps */
	bool lost; /* the finding's own events carry a label that is not in the record */
};

/* Reads the run's record once. 0 or -errno; what of the record cannot be read is left out. */
int story_load(struct store *s, const char *run_id, const struct finding *finding,
	       struct story *ret, struct fail *f);
const struct story_call *story_call(const struct story *s, uint32_t n); /* or NULL */
void story_free(struct story *s);

#endif
