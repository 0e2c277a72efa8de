/* SPDX-License-Identifier: Apache-2.0 */
/* Where the run's carried sockets (network.carry) lead. */
#ifndef WEIR_GATE_CARRY_H
#define WEIR_GATE_CARRY_H

#include "gate/dial.h"
#include "gate/gate.h"
#include "policy/carry.h"

struct carry_to {
	char *text;	/* owned */
	const char *to; /* in text: what is behind PORT= */
	uint16_t port;	/* inside */
	size_t count;	/* of addresses; 0: it leads nowhere */
	struct dial_address list[DIAL_MAX];
	uint64_t connections, failed; /* failed: no address could be reached */
	int error;		      /* of the last that failed */
};

/* By its place in network.carry; NULL where there is none. */
struct carry_to *carry_to(const struct gate *g, uint32_t at);
/* Tells the user, by the keeper, which connections did not reach their destination. */
void carry_close(struct gate *g);

#endif
