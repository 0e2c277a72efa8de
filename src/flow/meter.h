/* SPDX-License-Identifier: Apache-2.0 */
/* What passed a flow and who led it. A side speaks when the gate finds bytes of it. It has led
 * after a gap when, for at least that long before, neither side had spoken and no bytes were on
 * their way; a flow begins as if something had just been said. Bytes are on their way from when
 * they were found until the other side has taken them: a slow reader, or a slow dial, makes no gap.
 * A gap of 5 s is also one of 1 and of 0.3 s. */
#ifndef WEIR_FLOW_METER_H
#define WEIR_FLOW_METER_H

#include <stdint.h>

#include "bpf/event.h"

enum meter_side { INSIDE, OUTSIDE };

struct meter {
	uint64_t last_ns;  /* monotonic: when something was last said or on its way */
	uint64_t bytes[2]; /* by who said them; what the other side has taken */
	uint32_t led[2][FLOW_GAPS];
};

/* How many of the gaps a silence of that length is: 0 to FLOW_GAPS, the shortest first. */
unsigned meter_gaps(uint64_t idle_ns);

void meter_start(struct meter *m, uint64_t now_ns);
void meter_spoke(struct meter *m, enum meter_side side, uint64_t now_ns);
/* Something was on its way until now. */
void meter_moved(struct meter *m, uint64_t now_ns);
/* TCP segments of a connected socket so far, all of them: with and without payload. Both 0 for
 * other sockets. */
void meter_segments(int fd, uint64_t *ret_sent, uint64_t *ret_received);

#endif
