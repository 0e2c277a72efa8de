/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder gives up: it keeps write access to the store and the descriptors it is given,
 * and nothing else. */
#ifndef WEIR_RECORDER_CONFINE_H
#define WEIR_RECORDER_CONFINE_H

#include "base/fail.h"

/* At the start: capabilities and new privileges. */
int confine_privileges(struct fail *f);
/* Once the store is open: no file outside it, no socket, no program. store: its directory. Where
 * the kernel has no Landlock the rest still holds. */
int confine_to_store(int store, struct fail *f);

#endif
