/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sandbox, found by its pid namespace: for hosts where calls have no cgroups to
 * ask. */
#ifndef WEIR_KEEPER_INSIDE_H
#define WEIR_KEEPER_INSIDE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INSIDE_NAME_MAX 64

/* The name of a process's pid namespace, "" when it cannot be read. An ordinary user can read that
 * of a program that was executed, and not that of init, which has executed none. */
void inside_name(pid_t pid, char name[INSIDE_NAME_MAX]);
/* Living processes of that namespace but init; and SIGKILL to each of them. Return how many. */
uint32_t inside_count(const char *name, pid_t init);
uint32_t inside_kill(const char *name, pid_t init);

/* Processes that are stopped, held so that none of their numbers is used again. */
#define INSIDE_STOPPED_MAX 1024
struct inside_stopped {
	size_t count;
	struct {
		pid_t pid;
		int pidfd; /* owned */
	} of[INSIDE_STOPPED_MAX];
};
/* Stops root and all that descends from it, or with root 0 every process but init, until none is
 * new: who is stopped forks no more. NULL: no memory. */
struct inside_stopped *inside_stop(const char *name, pid_t init, pid_t root);
/* Ends them, and releases the list. Accepts NULL. */
void inside_end(struct inside_stopped *s);

#endif
