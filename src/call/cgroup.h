/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup v2 directories that are runs and calls: <mount>/weir/RUN/CALL. A directory is held as
 * an open descriptor, so its path is looked up once. */
#ifndef WEIR_CALL_CGROUP_H
#define WEIR_CALL_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"
#include "call/call.h"

/* Finds the cgroup v2 mount, makes and opens weir's own directory there. A descriptor or -errno,
 * with the reason in f: no v2 tree, or not ours to change. */
int cgroup_root_open(struct fail *f);
/* Makes parent/name and opens it. A descriptor or -errno. */
int cgroup_make(int parent, const char *name);
uint64_t cgroup_id(int cgroup); /* the id the kernel knows it by; 0 on failure */

/* The cgroup v2 directory in which a process is, opened, or -errno. */
int cgroup_of(pid_t pid);
/* Is it the cgroup `id`, or one below it, as far up as our view of the tree goes? */
bool cgroup_is_below(int cgroup, uint64_t id);
/* Whether it still is there: a removed one can be held, but has no files any more. */
bool cgroup_exists(int cgroup);

/* cgroup.events of a cgroup, for epoll (EPOLLPRI): tells when the last process has gone, up to 10
 * ms late (CGROUP_FILE_NOTIFY_MIN_INTV). */
int cgroup_events_open(int cgroup);
bool cgroup_populated(int events); /* also arms the next notification */
uint32_t cgroup_count(int cgroup); /* living processes, zombies not counted */
int cgroup_kill(int cgroup);	   /* SIGKILL to every process, forks in flight included */
/* Nothing in it runs any more; the kill that follows reaches it all the same. 0, -errno, -ETIMEDOUT
 * where something does not stop in that time. */
int cgroup_freeze(int cgroup, int wait_ms);
int cgroup_move(int cgroup, pid_t pid);
/* The call of this run in whose cgroup the process is, or -1: in none. */
int64_t cgroup_call_of(pid_t pid, const char *run);
uint64_t cgroup_cpu_usec(int cgroup); /* processor time so far */
/* Time so far that the living threads waited for a processor, each for itself: less where some have
 * ended, 0 where it is not counted. */
uint64_t cgroup_waited_usec(int cgroup);
/* Adds what the kernel counted for this cgroup; what it does not count stays as it is. */
void cgroup_resources(int cgroup, struct resources *r);

int cgroup_remove(int parent, const char *name); /* an empty one; 0, -ENOENT, -EBUSY … */
/* Ends whatever lives in parent/run and removes it with all its calls. 0, or -errno after
 * `wait_ms`. */
int cgroup_sweep(int parent, const char *run, int wait_ms);

#endif
