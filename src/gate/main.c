// SPDX-License-Identifier: Apache-2.0
/* weir-gate: a run's gate, started by its keeper with a channel as descriptor 3; see gate.h. Owns
 * the loop and the link to the keeper, and drives the parts. Trusts the keeper, and by the time
 * that it reads anything else it holds nothing but sockets. It ends with the channel. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "gate/confine.h"
#include "gate/cut.h"
#include "gate/gate.h"
#include "policy/carry.h"

#define KEEPER_FD 3

static const struct part {
	uint32_t kinds; /* of sockets, as bits of enum gate_socket_kind */
	int (*open)(struct gate *g);
	int (*socket)(struct gate *g, const struct gate_socket *s, int fd);
	void (*policy)(struct gate *g, uint32_t *ret_kept, uint32_t *ret_cut); /* or NULL */
	void (*cut)(struct gate *g, const struct order *o, const char *reason,
		    struct order_done *done);		   /* or NULL */
	void (*close)(struct gate *g, const char *reason); /* or NULL */
} parts[] = {
	{ .kinds = 1u << GATE_SOCKET_DNS, .open = names_open, .socket = names_socket },
	{ .kinds = 1u << GATE_SOCKET_TCP | 1u << GATE_SOCKET_CARRY,
	  .open = flows_open,
	  .socket = flows_socket,
	  .policy = flows_policy,
	  .cut = flows_cut,
	  .close = flows_close },
	{ .kinds = 1u << GATE_SOCKET_REST | 1u << GATE_SOCKET_UDP,
	  .open = datagrams_open,
	  .socket = datagrams_socket,
	  .policy = datagrams_policy,
	  .cut = datagrams_cut,
	  .close = datagrams_close },
	{ .kinds = 1u << GATE_SOCKET_PACKETS,
	  .open = packets_open,
	  .socket = packets_socket,
	  .close = packets_close },
	{ .kinds = 1u << GATE_SOCKET_DIAL,
	  .open = published_open,
	  .socket = published_socket,
	  .cut = published_cut,
	  .close = published_close },
};

void gate_send(struct gate *g, enum message_type type, const struct buf *data)
{
	if (data->error)
		return;
	/* a keeper that is gone is seen by the loop */
	channel_send(&g->keeper, type, 0, data->data, data->size, NULL, 0, 0);
}

void gate_tell(struct gate *g, struct event_header *event, const struct gate_edge *edges,
	       size_t edge_count)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, EVENT_SIZE_MAX);
	if (gate_event_encode(event, edges, edge_count, &data) == 0)
		gate_send(g, MESSAGE_GATE_EVENT, &data);
}

void gate_make(struct gate *g, struct gate_socket socket, uint32_t count)
{
	struct gate_make m = { .socket = socket, .count = count };
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 16);
	gate_make_encode(&m, &data);
	gate_send(g, MESSAGE_GATE_MAKE, &data);
}

static void tell_ready(struct gate *g, const struct fail *f)
{
	struct message_text t = { .code = f->code };
	cleanup_buf struct buf data = { 0 };

	snprintf(t.text, sizeof(t.text), "%s", f->text);
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	gate_send(g, MESSAGE_GATE_READY, &data);
}

static void tell_applied(struct gate *g, const struct gate_applied *a)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 16);
	gate_applied_encode(a, &data);
	gate_send(g, MESSAGE_GATE_APPLIED, &data);
}

/* Every part judges anew what it holds; only then nobody looks at the former policy any more. */
static void apply(struct gate *g)
{
	struct gate_applied sum = { .generation = g->open.generation };

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		uint32_t kept = 0, cut = 0;

		if (parts[i].policy)
			parts[i].policy(g, &kept, &cut);
		sum.kept += kept;
		sum.cut += cut;
	}
	tell_applied(g, &sum);
}

static int decode_policy(const struct gate_open *o, struct policy *ret)
{
	struct wire w;

	wire_init(&w, o->policy.data, o->policy.size);
	return policy_decode(&w, ret);
}

static int take_policy(struct gate *g, const struct message *m)
{
	struct policy former = g->policy;
	struct gate_open o;
	struct wire w;
	int r;

	wire_init(&w, m->data, m->size);
	r = gate_open_decode(&w, &o);
	if (r < 0)
		return r;
	r = decode_policy(&o, &g->policy);
	if (r < 0) {
		g->policy = former;
		gate_open_free(&o);
		return r;
	}
	o.next_flow = g->open.next_flow; /* nobody knows it better */
	gate_open_free(&g->open);
	g->open = o;
	apply(g);
	policy_free(&former);
	return 0;
}

static int take_sockets(struct gate *g, struct message *m)
{
	struct gate_sockets sockets;
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (gate_sockets_decode(&w, &sockets) < 0 || sockets.count != m->fd_count)
		return -EPROTO;
	if (!g->begun) {
		g->begun = true;
		apply(g);
	}
	for (size_t i = 0; i < sockets.count; i++)
		for (size_t k = 0; k < ARRAY_LENGTH(parts); k++)
			if (parts[k].kinds & 1u << sockets.of[i].kind)
				parts[k].socket(g, &sockets.of[i], take_fd(&m->fds[i]));
	return 0;
}

static int take_names(struct gate *g, const struct message *m)
{
	struct gate_names names;
	struct wire w;
	int r;

	wire_init(&w, m->data, m->size);
	r = gate_names_decode(&w, &names);
	if (r == 0)
		names_earlier(g, &names);
	gate_names_free(&names);
	return r;
}

