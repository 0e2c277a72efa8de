/* SPDX-License-Identifier: Apache-2.0 */
/* The first notifications of a call's seccomp listener, until the launcher has answered: nobody
 * else can answer them yet. But what the program asks meanwhile is not ours to decide. */
#ifndef WEIR_SANDBOX_LISTENER_H
#define WEIR_SANDBOX_LISTENER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

/* Answers the one that waits where it comes from the newborn process on its way to its first exec.
 * Else it is left to wait, in *ret_early, for the listener's reader: true. */
bool listener_answer(int listener, pid_t newborn, struct seccomp_notif *ret_early);
/* Answers one as the listener's reader would: by tables/notify.tbl. */
void listener_reply(int listener, const struct seccomp_notif *asked);

#endif
