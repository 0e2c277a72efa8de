/* SPDX-License-Identifier: Apache-2.0 */
/* The processes behind events, as they were when these were recorded. */
#ifndef WEIR_REPORT_OPENER_H
#define WEIR_REPORT_OPENER_H

#include "store/record.h"

struct opener {
	uint32_t pid;
	char *exe, *argv; /* owned, NULL unknown; argv: NUL-separated */
	size_t argv_size;
	/* the search: which process's exec is looked for, before which event; and its fork */
	uint32_t was_pid, parent_pid;
	uint64_t was_start_ns, parent_start_ns, before_seq, born_seq;
};

void opener_init(struct opener *o, const struct event_header *h, uint64_t seq);
/* Their own last exec before the event, or their parent's; all of one run. */
int openers_find(struct store *s, const char *run_id, struct opener **openers, size_t count,
		 struct fail *f);
void opener_free(struct opener *o);

#endif
