/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors read the events of one run, in order, and return findings. One const struct per file,
 * all in detectors[] (detect.c). They run in the recorder, are plain code over bounded state, and
 * never block. */
#ifndef WEIR_DETECT_DETECTOR_H
#define WEIR_DETECT_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event_decode.h"
#include "call/call.h"
#include "detect/finding.h"
#include "policy/policy.h"

struct detection; /* the engine's state for one run */

struct detector {
	const char *name;
	const char *about;
	uint32_t wants;					     /* bits 1 << enum event_kind */
	int (*start)(struct detection *d, void **ret_state); /* or NULL */
	void (*on_event)(struct detection *d, void *state, const struct event_view *e);
	void (*on_call_exit)(struct detection *d, void *state, const struct call_announce *call,
			     const struct call_exit *x);
	void (*on_observation)(struct detection *d, void *state, const struct call_announce *call,
			       const struct call_observation *o);
	void (*finish)(struct detection *d, void *state); /* releases the state */
};

extern const struct detector *const detectors[];

/* For detectors. */
const struct policy *detection_policy(const struct detection *d);
/* The program that a process (host pid, start time) runs, as its last exec said, or NULL. */
const char *detection_exe(const struct detection *d, uint32_t pid, uint64_t start_ns);
/* Reports. Findings that say the same of the same call (detector, severity, key) are one finding
 * with a growing count: key is any number that tells two facts apart. */
void detection_report(struct detection *d, const struct finding *finding, uint64_t key);

/* For the recorder. on_finding is called when a finding is new and again when it has grown (same
 * number); the pointer is valid during the call. */
int detection_open(const struct policy *p,
		   void (*on_finding)(void *context, const struct finding *finding), void *context,
		   struct detection **ret);
void detection_call(struct detection *d, const struct call_announce *call);
void detection_event(struct detection *d, const struct event_view *e);
void detection_call_exit(struct detection *d, const struct call_exit *x, uint64_t seq);
void detection_observation(struct detection *d, const struct call_observation *o, uint64_t seq);
void detection_close(struct detection *d); /* last findings come out here; accepts NULL */

#endif
