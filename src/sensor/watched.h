/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the kernel about a run that watches, by the descriptor of one map ("map.calls" of
 * sensors_fds()), so that a keeper can do it without what loaded it. */
#ifndef WEIR_SENSOR_WATCHED_H
#define WEIR_SENSOR_WATCHED_H

#include <stdint.h>

#define WATCHED_CALLS_MAP "map.calls"

/* Living processes of all calls of the run. */
uint32_t watched_processes(int calls, uint64_t run);

#endif
