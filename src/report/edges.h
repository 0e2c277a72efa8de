/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls stand behind which, gathered while a report walks over a run's events. */
#ifndef WEIR_REPORT_EDGES_H
#define WEIR_REPORT_EDGES_H

#include "bpf/edge.h"
#include "report/report.h"

#define REPORT_EDGES_MAX (1 << 17) /* kept; further ones are counted */

struct edge_walk;

/* r is borrowed until edge_walk_end(). 0 or -ENOMEM. */
int edge_walk_new(struct report *r, struct edge_walk **ret);
/* Every event of the run, in order. 0 or -ENOMEM. */
int edge_walk_event(struct edge_walk *w, const struct event_view *e, uint64_t wall_ns);
/* Puts the report's edges in order and releases w. Accepts NULL. */
int edge_walk_end(struct edge_walk *w);

#endif
