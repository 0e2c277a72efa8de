/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a run that watches (weir attach): nobody announces them, the kernel's events are all
 * there is. From them come the frames that a keeper writes elsewhere: the call began, its first
 * process ended, its last has gone. What was written is seen as it goes by, so that a recorder that
 * takes over writes what is missing and nothing twice. */
#ifndef WEIR_RECORDER_ENTERED_H
#define WEIR_RECORDER_ENTERED_H

#include <stdint.h>

#include "bpf/event_decode.h"
#include "recorder/recording.h"

void entered_event(struct recording *r, const struct event_view *e, uint64_t wall_ns);
void entered_frame(struct recording *r, const struct frame_body *body);
void entered_tick(struct recording *r, uint64_t mono_ns);
/* The run is over: what lives is no longer watched. */
void entered_finish(struct recording *r, uint64_t wall_ns);
void entered_free(struct entered *e); /* accepts NULL */

#endif
