/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sandbox, found by its pid namespace: for hosts where calls have no cgroups to
 * ask. */
#ifndef WEIR_KEEPER_INSIDE_H
#define WEIR_KEEPER_INSIDE_H

#include <stdint.h>
#include <sys/types.h>

#define INSIDE_NAME_MAX 64

/* The name of a process's pid namespace, "" when it cannot be read. An ordinary user can read that
 * of a program that was executed, and not that of init, which has executed none. */
void inside_name(pid_t pid, char name[INSIDE_NAME_MAX]);
/* Living processes of that namespace but init; and SIGKILL to each of them. Return how many. */
uint32_t inside_count(const char *name, pid_t init);
uint32_t inside_kill(const char *name, pid_t init);

#endif
