/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the sensors of a call before its first process exists. Needs only the descriptor of the
 * program ("prog.hand" of sensors_fds()), so a keeper can do it without what loaded it. */
#ifndef WEIR_SENSOR_HAND_H
#define WEIR_SENSOR_HAND_H

#include "bpf/shared.h"

#define HAND_PROGRAM "prog.hand"

/* 0, or -errno: -ENOENT where the sensors know no such call. */
int hand_tell(int program, const struct hand *hand);

#define HAND_CALLS "map.calls"
/* The label of a living call's first process when that ended; LABEL_NONE where none is known. */
__u32 hand_left(int calls, __u64 cgroup);

#endif
