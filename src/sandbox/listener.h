/* SPDX-License-Identifier: Apache-2.0 */
/* The first notifications of a call's seccomp listener, until the launcher has answered: nobody
 * else can answer them yet. But what an agent starts meanwhile is not ours to decide. */
#ifndef WEIR_SANDBOX_LISTENER_H
#define WEIR_SANDBOX_LISTENER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

/* Answers the one that waits; but where it comes from another process than `only` (0: any), it is
 * left to wait, in *ret_early, for the listener's reader: true. */
bool listener_answer(int listener, pid_t only, struct seccomp_notif *ret_early);

#endif
