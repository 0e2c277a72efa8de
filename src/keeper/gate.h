/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the way out: what egress.c (what holds), gate.c (the gate's process and what it is
 * told) and gate_told.c (what it tells) share. */
#ifndef WEIR_KEEPER_GATE_H
#define WEIR_KEEPER_GATE_H

#include "call/gate_message.h"
#include "keeper/egress.h"
#include "keeper/verdict.h"

struct told;

struct egress {
	struct keeper *keeper;

	/* what holds */
	struct policy policy;
	enum egress_phase phase;
	uint32_t generation; /* grows with each change */
	const struct verdict_kind *kind;
	struct verdict *verdict;
	char **names; /* of index 1, 2, …; owned */
	size_t name_count, name_room;

	/* what every gate is told besides */
	struct gate_sockets sockets;
	int socket_fds[MESSAGE_FDS_MAX];
	int owners;	  /* map flow_owners, borrowed; -1: where the kernel has none */
	int netns;	  /* of the run's client; -1: where the keeper is */
	struct buf spent; /* the last GATE_SPENT, as it came */
	uint64_t next_flow;

	/* the gate */
	struct outbox gate;
	pid_t pid;					      /* 0: none */
	struct watch process;				      /* its pidfd */
	uint32_t applied;				      /* the generation that it holds */
	uint64_t answer_by_ns, start_ns, started_ns, wait_ns; /* see gate.c */
	char notice[256]; /* the last that the user was told of it */
	bool ending;
	struct told *told; /* gate_told.c */
};

/* gate.c */
void gate_init(struct egress *e);
void gate_start(struct egress *e);
void gate_policy(struct egress *e); /* to the one that lives */
void gate_cut(struct egress *e, const struct order *o);
uint64_t gate_limits(struct egress *e, uint64_t now);
void gate_end(struct egress *e);  /* asks it to */
void gate_stop(struct egress *e); /* makes it */

/* egress.c */
/* A name has become `index`: 0, or -errno and it has not. */
int egress_name(struct egress *e, uint32_t index, const char *name);
/* The name, or the next one, leads there. -EBADMSG for what no gate may say. */
int egress_lead(struct egress *e, uint32_t index, const struct egress_address *to);
/* Everything up to this generation holds for every flow; cut: how many it ended. */
void egress_applied(struct egress *e, uint32_t generation, uint32_t cut);

/* gate_told.c */
struct told *told_new(void); /* NULL: no memory */
void told_free(struct told *t);
/* An event as the gate tells it: for the record, with a label that its edges are part of. -EBADMSG
 * for what no gate may say. */
int told_event(struct egress *e, struct gate_event *event);
/* The gate has gone, and every flow that it had with it. */
void told_cut(struct egress *e);

#endif
