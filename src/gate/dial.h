/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting outside: the addresses of a destination in turn, the next one when the one before has
 * failed or has not answered within DIAL_STAGGER_MS (RFC 8305, 5); the first to answer wins. */
#ifndef WEIR_GATE_DIAL_H
#define WEIR_GATE_DIAL_H

#include <sys/socket.h>

#include "gate/gate.h"

#define DIAL_MAX 8	      /* addresses of one destination that are tried */
#define DIAL_STAGGER_MS 250   /* RFC 8305, 8 */
#define DIAL_WAIT_MS 30000    /* for all of them together */
#define DIAL_SOCKADDR_MAX 112 /* of a unix socket: 110 */

struct dial_address {
	union {
		struct sockaddr any;
		char bytes[DIAL_SOCKADDR_MAX];
	} at;
	socklen_t size;
};
void dial_address_set(struct dial_address *d, const struct egress_address *a, uint16_t port);
/* The other way; both 0 for what is neither IPv4 nor IPv6. */
void socket_address(const struct sockaddr_storage *at, struct egress_address *ret,
		    uint16_t *ret_port);

/* What the outside saw: zero where nothing was sent, and for unix sockets. */
struct dial_ends {
	struct egress_address to, from;
	uint16_t to_port, from_port;
};

struct dial;
/* error 0: fd is connected, does not block, and is the receiver's; ends: of it. Otherwise fd is -1
 * and ends those of the last attempt. Called exactly once unless cancelled, and never before
 * dial_start() returns. */
typedef void dial_done(void *context, int error, int fd, const struct dial_ends *ends);
/* NULL: no memory. */
struct dial *dial_start(struct gate *g, const struct dial_address *list, size_t count,
			dial_done *done, void *context);
void dial_cancel(struct dial *d); /* accepts NULL */

#endif
