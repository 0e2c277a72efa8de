// SPDX-License-Identifier: Apache-2.0
/* UDP by rule: which datagram belongs to which flow. Owns the table of flows, which is bounded, and
 * the sockets to which the sandbox's kernel hands every datagram that is neither loopback nor for
 * the resolver, with the address it was sent to. */
#include "gate/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "gate/cut.h"

#define READ_AT_ONCE 32 /* datagrams, before others have their turn */

void datagram_flow_touch(struct datagram_flow *f)
{
	struct datagrams *d = f->g->datagrams;

	f->last_ns = clock_mono_ns();
	TAILQ_REMOVE(&d->order, f, order);
	TAILQ_INSERT_TAIL(&d->order, f, order);
}

void datagram_flow_free(struct datagram_flow *f)
{
	struct datagrams *d = f->g->datagrams;

	TAILQ_REMOVE(&d->order, f, order);
	LIST_REMOVE(f, bucket);
	d->count--;
	free(f);
}

static struct datagram_flow *find(struct datagrams *d, const struct flow_key *key, size_t bucket)
{
	struct datagram_flow *f;

	LIST_FOREACH(f, &d->buckets[bucket], bucket)
	if (memcmp(&f->key, key, sizeof(*key)) == 0)
		return f;
	return NULL;
}

/* Of those whose owner is known: another's answer is still to come. */
static bool make_room(struct datagrams *d)
{
	struct datagram_flow *f;

	if (d->count < DATAGRAM_FLOWS_MAX)
		return true;
	TAILQ_FOREACH(f, &d->order, order)
	{
		if (f->step == DATAGRAM_BEGINS)
			continue;
		if (f->step == DATAGRAM_CUT)
			datagram_flow_free(f);
		else
			datagram_flow_end(f, 0, "the most silent of too many");
		return true;
	}
	return false;
}

static void said(struct datagrams *d, const struct flow_key *key, size_t size)
{
	size_t bucket = hash_of(&d->key, key, sizeof(*key)) % DATAGRAM_BUCKETS;
	struct datagram_flow *f = find(d, key, bucket);
	bool is_new = !f;

	if (is_new) {
		f = make_room(d) ? calloc(1, sizeof(*f)) : NULL;
		if (!f)
			return;
		f->g = d->g;
		f->key = *key;
		LIST_INSERT_HEAD(&d->buckets[bucket], f, bucket);
		TAILQ_INSERT_TAIL(&d->order, f, order);
		d->count++;
	}
	datagram_flow_touch(f);
	datagram_flow_said(f, d->data, size);
	if (is_new)
		datagram_flow_begin(f);
}

/* To where it was sent, as the kernel says (IP_RECVORIGDSTADDR). */
static int sent_to(struct msghdr *m, struct flow_key *key)
{
	struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
	struct egress_address a;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR;
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR;
		size_t size = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

		if ((v4 || v6) && c->cmsg_len >= CMSG_LEN(size))
			memcpy(&at, CMSG_DATA(c), size);
	}
	socket_address(&at, &a, &key->to_port);
	memcpy(key->to, a.bytes, sizeof(key->to));
	return key->to_port ? 0 : -EBADMSG;
}

/* One datagram; false where there is none. */
static bool read_datagram(struct datagram_rest *r)
{
	struct datagrams *d = r->all;
	struct flow_key key = { .run = d->g->open.key, .protocol = IPPROTO_UDP };
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct sockaddr_in6))];
	} control;
	struct iovec data = { .iov_base = d->data, .iov_len = sizeof(d->data) };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &data,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(r->watch.fd, &m, MSG_DONTWAIT);
	struct egress_address a;

	if (size < 0)
		return false;
	socket_address(&from, &a, &key.from_port);
	memcpy(key.from, a.bytes, sizeof(key.from));
	if (sent_to(&m, &key) == 0)
		said(d, &key, (size_t)size);
	return true;
}

static void rest_ready(struct watch *w, uint32_t events)
{
	struct datagram_rest *r = container_of(w, struct datagram_rest, watch);

	(void)events;
	for (int i = 0; i < READ_AT_ONCE && read_datagram(r); i++)
		;
}

static bool is6(const struct datagram_flow *f)
{
	struct egress_address a;

	memcpy(a.bytes, f->key.to, sizeof(a.bytes));
	return !egress_is4(&a);
}

/* A socket inside that was asked for: whose answers wait longest has it. */
static int give(struct datagrams *d, bool v6, int fd)
{
	struct datagram_flow *f;

	TAILQ_FOREACH(f, &d->order, order)
	if (f->step != DATAGRAM_CUT && f->inside < 0 && is6(f) == v6) {
		datagram_flow_inside(f, fd);
		return 0;
	}
	close(fd);
	return 0;
}

int datagrams_socket(struct gate *g, const struct gate_socket *s, int fd)
{
	bool v6 = s->a == AF_INET6;
	struct datagram_rest *r = &g->datagrams->rest[v6];
	int e = -EPROTO;

	if (s->kind == GATE_SOCKET_UDP)
		return give(g->datagrams, v6, fd);
	if (s->kind == GATE_SOCKET_REST && r->watch.fd < 0) {
		r->watch = (struct watch){ .fd = fd, .events = EPOLLIN, .ready = rest_ready };
		e = loop_add(&g->loop, &r->watch);
	}
	if (e < 0)
		close(fd);
	return e;
}

void datagrams_policy(struct gate *g, uint32_t *ret_kept, uint32_t *ret_cut)
{
	struct datagram_flow *f, *next;

	*ret_kept = *ret_cut = 0;
	for (f = TAILQ_FIRST(&g->datagrams->order); f; f = next) {
		const char *refused = NULL;

		next = TAILQ_NEXT(f, order);
		if (f->step == DATAGRAM_CUT || !f->known)
			continue;
		refused = datagram_flow_refused(f);
		if (refused)
			datagram_flow_cut(f, EPERM, refused);
		*(refused ? ret_cut : ret_kept) += 1;
	}
}

void datagrams_cut(struct gate *g, const struct order *o, const char *reason,
		   struct order_done *done)
{
	struct datagram_flow *f;

	/* what is cut keeps its place for a moment */
	TAILQ_FOREACH(f, &g->datagrams->order, order)
	{
		struct cut_flow is = { f->number, f->owner.h.call, f->key.to, f->key.to_port };

		if (f->known && f->step != DATAGRAM_CUT && cut_orders(g, o, &is, done))
			datagram_flow_cut(f, EPERM, reason);
	}
}

void datagrams_close(struct gate *g, const char *reason)
{
	struct datagram_flow *f, *next;

	for (f = TAILQ_FIRST(&g->datagrams->order); f; f = next) {
		next = TAILQ_NEXT(f, order);
		if (f->step == DATAGRAM_OPEN)
			datagram_flow_cut(f, 0, reason);
	}
}

int datagrams_open(struct gate *g)
{
	struct datagrams *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->g = g;
	TAILQ_INIT(&d->order);
	for (int i = 0; i < 2; i++)
		d->rest[i] = (struct datagram_rest){ { .fd = -1 }, d };
	r = hash_key_open(&d->key);
	if (r < 0) {
		free(d);
		return r;
	}
	g->datagrams = d;
	return 0;
}
