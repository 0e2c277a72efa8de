/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes both ways between two connected stream sockets: each direction ends by itself, a reset
 * passes as a reset. Nothing is buffered here. Bytes are looked at (MSG_PEEK) in one scratch buffer
 * of the loop, sent, and as many as the other side took are then dropped from the socket they came
 * from; what it did not take stays in the kernel, whose buffers are bounded and hold the sender
 * back. A side may be held: what it says is shown to the owner, and passes when it is let go. */
#ifndef WEIR_GATE_RELAY_H
#define WEIR_GATE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call/loop.h"
#include "flow/meter.h"
#include "flow/reader.h"

/* Bytes of one turn: after it every other socket that is ready has its turn. */
#define RELAY_TURN (256 * 1024)

struct pair;

struct relay_side {
	struct watch watch; /* fd owned; -1: not connected yet */
	struct pair *pair;
	bool watched;
	bool held;     /* what it says is not passed on yet */
	bool blocked;  /* it takes nothing at the moment */
	bool ended;    /* it will say nothing more */
	bool finished; /* nothing more will be said to it */
	int error;     /* of writing to it: what it still says is its last */
};

/* What the owner of all pairs of a relay is asked and told. Each may end the pair. */
struct relay_owner {
	/* A side that is held has more to show, has ended or failed. */
	void (*show)(struct pair *p, enum meter_side side, uint32_t events);
	/* How many bytes may pass now; 0 where there is none left, and the owner has ended the
	 * pair. */
	uint64_t (*allow)(struct pair *p);
	void (*passed)(struct pair *p, uint64_t bytes);
	/* Both directions have ended (0), or a connection was reset (errno value). The sockets are
	 * still there: pair_close() is the owner's. */
	void (*over)(struct pair *p, enum meter_side side, int error);
};

struct relay {
	struct loop *loop;
	const struct relay_owner *owner;
	char *scratch; /* RELAY_TURN bytes, owned */
};

struct pair {
	struct relay *relay;
	struct relay_side sides[2]; /* by enum meter_side */
	struct meter meter;
	struct flow_reader *reader; /* NULL: no memory for it; owned */
};

int relay_open(struct relay *r, struct loop *loop, const struct relay_owner *owner);
void relay_close(struct relay *r);

/* With the inside alone, held; takes its descriptor, which does not block. port: of the server,
 * which is that side. */
void pair_open(struct pair *p, struct relay *r, int inside, enum meter_side server, uint16_t port,
	       uint64_t now_ns);
/* The outside is reached; takes its descriptor. */
void pair_connect(struct pair *p, int outside, bool held);
/* What the side said passes from now on. */
void pair_let(struct pair *p, enum meter_side side);
/* What a held side has said so far, in the relay's scratch buffer: bytes, at most `most`; 0: none,
 * or it has ended without a word; -errno, -EAGAIN where there is none yet. */
long pair_peek(struct pair *p, enum meter_side side, size_t most);
/* Bytes that the kernel holds for it on both sides, not yet taken by anybody. */
uint64_t pair_waiting(const struct pair *p);
/* From now on the kernel holds little of what is said on either side: slow, for as long as it
 * lives.
 */
void pair_tighten(struct pair *p);
void pair_close(struct pair *p, bool reset);

#endif
