/* SPDX-License-Identifier: Apache-2.0 */
/* The living processes of one run as the events tell them, bounded. A process is its host pid and
 * start time. A child shows its parent's program until it executes its own. */
#ifndef WEIR_DETECT_PROCESS_H
#define WEIR_DETECT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event_decode.h"

#define PROCESSES_MAX 8192   /* living at once, of one run */
#define PROCESS_ARGV_MAX 256 /* bytes of argv kept */

struct process {
	struct process *next; /* of the same hash slot */
	uint32_t pid, pid_inside;
	uint64_t start_ns;
	uint32_t call; /* where it was when it was last heard of (a session's shell moves) */
	char *exe;     /* owned; NULL before any exec was seen */
	char *argv;    /* owned; NUL-separated */
	size_t argv_size;
	uint64_t exec_seq;   /* the exec event, 0 none */
	uint32_t exec_call;  /* the call in which that exec was */
	uint32_t label;	     /* what it carries from other calls; see call/lineage.h */
	uint32_t exec_flags; /* enum exec_flag */
	bool terminal;	     /* its standard input was one when it was executed */
	bool end_unseen;     /* its sensor sees no exits: it may be long gone */
};

struct processes;

int processes_new(struct processes **ret); /* 0 or -ENOMEM */
void processes_free(struct processes *t);  /* accepts NULL */
/* What an event says about who lives: called before the detectors see it. Takes FORK and every
 * other event's own process; EXEC, EXIT and COUNT are applied by processes_after(), so that
 * detectors see the process as it was. */
void processes_before(struct processes *t, const struct event_view *e);
void processes_after(struct processes *t, const struct event_view *e);
const struct process *processes_find(const struct processes *t, uint32_t pid, uint64_t start_ns);
/* Also one of those that ended last: what the gate tells of a flow may come after its process. */
const struct process *processes_recall(const struct processes *t, uint32_t pid, uint64_t start_ns);
/* By the number that processes inside the sandbox see, or NULL. */
const struct process *processes_find_inside(const struct processes *t, uint32_t pid_inside);
const struct process *processes_find_pid(const struct processes *t, uint32_t pid);
/* Calls on_process for each living process of a call, in no order. */
void processes_of_call(const struct processes *t, uint32_t call,
		       void (*on_process)(void *context, const struct process *p), void *context);
size_t processes_count(const struct processes *t);

#endif
