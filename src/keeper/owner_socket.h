/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox's sockets as the kernel tells of them: sock_diag(7). */
#ifndef WEIR_KEEPER_OWNER_SOCKET_H
#define WEIR_KEEPER_OWNER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/egress.h"

struct owner_socket {
	uint64_t cookie;
	uint32_t inode; /* 0: no process has it open any more */
};
/* The socket inside that has the ends of this flow. diag: of the sandbox's network. -ENOENT: there
 * is none any more. */
int owner_socket_find(int diag, const struct flow_key *key, struct owner_socket *ret);
/* The kernel ends that socket, with a reset to the other end. cookie 0: whichever has these ends.
 * Needs CONFIG_INET_DIAG_DESTROY; -ENOENT: there is none any more. */
int owner_socket_destroy(int diag, const struct flow_key *key, uint64_t cookie);
/* Has this process the socket open? *budget: descriptors that may be looked at, counted down. */
bool owner_socket_held(pid_t pid, uint32_t inode, unsigned *budget);

#endif
