/* SPDX-License-Identifier: Apache-2.0 */
/* Living runs by the words with which a person names one. */
#ifndef WEIR_CMD_LIVING_H
#define WEIR_CMD_LIVING_H

#include "base/fail.h"
#include "call/call.h"

/* The living run whose id begins with, or whose name is, the first `size` bytes of `wanted`. -ESRCH
 * and -ENOTUNIQ with a clear text. */
int living_find(const char *store, const char *wanted, size_t size, char ret_id[RUN_ID_SIZE],
		struct fail *f);

#endif
