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

/* Returns once every destination is known; nothing is started where the policy carries nothing. */
int carry_gate_start(const struct policy *p, struct carry_gate *ret, struct fail *f);
int carry_gate_serve(struct carry_gate *g, struct client *c, struct fail *f);
/* Cuts what is still connected; the gate says on standard error what it could not reach. */
void carry_gate_stop(struct carry_gate *g);

#endif
