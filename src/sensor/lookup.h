/* SPDX-License-Identifier: Apache-2.0 */
/* The program that hands over what a sandbox sends out: every connection and datagram that is not
 * loopback's goes to one of its gate's sockets, whatever address was asked for, and to nobody who
 * listens inside. Without its socket it is refused. */
#ifndef WEIR_SENSOR_LOOKUP_H
#define WEIR_SENSOR_LOOKUP_H

#include <stddef.h>

#include "base/fail.h"
#include "policy/gate_socket.h"

/* Puts it in force in the network namespace of the sockets, as long as the descriptor that it
 * returns is open; or -errno. */
int lookup_open(const int *sockets, const struct gate_socket *kinds, size_t count, struct fail *f);

#endif
