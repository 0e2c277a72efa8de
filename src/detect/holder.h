/* SPDX-License-Identifier: Apache-2.0 */
/* Without BPF nobody tells what a process passes on (EVENT_RELAY). What is left to be seen there:
 * whoever gives a program its input takes its output too, over pipes, and has opened a connection
 * that leads out. Less than a relay: no byte is known to have gone that way. */
#ifndef WEIR_DETECT_HOLDER_H
#define WEIR_DETECT_HOLDER_H

#include "detect/detection.h"

/* The program that stands between p and the outside, where p was told by a listener, and in
 * *ret_flow the youngest connection out that its process opened and that lives; or NULL. */
const struct program *holder_of(struct detection *d, const struct program *p,
				const struct flow_seen **ret_flow);
/* Calls on_program, as long as it returns true, for each program that whoever opened the flow may
 * so stand before. */
void holder_programs(struct detection *d, const struct flow_seen *flow,
		     bool (*on_program)(void *context, const struct program *p), void *context);

#endif
