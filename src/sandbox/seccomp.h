/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filter, as a classic BPF program in memory. Written by hand rather than with
 * libseccomp: its tables end where the library does (an unknown call must be ENOSYS, a known but
 * newer one allowed), and a search tree of number ranges is half the size. */
#ifndef WEIR_SANDBOX_SECCOMP_H
#define WEIR_SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>

/* Fill `ret`, which holds `room` instructions; return how many, or -ENOBUFS. */
int seccomp_program(struct sock_filter *ret, uint32_t room);
/* The calls that a listener is told of, where there is no BPF: executions, sockets, changes of ids.
 */
int seccomp_listener(struct sock_filter *ret, uint32_t room);

#endif
