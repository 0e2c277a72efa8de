/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate gives up before it reads the first byte that an agent wrote. */
#ifndef WEIR_GATE_CONFINE_H
#define WEIR_GATE_CONFINE_H

#include <stdbool.h>

#include "base/fail.h"

/* Enters the network namespace to dial from (-1: stays), and takes as many descriptors as it may
 * have. */
int confine_enter(int netns, struct fail *f);
/* Gives up user, groups and capabilities for good. keep_user: unix sockets of the user's are
 * carried, which nobody else may connect to. Ends with the keeper from here on. */
int confine_privileges(bool keep_user, struct fail *f);
/* Nothing is left but sockets, what is open already, time and memory: no file, no program, no other
 * process. unix_sockets: may be made; owners: a BPF map may be read. */
int confine_to_sockets(bool unix_sockets, bool owners, struct fail *f);

#endif
