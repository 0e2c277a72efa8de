/* SPDX-License-Identifier: Apache-2.0 */
/* The flows that are shown in the end: of all that have ended those with most to say. */
#ifndef WEIR_CAPTURE_ROWS_H
#define WEIR_CAPTURE_ROWS_H

#include "bpf/event_decode.h"
#include "capture/capture.h"

struct rows;

int rows_new(size_t max, struct rows **ret); /* 0 or -errno */
void rows_free(struct rows *r);		     /* accepts NULL */
void rows_add(struct rows *r, const struct event_view *flow);
uint64_t rows_dropped(const struct rows *r);
/* Sorted by start; nothing can be added any more. */
const struct capture_flow *rows_sorted(struct rows *r, size_t *ret_count);

#endif
