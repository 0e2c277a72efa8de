/* SPDX-License-Identifier: Apache-2.0 */
/* weir-gate: one for each run that has a way out. It is started by the keeper, holds sockets that
 * were made inside the sandbox, and is the only one of weir's processes that talks to the outside
 * for an agent. It judges again what the kernel let pass, reads the opening, resolves, dials,
 * relays, meters and tells. It holds no capability and no file; whatever it becomes, the kernel's
 * verdicts are not its to change.
 *
 *   main.c      its start, the keeper's messages, the loop
 *   confine.c   giving up everything but the sockets
 *   names.c     the sandbox's resolver: the addresses that stand for names
 *   leads.c     where names led, with network.veth
 *   question.c  and question_tcp.c: questions and answers; tally.c: how often a call asked
 *   resolve.c   resolving outside
 *   flow.c      a flow's life: accepted, judged, opened, dialled, relayed; flow_hello.c its first
 *               bytes, flow_memory.c what waits in the kernel, flow_tell.c its events
 *   reach.c     which addresses outside may be reached
 *   dial.c      connecting outside
 *   relay.c     bytes both ways
 *   budget.c    bytes and connections that a rule still allows
 *   cut.c       what findings refuse
 *   timer.c     what is to happen later
 *   datagram.c  UDP by rule
 *   packets.c   flows of network.veth, by a copy of their packets; see packet.h
 *   owner.c     whose flow it is
 *   publish.c   ports inside that the outside reaches
 *   carry.c     carried sockets */
#ifndef WEIR_GATE_GATE_H
#define WEIR_GATE_GATE_H

#include "bpf/egress.h"
#include "call/channel.h"
#include "call/gate_message.h"
#include "call/loop.h"
#include "call/order.h"
#include "gate/budget.h"
#include "gate/timer.h"
#include "policy/egress.h"

struct names;
struct flows;
struct carried;
struct owner_question;
struct lookups;
struct datagrams;
struct packets;
struct published;
struct cuts;

struct gate {
	struct loop loop;
	struct timers timers; /* the loop waits until timers_next() and calls timers_serve() */
	struct channel keeper;
	struct watch keeper_watch;
	struct gate_open open;
	struct policy policy; /* of open.policy */
	int owners;	      /* map flow_owners, or -1: ask the keeper */
	struct owner_question *owner_questions;
	int routes; /* rtnetlink socket; see reach.h */
	uint32_t routes_asked;
	struct budgets budgets; /* flows_policy() keeps them */
	struct names *names;
	struct lookups *lookups; /* resolve.c */
	struct flows *flows;
	struct carried *carried;
	struct datagrams *datagrams;
	struct packets *packets; /* NULL: no network.veth */
	struct published *published;
	struct cuts *cuts; /* what findings refuse: cut.h; NULL: nothing */
	bool begun;	   /* the keeper has told all that an earlier gate of the run knew */
	bool over;	   /* the loop ends */
};

/* The entry points that main.c calls are alike in each part:
 *   X_open()    with the policy known, before the first socket comes, and before everything is
 *               given up: afterwards no file can be opened; in the network namespace to dial from
 *   X_socket()  a socket of one of its kinds, at the start or because it asked (gate_make());
 *               takes fd, which is non-blocking
 *   X_policy()  g->policy or g->open.phase has changed, at the start too: what is no longer
 *               allowed is cut before this returns
 *   X_cut()     a finding ends flows: those that it names, and others to where it refuses the call
 *               to go; counted
 *   X_close()   the run ends: cuts and tells what is left */

/* main.c */
/* An event for the record; edges: calls that stand behind it besides those of its label. Waits for
 * a keeper that is slow to read: nothing is dropped. */
void gate_tell(struct gate *g, struct event_header *event, const struct gate_edge *edges,
	       size_t edge_count);
void gate_send(struct gate *g, enum message_type type, const struct buf *data); /* any other */
void gate_make(struct gate *g, struct gate_socket socket, uint32_t count);	/* more of them */

/* owner.c: whose flow is it? done is called exactly once, perhaps before this returns; owner NULL:
 * nobody's that is known, and the flow is to be refused. */
