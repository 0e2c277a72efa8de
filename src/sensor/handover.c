// SPDX-License-Identifier: Apache-2.0
/* Hand-overs that no hook sees, told by the keeper; see bpf/hand.bpf.c. */
#include "sensor/program.h"

extern const struct sensor sensor_handover;
const struct sensor sensor_handover = {
	.name = "handover",
	.without = "a call is not tied to those whose shell state it began with",
	.needs = { { .name = "weir_hand", .kind = PROGRAM_ASKED } },
};
