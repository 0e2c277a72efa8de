/* SPDX-License-Identifier: Apache-2.0 */
/* Between the keeper (sandbox.c, exec.c) and its launcher (launcher.c): the memory they share and
 * the messages on their socket. The arena is mapped before the fork, so pointers into it hold on
 * both sides; the keeper writes it only while the launcher waits for a message. */
#ifndef WEIR_SANDBOX_LAUNCHER_H
#define WEIR_SANDBOX_LAUNCHER_H

#include "sandbox/controllers.h"
#include "sandbox/identity.h"
#include "sandbox/step.h"

#define EXEC_TEXT_MAX (3 * 1024 * 1024) /* argv, env and their strings; ARG_MAX is 2 MiB */
#define MESSAGE_FDS_MAX 24

struct arena {
	struct outcome outcome;
	volatile pid_t pid; /* of what was cloned last, host numbering; 0 none */
	struct exec_request exec;
	struct told_filters told;
	struct gate_socket sockets[SANDBOX_SOCKETS_MAX]; /* those that came with MESSAGE_DONE */
	struct plan_image image;
	_Alignas(16) char text[EXEC_TEXT_MAX];
};

enum message_kind {
	MESSAGE_READY = 1, /* launcher: what could be prepared is */
	MESSAGE_START,	   /* keeper: build the sandbox. Descriptors: cgroup?, two id maps? */
	MESSAGE_EXEC,	   /* keeper: start a call. Descriptors: cgroup?, then those of the call */
	MESSAGE_SOCKETS,   /* keeper: more sockets for the gate */
	MESSAGE_DONE,	   /* launcher: how it went is in the arena. Descriptors: sockets for
			    * the gate, or the call's terminal? */
	MESSAGE_LISTENER = 'l', /* a call's process: its seccomp listener */
};

struct message {
	uint8_t kind;
	bool has_cgroup, has_map, has_terminal; /* has_map: the workspace's and the system's */
	uint16_t rows, columns;
	struct gate_socket socket; /* MESSAGE_SOCKETS: so many of these */
	uint32_t socket_count;
};

struct sandbox_launcher {
	pid_t pid;
	int socket;
	int alive; /* closes with us: init's and the launcher's sign to end */
	struct arena *arena;
	struct id_range range; /* privileged only */
	int userns;
	int root_map; /* made ahead: a workspace of the host's root, for identity user */
	bool privileged;
	bool ready;
	struct controllers controllers;
	char id[32]; /* names its v1 directories */
	unsigned int made;
};

/* What the launcher is born with; all descriptors it keeps. */
struct launcher_birth {
	struct arena *arena;
	pid_t keeper;
	int socket, alive, userns;
	int procs[CONTROLLER_COUNT];
	uint32_t base;
	char *command_line; /* where the kernel reads ours from */
	size_t command_line_size;
};

/* Never returns. */
void launcher_main(const struct launcher_birth *birth) __attribute__((noreturn));

/* fds: sent or received, at most MESSAGE_FDS_MAX. 0 or -errno; -EPIPE when the other side is gone.
 * Received descriptors are the caller's. */
int message_send(int socket, const struct message *m, const int *fds, size_t count);
int message_receive(int socket, struct message *ret, int fds[MESSAGE_FDS_MAX], size_t *ret_count);

/* The explanation of a.outcome, as fail text. */
int outcome_explain(const struct arena *a, struct fail *f);

#endif
