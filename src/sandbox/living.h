/* SPDX-License-Identifier: Apache-2.0 */
/* A living sandbox as the keeper knows it; shared by sandbox.c and exec.c. */
#ifndef WEIR_SANDBOX_LIVING_H
#define WEIR_SANDBOX_LIVING_H

#include "sandbox/launcher.h"
#include "sandbox/sandbox.h"

struct sandbox {
	struct sandbox_launcher *launcher;
	pid_t init;
	int pidfd;
	struct buf environment;	      /* as the plan's */
	int sockets[MESSAGE_FDS_MAX]; /* for the gate, not yet handed over */
	size_t socket_count;
	pid_t *processes; /* started by sandbox_exec() and perhaps not reaped yet */
	size_t process_count, process_room;
};

/* Waits for the launcher's next word; its error, if it has one, is explained. */
int launcher_wait(struct sandbox_launcher *l, int fds[MESSAGE_FDS_MAX], size_t *ret_count,
		  struct fail *f);

#endif
