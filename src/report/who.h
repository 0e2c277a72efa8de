/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a line of somebody else's log: which flow of which run it was, and who opened it.
 * Over all runs of a store, living ones too. */
#ifndef WEIR_REPORT_WHO_H
#define WEIR_REPORT_WHO_H

#include "report/opener.h"
#include "report/report.h"
#include "store/flows.h"

#define WHO_SHOWN_MAX 16    /* candidates that are told; further ones are counted */
#define WHO_FINDINGS_MAX 16 /* of a candidate's call */

struct who_question {
	uint8_t dst[16], src[16]; /* network order, IPv4-mapped; src where has_src */
	bool has_src;
	uint16_t port, sport;	      /* 0: not known */
	uint8_t transport;	      /* IPPROTO_*, 0: not known */
	uint64_t at_ns, precision_ns; /* it was seen in [at, at + precision) */
	uint64_t within_ns;	      /* by a clock that is at most so wrong */
};

enum who_answer_kind { WHO_NONE, WHO_WINDOW, WHO_EXACT };

/* A flow; or a question of the sandbox's, where the line is the gate's own to its resolver. */
struct who_flow {
	struct flow_row row;
	uint64_t off_ns;  /* how far from the flow's life the time lies */
	uint64_t near_ns; /* and from its beginning */
	struct run_info run;
	void *data; /* of frame; owned */
	struct frame frame;
	struct opener opener;
	char *function_name, *arguments; /* of the call; owned */
	size_t finding_count;
	struct finding *findings; /* blamed on the call */
};

struct who_answer {
	enum who_answer_kind kind;
	const char *reason; /* why it is no more than that; NULL where it is exact */
	bool reversed;	    /* the line is an answer: its source is the flow's destination */
	size_t count;
	struct who_flow flows[WHO_SHOWN_MAX]; /* the likeliest first */
	uint64_t more;
};

int who_ask(struct store *s, const struct who_question *q, struct who_answer *ret, struct fail *f);
void who_free(struct who_answer *a);
/* One more candidate, if it is likely enough: takes over what new owns. */
void who_keep(struct who_answer *a, const struct who_question *q, struct who_flow *new);
/* who_resolver.c: the questions by which a gate may have asked this resolver at that time. */
int who_asked_resolver(struct store *s, const struct who_question *q, struct who_answer *ret,
		       struct fail *f);
int who_text(const struct who_question *q, const struct who_answer *a,
	     const struct text_style *style, FILE *out, struct fail *f);
int who_json(const struct who_question *q, const struct who_answer *a, FILE *out, struct fail *f);

#define cleanup_who __attribute__((__cleanup__(who_free)))

#endif
