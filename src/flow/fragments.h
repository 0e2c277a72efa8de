/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets that came in pieces. Bounded: FRAGMENTED_MAX packets are waited for, the eldest gives
 * way; each for FRAGMENT_WAIT of the capture's time. Of overlapping pieces the first one counts. */
#ifndef WEIR_FLOW_FRAGMENTS_H
#define WEIR_FLOW_FRAGMENTS_H

#include "base/clock.h"
#include "flow/account.h"
#include "flow/ip.h"

#define FRAGMENTED_MAX 256
#define FRAGMENT_WAIT (30 * NSEC_PER_SEC) /* RFC 791: 15 s at least, RFC 8200: 60 s at most */
#define FRAGMENTED_SIZE_MAX 65535

struct fragments;

int fragments_new(struct account *a, struct fragments **ret); /* 0 or -errno */
void fragments_free(struct fragments *f);		      /* accepts NULL */
/* p is a fragment. True: with it the packet is whole, and p is that packet now; its payload is
 * borrowed until the next call. False: it waits, or was no use. */
bool fragments_add(struct fragments *f, uint64_t now_ns, struct ip_packet *p);
/* Packets that never came to be whole, those that still wait included. */
uint64_t fragments_lost(const struct fragments *f);

#endif
