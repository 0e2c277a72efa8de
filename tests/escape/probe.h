/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks from inside a sandbox, one function each; attacks.tbl lists them with what must happen.
 */
#ifndef WEIR_ESCAPE_PROBE_H
#define WEIR_ESCAPE_PROBE_H

#include <stddef.h>

/* What the host has made ready to be attacked; see escape.c. */
struct targets {
	const char *canary;	   /* a file outside, readable on the host by everyone */
	const char *unix_path;	   /* a listening socket of the host in the file system */
	const char *unix_abstract; /* and an abstract one, without the NUL */
	int tcp_port;		   /* on the host's loopback */
	int shm_key;		   /* a SysV segment of the host */
	int host_pid;		   /* a process of the host */
};

extern struct targets targets;

/* An attack returns 0 when it has succeeded, else the errno value that stopped it. It runs in a
 * process of its own and may be killed. */
typedef int attack(void);
#define ATTACK(name, user, root, about) attack try_##name;
#include "attacks.tbl"
#undef ATTACK

/* errno when r is negative, else 0 */
int stopped_by(long r);
/* Opens the path for writing and writes text. */
int write_into(const char *path, const char *text);

#endif
