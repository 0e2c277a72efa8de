/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run's flows went: one line a destination, and what each call sent and received. */
#ifndef WEIR_REPORT_FLOWS_H
#define WEIR_REPORT_FLOWS_H

#include "base/json.h"
#include "bpf/event_decode.h"
#include "report/page.h"
#include "report/report.h"

struct flow_walk;

/* The walk fills what the report says of flows and of what calls did; its room is released by
 * report_free(). 0 or -ENOMEM. */
int flow_walk_new(struct report *r, struct flow_walk **ret);
/* d: of the event's call. */
int flow_walk_event(struct flow_walk *w, const struct event_view *e, struct doing *d);
void flow_walk_end(struct flow_walk *w); /* accepts NULL */

/* The section of the text; nothing where there was no flow. */
void network_text(const struct report *r, struct page *p);
/* The member "network": at most so many destinations. */
void network_json(const struct report *r, size_t most, struct json *j);
void network_free(struct report_network *n);

#endif
