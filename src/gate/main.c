// SPDX-License-Identifier: Apache-2.0
/* weir-gate DESTINATION...: holds a run's carried sockets (network.carry) and relays what connects
 * to them. A client starts it before its run, as the user, with a channel as descriptor 3: it says
 * when it knows where everything leads, is handed the listening sockets once the sandbox stands,
 * and ends with the channel. Names are looked up once, by the host's resolver: what the sandbox
 * does can make it look up nothing. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "call/channel.h"
#include "call/message.h"
#include "gate/carried.h"
#include "policy/carry.h"

#define CLIENT_FD 3

struct gate {
	struct loop loop;
	struct relay relay;
	struct channel client;
	struct watch watch;
	size_t count;
	struct carry carries[CARRY_MAX];
	struct destination destinations[CARRY_MAX];
	struct relay_port ports[CARRY_MAX]; /* relay NULL: not handed over yet */
	bool over;
};

static void add_address(struct destination *d, const void *address, socklen_t size)
{
	struct destination_address *a = &d->addresses[d->count];

	if (d->count == DESTINATION_ADDRESSES_MAX || size > sizeof(a->at))
		return;
	memcpy(&a->at, address, size);
	a->size = size;
	d->count++;
}

static int find_destination(const struct carry *c, struct destination *ret, struct fail *f)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct addrinfo *list = NULL;
	char port[8];
	int r;

	if (c->unix_path) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", c->unix_path);
		add_address(ret, &un, sizeof(un));
		return 0;
	}
	snprintf(port, sizeof(port), "%u", c->host_port);
	r = getaddrinfo(c->host, port, &hints, &list);
	if (r != 0)
		return fail_text(f, ENOENT, "carried socket %u: %s: %s", c->port, c->host,
				 gai_strerror(r));
	for (struct addrinfo *a = list; a; a = a->ai_next)
		add_address(ret, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

static int find_destinations(struct gate *g, char **texts, struct fail *f)
{
	int r = 0;

	for (; r == 0 && texts[g->count]; g->count++) {
		struct carry *c = &g->carries[g->count];

		if (g->count == CARRY_MAX || carry_parse(texts[g->count], c) < 0)
			return fail_text(f, EINVAL, "weir-gate: %s", texts[g->count]);
		r = find_destination(c, &g->destinations[g->count], f);
	}
	return r;
}

static int tell_ready(struct gate *g, const struct fail *f)
{
	struct message_text t = { .code = f->code };
	cleanup_buf struct buf data = { 0 };

	snprintf(t.text, sizeof(t.text), "%s", f->text);
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	return channel_send(&g->client, MESSAGE_CARRY_READY, 0, data.data, data.size, NULL, 0, 0);
}

static int take_listener(struct gate *g, struct message *m)
{
	struct wire w;
	uint32_t n;

	wire_init(&w, m->data, m->size);
	n = wire_get_u32(&w);
	if (wire_end(&w) < 0 || n >= g->count || g->ports[n].relay)
		return -EPROTO;
	g->ports[n].watch.fd = take_fd(&m->fds[0]);
	g->ports[n].to = &g->destinations[n];
	return relay_listen(&g->relay, &g->ports[n]);
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct gate *g = container_of(w, struct gate, watch);
	cleanup_message struct message m = { .fd_count = 0 };
	int r = channel_receive(&g->client, &m, MSG_DONTWAIT);

	if (r == 1)
		r = take_listener(g, &m) < 0 ? -EPROTO : 1;
	g->over = r != 1 && r != -EAGAIN;
}

/* The run is over: what the user could not see while a program had the terminal. */
static void tell_failures(const struct gate *g)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct relay_port *p = &g->ports[i];

		if (p->failed)
			log_warn("carried socket %u: %llu of %llu connections did not reach %s: %s",
				 g->carries[i].port, (unsigned long long)p->failed,
				 (unsigned long long)p->accepted, g->carries[i].to,
				 strerror(p->error));
	}
}

int main(int argc, char **argv)
{
	static struct gate g = {
		.client = { .fd = CLIENT_FD, .self = PARTY_GATE, .peer = PARTY_CLIENT },
		.watch = { .fd = CLIENT_FD, .events = EPOLLIN, .ready = client_ready },
	};
	struct fail f = { .code = 0 };

	log_open("weir");
	if (argc < 2) {
		log_error("weir-gate is started by weir run and weir replay");
		return 2;
	}
	/* it ends with the client, and not by a key that was meant for the program in the sandbox
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	find_destinations(&g, argv + 1, &f);
	if (f.code == 0 && loop_open(&g.loop) < 0)
		fail(&f, errno, "weir-gate: epoll");
	g.relay.loop = &g.loop;
	if (tell_ready(&g, &f) < 0 || f.code || loop_add(&g.loop, &g.watch) < 0)
		return 1;
	while (!g.over && loop_once(&g.loop, UINT64_MAX) >= 0)
		;
	tell_failures(&g);
	return 0;
}
