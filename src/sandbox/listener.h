/* SPDX-License-Identifier: Apache-2.0 */
/* The first notifications of a call's seccomp listener, until the launcher has answered: nobody
 * else can answer them yet. */
#ifndef WEIR_SANDBOX_LISTENER_H
#define WEIR_SANDBOX_LISTENER_H

void listener_answer(int listener);

#endif
