/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of a seccomp listener: a process of the sandbox waits in a system call until it is
 * answered. Number, arguments and thread come from the kernel; what pointers point to is the
 * process's own. */
#ifndef WEIR_SENSOR_QUESTION_H
#define WEIR_SENSOR_QUESTION_H

#include <linux/seccomp.h>
#include <stdbool.h>

struct question {
	int fd;			     /* owned; readable while a process waits */
	struct seccomp_notif *asked; /* the one that was read last */
	struct seccomp_notif_resp *answer;
	struct seccomp_notif_sizes sizes;
};

/* Takes over the listener on success, and makes it non-blocking. 0 or -errno. */
int question_open(struct question *q, int listener);
void question_close(struct question *q); /* accepts a zeroed one */
/* Takes up one that was read before the listener was opened here. */
void question_resume(struct question *q, const struct seccomp_notif *asked);
/* 1 when a question was read, 0 when none waits, -EPIPE when none will ever come. */
int question_read(struct question *q);
/* Whether the process still waits. If not, its pid may be another's by now: then nothing that was
 * looked up by it holds. */
bool question_valid(const struct question *q);
/* Lets the system call run (0) or fails it (errno value). Whoever was killed while he waited needs
 * no answer any more. */
void question_answer(struct question *q, int error);

#endif
