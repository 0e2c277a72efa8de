/* SPDX-License-Identifier: Apache-2.0 */
/* Whose flow it is, on hosts where the kernel keeps no flow_owners: a socket has a number that is
 * never given twice (SO_COOKIE). A call's listener sees connect() and sendto() before they run, and
 * with them the socket's number; the kernel tells (sock_diag) which number has the flow's ends. */
#ifndef WEIR_KEEPER_OWNER_H
#define WEIR_KEEPER_OWNER_H

#include "base/fail.h"
#include "bpf/event.h"
#include "call/gate_message.h"

struct keeper;
struct owners; /* in struct keeper; NULL: the kernel knows, or there is no way out */

/* Once the sandbox stands. 0 or -errno. */
int owners_open(struct keeper *k, struct fail *f);
void owners_close(struct keeper *k);
/* An event that a call's listener made. */
void owners_saw(struct keeper *k, const struct event_header *event, size_t size);
/* A program that is executed: of its streams, a connection that nobody was seen to open was
 * accepted. */
void owners_streams(const struct keeper *k, struct event_header *event, size_t size);
/* Fills ret->known and ret->owner. What was found by the socket is exact. Where the socket has gone
 * already and one call alone wanted to go there, the owner is that call's process and its header
 * has EVENT_WINDOW. Where several calls did, or none, it is not known. */
void egress_who(struct keeper *k, const struct flow_key *key, struct gate_owner *ret);

#endif
