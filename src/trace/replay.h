/* SPDX-License-Identifier: Apache-2.0 */
/* Executes a trajectory's tool calls in a run that stands (call/client.h): steps one after another,
 * the calls of one step side by side. Every call becomes a call of the run, the ones that cannot be
 * executed too. One replay, one thread. */
#ifndef WEIR_TRACE_REPLAY_H
#define WEIR_TRACE_REPLAY_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "call/client.h"
#include "trace/atif.h"

#define REPLAY_TEXT_MAX 512
#define REPLAY_TOOL "/run/weir/tool" /* libexec/weir-tool, as the sandbox shows it */

/* A call, when its first process has ended or it was not executed. Borrowed during the callback. */
struct replay_result {
	const struct trajectory_call *call;
	uint32_t n; /* its number in the run */
	bool again; /* the call was told before; its survivors have printed since */
	bool executed;
	bool harmless;		      /* not executed, and nothing is missing for it */
	char reason[REPLAY_TEXT_MAX]; /* why not executed, or "" */
	int exit_code;
	enum call_ending ending;
	uint64_t duration_ns;
	uint32_t survivors;
	const char *output; /* what was kept of it */
	size_t output_size;
	uint64_t output_total;
	bool differs;
	char difference[REPLAY_TEXT_MAX];
	char note[REPLAY_TEXT_MAX]; /* e.g. that the shell's state was not carried on; or "" */
};

struct replay_options {
	struct client *client;
	const struct trajectory *trajectory;
	const struct policy *policy;
	const char *tool;		   /* weir-tool's path inside; NULL: REPLAY_TOOL */
	const volatile sig_atomic_t *stop; /* set: no further call begins, the replay ends */
	const sigset_t
		*waiting; /* the signal mask while waiting, so that `stop` is seen; or NULL */
	/* When a call begins; or NULL. */
	void (*on_begin)(void *context, uint32_t n, const struct trajectory_call *call);
	/* When a call ended, and once more when its survivors printed something afterwards. */
	void (*on_call)(void *context, const struct replay_result *result);
	void (*on_event)(void *context, const struct client_event *event); /* not exit and gone */
	void (*on_notice)(void *context,
			  const char *text); /* what the user should know of the replay */
	void *context;
};

struct replay_outcome {
	uint32_t calls, executed, failed; /* failed: could not be executed and should have been */
	uint32_t differing;
	char over[REPLAY_TEXT_MAX]; /* why the run ended before the trajectory did, or "" */
};

/* 0: the trajectory was gone through, whatever its calls did. -EINTR: stopped. -EPIPE and others:
 * the run failed. *ret is filled in either way. */
int replay_run(const struct replay_options *options, struct replay_outcome *ret, struct fail *f);

#endif
