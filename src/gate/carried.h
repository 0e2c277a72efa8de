/* SPDX-License-Identifier: Apache-2.0 */
/* Connections accepted from inside a sandbox, each carried to a destination outside: bytes both
 * ways, the end of each direction by itself, a reset as a reset. Buffers, connections and waits are
 * bounded; a far side that is slow, gone or hostile costs its own connections and nothing else. */
#ifndef WEIR_GATE_CARRIED_H
#define WEIR_GATE_CARRIED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "call/loop.h"

#define RELAY_CONNECTIONS_MAX 256 /* at once; more wait in the listening socket's queue */
#define RELAY_BUFFER 32768	  /* bytes on their way, each direction of a connection */
#define DESTINATION_ADDRESSES_MAX 8

/* Where connections lead: the addresses are tried in turn. */
struct destination {
	size_t count;
	struct destination_address {
		struct sockaddr_storage at;
		socklen_t size;
	} addresses[DESTINATION_ADDRESSES_MAX];
};

struct relay {
	struct loop *loop;
	struct relay_port *ports;
	size_t connections;
};

/* One listening socket. */
struct relay_port {
	struct relay_port *next;
	struct relay *relay;
	struct watch watch; /* its fd is owned, for as long as the process lives */
	const struct destination *to;
	uint64_t accepted, failed; /* failed: no address could be reached */
	int error;		   /* of the last that failed */
};

/* Takes over p->watch.fd, a listening socket that does not block; p and what it refers to stay as
 * long as the relay. 0 or -errno. */
int relay_listen(struct relay *r, struct relay_port *p);

#endif
