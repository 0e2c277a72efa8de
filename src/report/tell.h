/* SPDX-License-Identifier: Apache-2.0 */
/* The story of a finding (report/story.h) in sentences, and as a graph. The report was loaded for
 * this finding, so the events of the story are in words. */
#ifndef WEIR_REPORT_TELL_H
#define WEIR_REPORT_TELL_H

#include "base/json.h"
#include "report/page.h"
#include "report/report.h"

/* A paragraph a step. Nothing where no other call stands behind the finding. */
void story_text(const struct report *r, struct page *p);
/* The member "graph": nodes and edges, each edge from the cause to the effect. */
void story_json(const struct report *r, const struct finding *finding, struct json *j);

#endif
