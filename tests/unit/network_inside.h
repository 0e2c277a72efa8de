/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox's network with nftables' verdicts, in the test's own process: loopback, a route for
 * every address, the sockets of the gate. verdict NULL: this host has no network namespaces for us.
 */
#ifndef WEIR_TESTS_NETWORK_INSIDE_H
#define WEIR_TESTS_NETWORK_INSIDE_H

#include <sys/socket.h>

#include "keeper/keeper.h"
#include "keeper/verdict.h"

enum { TCP4, TCP6, REST4, REST6, DNS4, SOCKETS };
extern int fds[SOCKETS];
extern struct verdict *verdict;
extern struct keeper keeper;

int inside_setup(void **state);
int inside_teardown(void **state);

/* "ADDRESS/PREFIX" with one range of ports; low 0: none. */
struct egress_entry entry(const char *text, uint8_t transport, uint16_t low, uint16_t high);
/* Skips the test where there is no network. */
void in_force(const struct egress_entry *list, size_t count);
socklen_t address(const char *text, uint16_t port, struct sockaddr_storage *ret);
void nothing_arrives(void); /* at any of the sockets */

#endif
