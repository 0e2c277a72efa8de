/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of carried sockets: starts weir-gate before the run and hands it the listening
 * sockets once the sandbox stands. */
#ifndef WEIR_CMD_CARRY_H
#define WEIR_CMD_CARRY_H

#include <sys/types.h>

#include "call/channel.h"
#include "call/client.h"
#include "policy/policy.h"

/* Zeroed: the policy carries nothing. */
struct carry_gate {
	pid_t pid;
	struct channel channel;
};

/* client_open() with a gate for what the policy carries: it knows every destination before the run
 * begins. Both are the caller's on success. */
int carry_client_open(const struct run_request *request, struct carry_gate *ret_gate,
		      struct client **ret, struct fail *f);
/* Cuts what is still connected; the gate says on standard error what it could not reach. */
void carry_gate_stop(struct carry_gate *g);

#endif
