/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor for hosts without BPF: a call's own seccomp listener. It is told of the system calls
 * of tables/notify.tbl before they run, and makes events of them that are marked EVENT_CLAIMED
 * (what pointers point to may change afterwards) and EVENT_NO_CGROUP. It sees attempts: no results,
 * no forks, no exits, no files. */
#ifndef WEIR_SENSOR_NOTIFY_H
#define WEIR_SENSOR_NOTIFY_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/state.h"

struct notify;

/* Whether the kernel has seccomp listeners whose calls can be continued (Linux 5.5). */
void notify_probe(struct state_line *line);

/* listener: as it came from the sandbox, made non-blocking here; owned from success on. run, call:
 * whose events these are; label: what all its processes carry. 0 or -errno. */
int notify_open(int listener, uint64_t run, uint32_t call, uint32_t label, struct notify **ret);
/* The call's first program has been executed before anybody listened: an exec event from what /proc
 * says of the process now, or where it has ended already, from what was asked for; given to
 * on_event, whose value is returned. */
int notify_first(struct notify *n, pid_t pid, char *const asked[],
		 int (*on_event)(void *context, const void *data, size_t size), void *context);
/* One that was read before the listener was opened here: its event, and its answer, as of
 * notify_drain(). */
int notify_resume(struct notify *n, const struct seccomp_notif *asked,
		  int (*on_event)(void *context, const void *data, size_t size), void *context);
int notify_fd(const struct notify *n); /* readable while a process waits for its answer */
/* Answers at most `max` waiting calls and gives the events (struct event_*, aligned, as from a
 * ring) to on_event. Where that returns an errno value above 0, the system call fails with it and
 * is not carried out. Returns how many were answered; 0 when nobody waits; -EPIPE when nobody is
 * left who could ask. Every caller is answered even when on_event fails; its first negative value
 * is returned. */
int notify_drain(struct notify *n, size_t max,
		 int (*on_event)(void *context, const void *data, size_t size), void *context);
void notify_close(struct notify *n); /* accepts NULL */

#endif
