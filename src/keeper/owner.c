// SPDX-License-Identifier: Apache-2.0
/* Remembers by number the sockets that calls were seen to connect or send with, and the processes;
 * see owner.h. Both tables have one place for each number, so that what is newer takes it. Trusts
 * the kernel for numbers and ends; where a process said it wanted to go is its claim, and decides
 * only where nothing better is left. */
#include "keeper/owner.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "keeper/keeper.h"
#include "keeper/owner_socket.h"
#include "sensor/notify_process.h"

#define SIGHTS_MAX 8192	   /* sockets remembered */
#define PROCESSES_MAX 4096 /* processes remembered */
#define LOOK_MAX 16384	   /* descriptors looked at for one flow */
#define CLAIM_NS (5 * NSEC_PER_SEC)

struct sight {
	struct event_header h; /* h.size 0: none */
	uint64_t cookie;
	uint8_t to[16];
	uint16_t port, protocol;
	bool told; /* it was the answer for a flow */
};

struct owners {
	int diag;
	struct sight sights[SIGHTS_MAX];	      /* by cookie */
	struct event_header processes[PROCESSES_MAX]; /* by pid; size 0: none */
};

int owners_open(struct keeper *k, struct fail *f)
{
	struct gate_socket kind = { .kind = GATE_SOCKET_DIAG };
	struct owners *o = calloc(1, sizeof(*o));
	int r = o ? sandbox_make_sockets(k->sandbox, &kind, 1, &o->diag, f)
		  : fail(f, ENOMEM, "the owners of flows");

	if (r < 0) {
		free(o);
		return r;
	}
	k->owners = o;
	return 0;
}

void owners_close(struct keeper *k)
{
	if (!k->owners)
		return;
	close(k->owners->diag);
	free(take_ptr(k->owners));
}

static void saw_address(struct owners *o, const struct event_net *e)
{
	struct sight *s = &o->sights[e->cookie % SIGHTS_MAX];
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	*s = (struct sight){
		.h = e->h, .cookie = e->cookie, .port = e->port, .protocol = e->protocol
	};
	memcpy(s->to, e->address, sizeof(s->to));
	if (e->family == AF_INET) {
		memcpy(s->to, mapped, sizeof(mapped));
		memcpy(s->to + sizeof(mapped), e->address, 4);
	}
}

void owners_saw(struct keeper *k, const struct event_header *event, size_t size)
{
	bool address = event->kind == EVENT_CONNECT || event->kind == EVENT_SEND;
	struct event_net net;

	if (!k->owners || !event->pid)
		return;
	k->owners->processes[event->pid % PROCESSES_MAX] = *event;
	if (!address || size < sizeof(net))
		return;
	memcpy(&net, event, sizeof(net));
	if (net.cookie && (net.family == AF_INET || net.family == AF_INET6))
		saw_address(k->owners, &net);
}

void owners_streams(const struct keeper *k, struct event_header *event, size_t size)
{
	struct event_exec *e = (struct event_exec *)event;

	if (!k->owners || event->kind != EVENT_EXEC || size < sizeof(*e))
		return;
	for (int i = 0; i < 3; i++) {
		struct event_stream *s = &e->streams[i];

		if (s->kind == STREAM_INET && s->port)
			s->accepted = k->owners->sights[s->object % SIGHTS_MAX].cookie != s->object;
	}
}

static bool leads_to(const struct sight *s, const struct flow_key *key)
{
	return s->h.size && s->protocol == key->protocol && s->port == key->to_port &&
	       memcmp(s->to, key->to, sizeof(s->to)) == 0;
}

static void known(struct gate_owner *ret, const struct event_header *h, uint64_t cookie, int flags)
{
	ret->known = true;
	ret->owner = (struct flow_owner){
		.h = *h, .cookie = cookie, .label = h->label, .made_by = h->call
	};
	ret->owner.h.flags = (uint8_t)(EVENT_NO_CGROUP | flags);
}

/* Not another that was given the same number since. */
static bool lives(const struct event_header *h)
{
	struct process_facts p cleanup_process = { 0 };

	process_open(&p, (pid_t)h->pid);
	return p.start_ns == h->start_ns;
}

/* The socket was not seen, or with another destination: sendmsg() is not told to listeners. Who has
 * it open, among the processes that were seen? */
static bool by_holder(struct owners *o, const struct owner_socket *socket, struct gate_owner *ret)
{
	const struct event_header *found = NULL;
	unsigned budget = LOOK_MAX;

	for (size_t i = 0; socket->inode && i < PROCESSES_MAX; i++) {
		const struct event_header *h = &o->processes[i];

		if (!h->size || !owner_socket_held((pid_t)h->pid, socket->inode, &budget) ||
		    !lives(h))
			continue;
		if (found && found->call != h->call)
			return false;
		found = h;
	}
	if (!found || !budget)
		return false;
	known(ret, found, socket->cookie, 0);
	return true;
}

/* The socket has gone: what is left is who said lately that it wanted to go there. */
static void by_claim(struct owners *o, const struct flow_key *key, struct gate_owner *ret)
{
	uint64_t since = clock_mono_ns() - CLAIM_NS;
	struct sight *found = NULL;

	for (size_t i = 0; i < SIGHTS_MAX; i++) {
		struct sight *s = &o->sights[i];

		if (!leads_to(s, key) || s->told || s->h.mono_ns < since)
			continue;
		if (found && found->h.call != s->h.call)
			return;
		if (!found || found->h.mono_ns < s->h.mono_ns)
			found = s;
	}
	if (!found)
		return;
	found->told = true;
	known(ret, &found->h, found->cookie, EVENT_WINDOW);
}

void egress_who(struct keeper *k, const struct flow_key *key, struct gate_owner *ret)
{
	struct owners *o = k->owners;
	struct owner_socket socket;
	struct sight *s;

	ret->known = false;
	ret->owner = (struct flow_owner){ .cookie = 0 };
	if (!o)
		return;
	if (owner_socket_find(o->diag, key, &socket) < 0) {
		by_claim(o, key, ret);
		return;
	}
	s = &o->sights[socket.cookie % SIGHTS_MAX];
	if (s->cookie == socket.cookie && leads_to(s, key)) {
		s->told = true;
		known(ret, &s->h, s->cookie, 0);
	} else if (!by_holder(o, &socket, ret) && !socket.inode) {
		by_claim(o, key, ret);
	}
}
