/* SPDX-License-Identifier: Apache-2.0 */
/* When a call did something: its events counted in equal stretches of time, from its first event to
 * its last. A second count holds those that the kernel refused. One walk over the record; the
 * memory depends on the number of calls and never on that of the events: where a call goes on
 * beyond its last stretch, two become one. */
#ifndef WEIR_REPORT_DENSITY_H
#define WEIR_REPORT_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "report/report.h"

#define DENSITY_BINS_MIN 64 /* of a call */
#define DENSITY_BINS_MAX 1024

enum density_what { DENSITY_ALL, DENSITY_REFUSED, DENSITY_COUNT };

struct density_call {
	uint64_t from_ns; /* wall time of the first stretch; 0: no event */
	uint8_t shift;	  /* each is 1 << shift nanoseconds */
	uint64_t *bins[DENSITY_COUNT];
};

struct density {
	const struct report *report;
	const struct report_bounds *bounds;
	uint64_t until_ns; /* of the last frame */
	size_t bins;	   /* stretches of a call */
	size_t call_count;
	struct density_call *calls; /* by number; those beyond, and those left out, have no event */
};

/* 0 or -ENOMEM. A record that is damaged is counted as far as it can be read. */
int density_load(const struct report *r, const struct report_bounds *bounds, struct density *ret,
		 struct fail *f);
void density_free(struct density *d);

#define cleanup_density __attribute__((__cleanup__(density_free)))

#endif
