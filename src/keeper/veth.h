/* SPDX-License-Identifier: Apache-2.0 */
/* A real interface for a sandbox: a pair of them, one end in the sandbox's network, the other in
 * that of the run's client, whose kernel forwards for it and hides its address. Needs root. */
#ifndef WEIR_KEEPER_VETH_H
#define WEIR_KEEPER_VETH_H

#include "base/fail.h"

#define VETH_MAX 256 /* at once in one network */

struct veth;

/* outside, inside: network namespaces; outside -1: ours. The sandbox's routes lead out from here
 * on. -ENOTSUP where the host does not forward, -EBUSY where no pair is left. */
int veth_open(int outside, int inside, struct veth **ret, struct fail *f);
/* Nothing is forwarded any more; accepts NULL. The pair itself goes with the sandbox's network, and
 * all of it by itself where the keeper dies. */
void veth_close(struct veth *v);

#endif
