/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filter, as a classic BPF program in memory. Written by hand rather than with
 * libseccomp: its tables end where the library does (an unknown call must be ENOSYS, a known but
 * newer one allowed), and a search tree of number ranges is half the size. */
#ifndef WEIR_SANDBOX_SECCOMP_H
#define WEIR_SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandbox/sandbox.h"

/* Fill `ret`, which holds `room` instructions; return how many, or -ENOBUFS. */
int seccomp_program(struct sock_filter *ret, uint32_t room);
/* For processes with a listener: the filter that tells it, and the filter proper without those rows
 * that the listener itself refuses, which would be refused unseen otherwise. */
int seccomp_listener(enum sandbox_told told, struct sock_filter *ret, uint32_t room);
int seccomp_program_told(enum sandbox_told told, struct sock_filter *ret, uint32_t room);
/* What a listener answers to this call: EPERM, or let it run. */
bool seccomp_listener_refuses(int number);

#endif
