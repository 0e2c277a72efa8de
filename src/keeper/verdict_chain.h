/* SPDX-License-Identifier: Apache-2.0 */
/* The chains around the rules that verdict_nft.c changes, in a sandbox's own network: what every
 * packet meets before and after those. */
#ifndef WEIR_KEEPER_VERDICT_CHAIN_H
#define WEIR_KEEPER_VERDICT_CHAIN_H

#include "base/nft.h"
#include "policy/egress.h"
#include "policy/gate_socket.h"

#define CHAIN_JUDGE "judge" /* its rules accept what they let pass */
#define CHAIN_LEADS4 "leads4"
#define CHAIN_LEADS6 "leads6" /* maps: the address of a name -> where it leads */

/* Loads the destination into NFT_REG32_00 and on; the rule holds for that family alone. */
void chain_load_destination(struct nft *n, uint8_t family);
/* An address as a packet of that family has it: 4 or 16 bytes. */
const void *chain_address(const struct egress_address *a, uint8_t family);

/* What is let pass is handed over to the gate's sockets. 0 or -errno. */
int chains_to_gate(struct nft *n, const int *fds, const struct gate_socket *kinds, size_t count);
/* What is let pass leaves by an interface; the two maps are there already. */
void chains_to_interface(struct nft *n);

#endif
