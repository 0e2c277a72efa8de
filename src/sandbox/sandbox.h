/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox: planned from a policy, started by the keeper, entered by every call.
 *
 * Plan -> start -> exec* -> stop. The plan is a list of typed steps made where it is safe to think
 * (allocation, path look-ups, error text); the child that carries it out makes only system calls on
 * that memory. An error inside comes back as step, path and errno, and is told once by the caller.
 */
#ifndef WEIR_SANDBOX_SANDBOX_H
#define WEIR_SANDBOX_SANDBOX_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/fail.h"
#include "policy/carry.h"
#include "policy/gate_socket.h"
#include "policy/policy.h"
#include "policy/state.h"

struct sandbox_plan;
struct sandbox;

#define SANDBOX_SOCKETS_MAX (CARRY_MAX + 6) /* for the gate, of one run at its beginning */

/* Every barrier there is, one const struct per file of src/sandbox/, listed in barriers[]
 * (barrier.h). */

/* Plans the sandbox for this policy and the caller's own privileges. The result is printable
 * without starting anything. -ENOTSUP when the policy asks for a barrier this host cannot enforce
 * and does not name it under degrade. */
int sandbox_plan_make(const struct policy *p, struct sandbox_plan **ret, struct fail *f);
void sandbox_plan_print(const struct sandbox_plan *plan, struct buf *out); /* one step a line */
const struct state_line *sandbox_plan_states(const struct sandbox_plan *plan, size_t *ret_count);
void sandbox_plan_free(struct sandbox_plan *plan);

/* What `weir doctor` shows: each barrier probed on this host, whatever any policy says. lines holds
 * BARRIERS_MAX entries; returns how many were filled. fix: what would change that, "" where
 * enforced. */
#define BARRIERS_MAX 24
struct doctor_line {
	struct state_line line;
	char fix[256];
};
size_t sandbox_probe(struct doctor_line *lines);

/* The launcher: a small child of the keeper that clones init and every call (with CLONE_PARENT, so
 * that they are the keeper's children). It is started before the run's policy is known, because it
 * sits in the run's controller cgroups where those are v1 and moving into one costs milliseconds
 * (measured: 7 ms after 100 ms of idleness), while what it clones is born there. */
struct sandbox_launcher;
int sandbox_launcher_start(struct sandbox_launcher **ret, struct fail *f);
void sandbox_launcher_stop(
	struct sandbox_launcher *l); /* accepts NULL; removes its controller cgroups */

/* Removes what launchers whose keeper was killed have left: their v1 controller cgroups. Starting a
 * launcher does so too. */
void sandbox_sweep(void);

/* Builds the sandbox: sets the limits, clones init into call 0's cgroup. call0_cgroup: open
 * directory of RUN/0 in the v2 tree, or -1 where there are no cgroups. The launcher is taken over
 * on success. */
int sandbox_start(const struct sandbox_plan *plan, struct sandbox_launcher *launcher,
		  int call0_cgroup, struct sandbox **ret, struct fail *f);

/* Hands over the sockets of a policy's way out (egress_wanted()); how many. They are in the
 * sandbox's network namespace, and what is sent anywhere arrives with who holds them outside. Those
 * for IPv6 are missing where the host has none. */
size_t sandbox_sockets(struct sandbox *s, struct gate_socket kinds[SANDBOX_SOCKETS_MAX],
		       int fds[SANDBOX_SOCKETS_MAX]);
/* Makes more: GATE_SOCKET_UDP, _DIAL or _DIAG; at most SANDBOX_SOCKETS_MAX. 0, or -errno and none.
 */
int sandbox_make_sockets(struct sandbox *s, const struct gate_socket *kind, size_t count, int *fds,
			 struct fail *f);

/* What the seccomp listener of a process and its descendants is told of. */
enum sandbox_told {
	TOLD_NOTHING, /* there is none */
	TOLD_EXECS,   /* of an agent: what it starts */
	TOLD_ALL,     /* tables/notify.tbl: of hosts without BPF */
	TOLD_COUNT
};

struct sandbox_exec {
	int cgroup; /* directory of RUN/CALL, or -1 */
	char *const *argv;
	char *const *env; /* added to the clean environment */
	const char *cwd;
	int stdio[3]; /* all three valid unless terminal */
	bool terminal;
	unsigned short rows, columns;
	const int *extra; /* become 3, 4, 5 … */
	size_t extra_count;
	enum sandbox_told told;
};

struct sandbox_process {
	pid_t pid;	/* host numbering; a child of the caller, which must reap it */
	int pidfd;	/* owned */
	int terminal;	/* pty master, owned, or -1 */
	int listener;	/* seccomp listener, owned, or -1 */
	bool has_early; /* the program, or what it started, asks already and waits: */
	struct seccomp_notif early;
};

/* Clones a process into the sandbox and the call's cgroup, confines it and executes argv. Returns
 * after the exec succeeded (or failed: -errno, 126/127 semantics by -EACCES / -ENOENT). */
int sandbox_exec(struct sandbox *s, const struct sandbox_exec *x, struct sandbox_process *ret,
		 struct fail *f);

pid_t sandbox_init_pid(const struct sandbox *s);
int sandbox_init_pidfd(const struct sandbox *s); /* readable when init has ended; borrowed */
/* Kills init, and with it every process inside; waits for its end; accepts NULL. */
void sandbox_stop(struct sandbox *s);

#endif
