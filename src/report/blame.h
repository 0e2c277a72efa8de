/* SPDX-License-Identifier: Apache-2.0 */
/* Who wrote a file of a run: every change to it in order, under all the names it had. */
#ifndef WEIR_REPORT_BLAME_H
#define WEIR_REPORT_BLAME_H

#include "bpf/edge.h"
#include "report/page.h"
#include "report/report.h"

#define BLAME_LINES_MAX 10000 /* kept; further ones are counted */
#define BLAME_VIA_MAX 8	      /* of one line */
#define BLAME_LOSERS_MAX 64

/* One change, or several in a row that are the same. */
struct blame_line {
	uint64_t seq, wall_ns; /* of the first of them */
	uint32_t call;	       /* EVENT_NO_CALL: not known; only of a gap */
	int op;		       /* enum file_op, or BLAME_GAP */
	bool replaced;	       /* nothing of it is in the file any more */
	bool idle;	       /* a directory's move, by which nothing known came */
	uint64_t count, bytes;
	uint32_t pid;
	char *path, *target; /* as they were then; bytes of the agent */
	char *exe;	     /* or NULL */
	unsigned name;	     /* which name's file it is, see names.h */
	size_t via_count, via_more;
	struct edge via[BLAME_VIA_MAX];
	char *via_path[BLAME_VIA_MAX]; /* what was taken, or NULL */
};

/* The file was changed by this call, as a later event says, and the change is not in the record. */
#define BLAME_GAP (-1)

enum blame_now { BLAME_UNTOUCHED, BLAME_THERE, BLAME_GONE };

struct blame {
	struct run_info run;
	char *path; /* inside */
	size_t line_count;
	struct blame_line *lines;
	uint64_t more; /* lines that are not kept */
	enum blame_now now;
	size_t loser_count; /* calls whose file events were lost in part */
	struct blame_loser {
		uint32_t call;
		uint64_t lost;
	} losers[BLAME_LOSERS_MAX];
	uint64_t losers_more;
	char *damage; /* why the record could not be read to its end, or NULL */
};

/* spec as in store_run_find(). path: as seen inside; or a host path of the run's workspace; or
 * relative, to cwd where that is in the workspace, else to the workspace. */
int blame_load(struct store *s, const char *spec, const char *path, const char *cwd,
	       struct blame *ret, struct fail *f);
void blame_free(struct blame *b);
int blame_text(const struct blame *b, const struct text_style *style, FILE *out, struct fail *f);
int blame_json(const struct blame *b, FILE *out, struct fail *f);

#define cleanup_blame __attribute__((__cleanup__(blame_free)))

#endif
