// SPDX-License-Identifier: Apache-2.0
/* Bounded queues towards client and recorder; see outbox.h. Owns the connection and the queued
 * messages. */
#include "keeper/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

struct outbox_item {
	struct outbox_item *next;
	enum message_type type;
	uint64_t seq;
	size_t size, fd_count;
	char *data; /* behind the descriptors */
	int fds[];
};

static void outbox_ready(struct watch *w, uint32_t events)
{
	struct outbox *o = container_of(w, struct outbox, watch);
	struct message m = { .fd_count = 0 };
	int r;

	if (events & EPOLLOUT)
		outbox_flush(o);
	if (!outbox_attached(o))
		return;
	r = channel_receive(&o->channel, &m, MSG_DONTWAIT);
	if (r == 1 && o->on_message(o, &m) < 0)
		r = -EPROTO;
	message_free(&m);
	if (r == 1 || r == -EAGAIN)
		return;
	outbox_detach(o);
	o->on_lost(o, r);
}

void outbox_init(struct outbox *o, struct loop *loop, unsigned self, unsigned peer, bool keep,
		 size_t max)
{
	o->channel = (struct channel){ .fd = -1, .self = self, .peer = peer };
	o->watch.ready = outbox_ready;
	o->loop = loop;
	o->keep = keep;
	o->max = max;
	o->bytes = 0;
	o->first = o->unsent = NULL;
	o->last = &o->first;
}

bool outbox_attached(const struct outbox *o)
{
	return o->channel.fd >= 0;
}

int outbox_attach(struct outbox *o, int fd)
{
	outbox_detach(o);
	o->channel.fd = fd;
	o->watch.fd = fd;
	o->watch.events = EPOLLIN;
	o->unsent = o->first;
	return loop_add(o->loop, &o->watch);
}

void outbox_detach(struct outbox *o)
{
	if (o->channel.fd < 0)
		return;
	loop_remove(o->loop, &o->watch);
	close(take_fd(&o->channel.fd));
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static size_t item_size(size_t size, size_t fd_count)
{
	return sizeof(struct outbox_item) + fd_count * sizeof(int) + size;
}

static void drop_first(struct outbox *o)
{
	struct outbox_item *item = o->first;

	o->first = item->next;
	if (!o->first)
		o->last = &o->first;
	if (o->unsent == item)
		o->unsent = item->next;
	o->bytes -= item_size(item->size, item->fd_count);
	close_all(item->fds, item->fd_count);
	free(item);
}

void outbox_clear(struct outbox *o)
{
	outbox_detach(o);
	while (o->first)
		drop_first(o);
	o->unsent = NULL;
}

void outbox_flush(struct outbox *o)
{
	int r = 0;

	while (o->channel.fd >= 0 && o->unsent) {
		struct outbox_item *item = o->unsent;

		r = channel_send(&o->channel, item->type, item->seq, item->data, item->size,
				 item->fds, item->fd_count, MSG_DONTWAIT);
		if (r == -EAGAIN)
			break;
		o->unsent = item->next;
		if (!o->keep)
			drop_first(o);
		if (r < 0)
			break;
	}
	if (o->channel.fd >= 0)
		loop_change(o->loop, &o->watch, r == -EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

int outbox_put(struct outbox *o, enum message_type type, uint64_t seq, const struct buf *data,
	       const int *fds, size_t fd_count)
{
	size_t size = data ? data->size : 0;
	size_t whole = item_size(size, fd_count);
	struct outbox_item *item = o->bytes + whole <= o->max ? malloc(whole) : NULL;

	if (!item) {
		close_all(fds, fd_count);
		return -ENOBUFS;
	}
	*item = (struct outbox_item){ .type = type, .seq = seq, .size = size };
	item->fd_count = fd_count;
	item->data = (char *)(item->fds + fd_count);
	if (fd_count)
		memcpy(item->fds, fds, fd_count * sizeof(int));
	if (size)
		memcpy(item->data, data->data, size);
	*o->last = item;
	o->last = &item->next;
	if (!o->unsent)
		o->unsent = item;
	o->bytes += whole;
	return 0;
}

void outbox_ack(struct outbox *o, uint64_t seq)
{
	while (o->first && o->first != o->unsent && o->first->seq <= seq)
		drop_first(o);
}
