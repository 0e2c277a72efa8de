/* SPDX-License-Identifier: Apache-2.0 */
/* Which program a process runs, as the events of a run tell it: a fork inherits, an exec replaces.
 * Shared by the recorder and by whoever reads a record from its beginning. Bounded: at `max`
 * processes the oldest that has ended is forgotten, or, where none has, the oldest. */
#ifndef WEIR_BPF_PROCESS_TABLE_H
#define WEIR_BPF_PROCESS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/event_decode.h"

struct process_table;

int process_table_new(size_t max, struct process_table **ret); /* 0 or -ENOMEM, -EINVAL */
void process_table_free(struct process_table *t);	       /* accepts NULL */
/* Learns from a fork, exec or exit; other kinds are ignored. */
void process_table_event(struct process_table *t, const struct event_view *e);
/* The path of the program, NUL-terminated, or NULL when unknown. Valid until the next event. */
const char *process_table_exe(const struct process_table *t, uint32_t pid, uint64_t start_ns);

#endif