static int take_named(struct gate *g, const struct message *m)
{
	struct gate_named n;
	struct wire w;
	int r;

	wire_init(&w, m->data, m->size);
	r = gate_named_decode(&w, &n);
	if (r == 0)
		names_named(g, n.index, n.error);
	return r;
}

/* What a finding refuses is refused before its flows end: nobody comes back in between. */
static int take_cut(struct gate *g, const struct message *m)
{
	struct order_done done = { .cut = 0 };
	cleanup_buf struct buf data = { 0 };
	char reason[24];
	struct order o;
	struct wire w;
	int r;

	wire_init(&w, m->data, m->size);
	r = order_decode(&w, &o);
	if (r == 0)
		r = cuts_add(g, &o);
	if (r < 0)
		return r;
	cut_reason(o.finding, reason);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].cut)
			parts[i].cut(g, &o, reason, &done);
	done.finding = o.finding;
	buf_init(&data, 16);
	order_done_encode(&done, &data);
	gate_send(g, MESSAGE_GATE_CUT_DONE, &data);
	return 0;
}

static int take_message(struct gate *g, struct message *m)
{
	switch (m->type) {
	case MESSAGE_GATE_POLICY:
		return take_policy(g, m);
	case MESSAGE_GATE_SOCKETS:
		return take_sockets(g, m);
	case MESSAGE_GATE_NAMES:
		return take_names(g, m);
	case MESSAGE_GATE_NAMED:
		return take_named(g, m);
	case MESSAGE_GATE_CUT:
		return take_cut(g, m);
	case MESSAGE_GATE_SPENT_BEFORE:
		flows_spent(g, m);
		return 0;
	case MESSAGE_GATE_OWNER:
		owner_told(g, m);
		return 0;
	default:
		return -EPROTO;
	}
}

static void keeper_ready(struct watch *w, uint32_t events)
{
	struct gate *g = container_of(w, struct gate, keeper_watch);
	cleanup_message struct message m = { .fd_count = 0 };
	int r = channel_receive(&g->keeper, &m, MSG_DONTWAIT);

	if (r == -EAGAIN)
		return;
	if (r != 1 || take_message(g, &m) < 0)
		g->over = true;
}

static int take_open(struct gate *g, int *ret_netns, struct fail *f)
{
	cleanup_message struct message m = { .fd_count = 0 };
	struct wire w;
	size_t at = 0;
	int r = channel_receive(&g->keeper, &m, 0);

	if (r != 1 || m.type != MESSAGE_GATE_OPEN)
		return fail(f, EPROTO, "weir-gate is started by weir-keeper");
	wire_init(&w, m.data, m.size);
	r = gate_open_decode(&w, &g->open);
	if (r == 0)
		r = decode_policy(&g->open, &g->policy);
	if (r == 0 && m.fd_count != (size_t)g->open.has_owners + g->open.has_netns)
		r = -EPROTO;
	if (r < 0)
		return fail(f, -r, "weir-gate cannot read its order");
	g->owners = g->open.has_owners ? take_fd(&m.fds[at++]) : -1;
	*ret_netns = g->open.has_netns ? take_fd(&m.fds[at]) : -1;
	return 0;
}

static bool carries_unix(const struct policy *p)
{
	struct carry c;

	for (size_t i = 0; i < p->network.carry.count; i++)
		if (carry_parse(p->network.carry.items[i], &c) == 0 && c.unix_path)
			return true;
	return false;
}

static int parts_open(struct gate *g, struct fail *f)
{
	int r = loop_open(&g->loop) < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(parts); i++)
		r = parts[i].open(g);
	return r < 0 ? fail(f, -r, "weir-gate cannot begin") : 0;
}

/* Ports below 1024 are published while there still is a right to; names of carried sockets are
 * looked up without any. missing: a published port, or where a carried socket leads to, which does
 * not keep the others from serving. */
static int begin(struct gate *g, struct fail *missing, struct fail *f)
{
	cleanup_fd int netns = -1;
	int r = take_open(g, &netns, f);
	bool carries;

	if (r == 0)
		r = confine_enter(netns, f);
	if (r == 0)
		r = parts_open(g, f);
	if (r < 0)
		return r;
	carries = carries_unix(&g->policy);
	published_listen(g, missing);
	r = confine_privileges(carries, f);
	if (r < 0)
		return r;
	carry_open(g, missing->code ? NULL : missing);
	r = confine_to_sockets(carries, g->owners >= 0, f);
	return r == 0 ? loop_add(&g->loop, &g->keeper_watch) : r;
}

static void serve(struct gate *g)
{
	while (!g->over && loop_once(&g->loop, timers_next(&g->timers)) >= 0)
		timers_serve(&g->timers, clock_mono_ns());
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (parts[i].close)
			parts[i].close(g, "the run is over");
	cuts_free(g);
}

int main(int argc, char **argv)
{
	static struct gate g = {
		.keeper = { .fd = KEEPER_FD, .self = PARTY_GATE, .peer = PARTY_KEEPER },
		.keeper_watch = { .fd = KEEPER_FD, .events = EPOLLIN, .ready = keeper_ready },
		.owners = -1,
	};
	struct fail f = { .code = 0 }, missing = { .code = 0 };

	log_open("weir-gate");
	if (argc != 1 || fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    close_range(KEEPER_FD + 1, ~0u, 0) < 0) {
		log_error("weir-gate is started by weir-keeper");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (begin(&g, &missing, &f) < 0) {
		tell_ready(&g, &f);
		return 1;
	}
	tell_ready(&g, &missing);
	serve(&g);
	return 0;
}