typedef void owner_done(void *context, const struct flow_owner *owner);
void owner_find(struct gate *g, const struct flow_key *key, owner_done *done, void *context);
void owner_told(struct gate *g, const struct message *m); /* GATE_OWNER */
void owner_forget(struct gate *g);			  /* what is still asked for is nobody's */
/* The kernel's entry as it is now: its label grows. 0 or -errno. */
int owner_read(const struct gate *g, const struct flow_key *key, struct flow_owner *ret);

/* flow.c: every flow over TCP, carried ones too; sockets TCP, CARRY */
int flows_open(struct gate *g);
int flows_socket(struct gate *g, const struct gate_socket *s, int fd);
void flows_policy(struct gate *g, uint32_t *ret_kept, uint32_t *ret_cut);
void flows_cut(struct gate *g, const struct order *o, const char *reason, struct order_done *done);
void flows_spent(struct gate *g, const struct message *m); /* GATE_SPENT_BEFORE */
void flows_close(struct gate *g, const char *reason);
/* carry.c: where carried sockets lead. Looks names up and may wait for it: before everything is
 * given up. -errno where one leads nowhere (f says which); connections to it are reset. */
int carry_open(struct gate *g, struct fail *f);

/* datagram.c: UDP by rule; sockets REST, UDP */
int datagrams_open(struct gate *g);
int datagrams_socket(struct gate *g, const struct gate_socket *s, int fd);
void datagrams_policy(struct gate *g, uint32_t *ret_kept, uint32_t *ret_cut);
void datagrams_cut(struct gate *g, const struct order *o, const char *reason,
		   struct order_done *done);
void datagrams_close(struct gate *g, const char *reason);

/* packets.c: what passes the interface of network.veth; sockets PACKETS */
int packets_open(struct gate *g);
int packets_socket(struct gate *g, const struct gate_socket *s, int fd);
void packets_close(struct gate *g, const char *reason);

/* publish.c: ports inside that the outside reaches; sockets DIAL */
int published_open(struct gate *g);
/* Begins to listen outside: 0, or -errno for the first port that cannot be had; the others serve.
 */
int published_listen(struct gate *g, struct fail *f);
int published_socket(struct gate *g, const struct gate_socket *s, int fd);
void published_cut(struct gate *g, const struct order *o, const char *reason,
		   struct order_done *done);
void published_close(struct gate *g, const char *reason);

/* names.c: the resolver; sockets DNS */
int names_open(struct gate *g);
int names_socket(struct gate *g, const struct gate_socket *s, int fd);
/* Questions over TCP: a connection accepted from inside whose other end, as asked for, is port 53
 * of the resolver's address; handed over before anything was read or judged. Takes fd. */
void names_connection(struct gate *g, int fd, const struct flow_key *key);
bool names_have_v6(const struct gate *g); /* there is IPv6 in the sandbox */
void names_earlier(struct gate *g, const struct gate_names *names);
void names_named(struct gate *g, uint32_t index, int error);
const char *names_text(const struct gate *g, uint32_t index); /* NULL: stands for none */
uint32_t names_count(const struct gate *g);		      /* the newest's index */
/* With network.veth: names that have led to this address, those that came to do so last first. */
size_t names_led_to(const struct gate *g, const struct egress_address *to, uint32_t *ret,
		    size_t max);
/* The call whose question made `call` know the name, where `call` did not ask itself; -1: it did.
 */
int64_t names_asked_by(const struct gate *g, uint32_t index, uint32_t call);

/* resolve.c: done is called exactly once, unless it is cancelled, and never before this returns;
 * within 4.5 seconds. The addresses have not been judged: error 0 and one at least, or ENOENT,
 * ENODATA, ETIMEDOUT or another errno value. NULL: too many names are being asked for. */
int resolve_open(struct gate *g); /* names_open() does it */
struct resolution;
typedef void resolve_done(void *context, int error, const struct egress_address *list,
			  size_t count);
struct resolution *resolve(struct gate *g, const char *name, resolve_done *done, void *context);
void resolve_cancel(struct resolution *r);

#endif
