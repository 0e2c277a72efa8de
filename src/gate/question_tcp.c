// SPDX-License-Identifier: Apache-2.0
/* Questions over TCP (RFC 1035, 4.2.2; RFC 7766): each with its size in front, one after the other
 * on a connection, answered in their order. Owns the connections, whose number, silence and buffers
 * are bounded. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "gate/names.h"

struct client {
	TAILQ_ENTRY(client) entry;
	struct watch watch; /* its fd is owned */
	struct gate *gate;
	struct timer timer; /* for the rest of a question, or of an answer */
	struct flow_key key;
	struct question *question; /* in flight; nothing is read meanwhile */
	size_t in_size, out_size, out_at;
	uint8_t in[2 + DNS_QUERY_MAX], out[2 + DNS_ANSWER_MAX];
};

static void client_close(struct client *c)
{
	struct names *n = c->gate->names;

	if (c->question)
		c->question->held = NULL;
	timer_stop(&c->gate->timers, &c->timer);
	loop_remove(&c->gate->loop, &c->watch);
	close(c->watch.fd);
	TAILQ_REMOVE(&n->clients, c, entry);
	n->client_count--;
	free(c);
}

static void client_due(struct timer *t)
{
	client_close(container_of(t, struct client, timer));
}

/* It has spoken, or may speak next: the last to be closed for its silence. */
static int touch(struct client *c)
{
	struct names *n = c->gate->names;

	TAILQ_REMOVE(&n->clients, c, entry);
	TAILQ_INSERT_TAIL(&n->clients, c, entry);
	return timer_set(&c->gate->timers, &c->timer, clock_mono_ns() + CLIENT_WAIT_NS);
}

static size_t frame_size(const struct client *c)
{
	return c->in_size < 2 ? 0 : 2U + (size_t)(c->in[0] << 8 | c->in[1]);
}

/* The first of what was read, when it is whole. False: the client is to be closed. */
static bool ask(struct client *c)
{
	struct question from = { .gate = c->gate, .tcp = true, .held = &c->question };
	size_t size = frame_size(c);
	uint8_t data[DNS_QUERY_MAX];

	if (size > sizeof(c->in))
		return false;
	if (size == 0 || c->in_size < size)
		return true;
	memcpy(data, c->in + 2, size - 2);
	c->in_size -= size;
	memmove(c->in, c->in + size, c->in_size);
	timer_stop(&c->gate->timers, &c->timer);
	return question_begin(&from, data, size - 2, &c->key);
}

/* False: the connection is broken. */
static bool write_answer(struct client *c)
{
	ssize_t size = send(c->watch.fd, c->out + c->out_at, c->out_size - c->out_at,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (size < 0)
		return errno == EAGAIN || errno == EINTR;
	c->out_at += (size_t)size;
	return true;
}

static bool read_more(struct client *c)
{
	ssize_t size =
		recv(c->watch.fd, c->in + c->in_size, sizeof(c->in) - c->in_size, MSG_DONTWAIT);

	if (size < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in_size += (size_t)size;
	return size > 0;
}

/* As far as it goes now: answers out, then the questions that have been read. */
static bool go_on(struct client *c)
{
	while (!c->question) {
		size_t before = c->in_size;

		if (c->out_at < c->out_size && !write_answer(c))
			return false;
		if (c->out_at < c->out_size)
			break;
		if (!ask(c))
			return false;
		if (!c->question && c->in_size == before)
			break;
	}
	loop_change(&c->gate->loop, &c->watch,
		    c->question		      ? 0
		    : c->out_at < c->out_size ? EPOLLOUT
					      : EPOLLIN);
	return c->question || c->timer.place || touch(c) == 0;
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);

	if (events & EPOLLERR || (events & EPOLLHUP && !(events & EPOLLIN)) ||
	    (events & EPOLLIN && !read_more(c)) || !go_on(c))
		client_close(c);
}

/* Sent in the loop's next turn: who asks may be in the middle of it. */
void client_answer(struct question **held, const void *data, size_t size)
{
	struct client *c = container_of(held, struct client, question);

	c->question = NULL;
	c->out[0] = (uint8_t)(size >> 8);
	c->out[1] = (uint8_t)size;
	memcpy(c->out + 2, data, size);
	c->out_size = size + 2;
	c->out_at = 0;
	loop_change(&c->gate->loop, &c->watch, EPOLLOUT);
}

/* Room for one more: of those that have no question in flight, who was silent longest goes. */
static bool make_room(struct names *n)
{
	struct client *c;

	if (n->client_count < CLIENTS_MAX)
		return true;
	TAILQ_FOREACH(c, &n->clients, entry)
	if (!c->question) {
		client_close(c);
		return true;
	}
	return false;
}

void names_connection(struct gate *g, int fd, const struct flow_key *key)
{
	struct names *n = g->names;
	struct client *c = make_room(n) ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		close(fd);
		return;
	}
	c->gate = g;
	c->key = *key;
	c->watch = (struct watch){ .fd = fd, .events = EPOLLIN, .ready = client_ready };
	c->timer.due = client_due;
	TAILQ_INSERT_TAIL(&n->clients, c, entry);
	n->client_count++;
	if (loop_add(&g->loop, &c->watch) < 0 || touch(c) < 0)
		client_close(c);
}
