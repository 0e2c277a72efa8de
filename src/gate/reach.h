/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses outside the gate may reach, whatever led to them: a name's answer, or an address
 * that was asked for. */
#ifndef WEIR_GATE_REACH_H
#define WEIR_GATE_REACH_H

#include "gate/gate.h"

int reach_open(struct gate *g); /* in the network namespace to dial from; 0 or -errno */
/* NULL, or why not, in a few static words. What stands for a name is never reached; what is special
 * (private, metadata, …) or an address of this host is where a rule allows it by address. */
const char *reach_refused(struct gate *g, const struct egress_address *a, uint16_t port,
			  uint8_t transport);

#endif
