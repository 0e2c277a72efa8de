/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way to a peer that may be slow, stopped or dead: the keeper never waits for
 * one. Towards the recorder each message is kept until it is acknowledged, and sent again to the
 * next recorder; towards client and gate it is forgotten once sent. */
#ifndef WEIR_KEEPER_OUTBOX_H
#define WEIR_KEEPER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "call/channel.h"
#include "call/loop.h"

struct outbox_item;

struct outbox {
	int (*on_message)(struct outbox *o, struct message *m); /* negative: the peer is cut off */
	void (*on_lost)(struct outbox *o, int err); /* detached: 0, the peer has gone, or -errno */
	struct channel channel;			    /* fd -1: nobody there */
	struct watch
		watch; /* its ready callback is the owner's; it calls outbox_flush() on EPOLLOUT */
	struct loop *loop;
	bool keep;  /* until acknowledged */
	size_t max; /* bytes held at most */
	size_t bytes;
	struct outbox_item *first, **last;
	struct outbox_item *unsent;
};

void outbox_init(struct outbox *o, struct loop *loop, unsigned self, unsigned peer, bool keep,
		 size_t max);
/* Takes over fd and watches it. What is kept and was sent to the former peer is due again, behind
 * what the owner sends before the next outbox_flush(). */
int outbox_attach(struct outbox *o, int fd);
void outbox_detach(struct outbox *o); /* closes the descriptor, keeps the messages */
void outbox_clear(struct outbox *o);  /* closes it, and forgets the messages */
bool outbox_attached(const struct outbox *o);
/* Takes over the descriptors. -ENOBUFS: the limit is reached, or memory, and nothing was taken. A
 * peer that is gone is not an error here: the watch tells. */
int outbox_put(struct outbox *o, enum message_type type, uint64_t seq, const struct buf *data,
	       const int *fds, size_t fd_count);
void outbox_flush(struct outbox *o);
void outbox_ack(struct outbox *o, uint64_t seq);

#endif
