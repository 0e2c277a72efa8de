/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets by which a sandbox's traffic reaches its gate: made in the sandbox's network
 * namespace by the launcher, held outside of it. Nothing inside has a descriptor of them. */
#ifndef WEIR_POLICY_GATE_SOCKET_H
#define WEIR_POLICY_GATE_SOCKET_H

#include <stdint.h>

enum gate_socket_kind {
	GATE_SOCKET_TCP,   /* listens: everything that is no loopback comes here; a: AF_INET or 6 */
	GATE_SOCKET_DNS,   /* datagrams, bound to the resolver's address; a: AF_INET or 6 */
	GATE_SOCKET_REST,  /* all other datagrams, with IP_RECVORIGDSTADDR; a: AF_INET or 6 */
	GATE_SOCKET_UDP,   /* not bound yet: answers from any address and port; a: AF_INET or 6 */
	GATE_SOCKET_CARRY, /* listens; a: which entry of network.carry */
	GATE_SOCKET_DIAL,  /* TCP, not connected yet: for a published port; a: AF_INET or 6 */
	GATE_SOCKET_DIAG, /* NETLINK_SOCK_DIAG, where the kernel has no flow_owners; the keeper's */
	GATE_SOCKET_RULES,   /* NETLINK_NETFILTER, where the verdicts are no BPF; the keeper's */
	GATE_SOCKET_PACKETS, /* AF_PACKET, of the interface inside alone: network.veth */
	GATE_SOCKET_KIND_COUNT
};

/* SO_MARK of those that send datagrams: without BPF the rules know by it who may speak with an
 * address of the outside. Nothing inside can set one. */
#define GATE_SOCKET_MARK 0x77656972u

#define GATE_INTERFACE 2 /* index of network.veth's inside: the network had lo alone */

struct gate_socket {
	uint32_t kind; /* enum gate_socket_kind */
	uint32_t a;
};

#endif
