/* SPDX-License-Identifier: Apache-2.0 */
/* The first notifications of a call's seccomp listener: those of its own process on the way to
 * exec, which nobody else can answer yet. */
#ifndef WEIR_SANDBOX_LISTENER_H
#define WEIR_SANDBOX_LISTENER_H

void listener_continue(int listener);

#endif
