// SPDX-License-Identifier: Apache-2.0
/* Carried sockets; see carry.h. Owns the destinations. Names are looked up once, by the host's
 * resolver: what the sandbox does can make it look up nothing. */
#include "gate/carry.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"

struct carried {
	size_t count;
	struct carry_to of[CARRY_MAX];
};

static void add_address(struct carry_to *to, const void *address, socklen_t size)
{
	struct dial_address *a = &to->list[to->count];

	if (to->count == DIAL_MAX || size > sizeof(a->at))
		return;
	memcpy(a->at.bytes, address, size);
	a->size = size;
	to->count++;
}

static int find(const struct carry *c, struct carry_to *to, struct fail *f)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct addrinfo *list = NULL;
	char port[8];
	int r;

	if (c->unix_path) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", c->unix_path);
		add_address(to, &un, sizeof(un));
		return 0;
	}
	snprintf(port, sizeof(port), "%u", c->host_port);
	r = getaddrinfo(c->host, port, &hints, &list);
	if (r != 0)
		return fail_text(f, ENOENT, "carried socket %u: %s: %s", c->port, c->host,
				 gai_strerror(r));
	for (struct addrinfo *a = list; a; a = a->ai_next)
		add_address(to, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

int carry_open(struct gate *g, struct fail *f)
{
	const struct text_list *texts = &g->policy.network.carry;
	int first = 0;

	g->carried = calloc(1, sizeof(*g->carried));
	if (!g->carried)
		return fail(f, ENOMEM, "carried sockets");
	for (size_t i = 0; i < texts->count && i < CARRY_MAX; i++) {
		struct carry_to *to = &g->carried->of[g->carried->count++];
		struct carry c;
		int r;

		to->text = strdup(texts->items[i]);
		if (!to->text || carry_parse(to->text, &c) < 0)
			return fail(f, to->text ? EINVAL : ENOMEM, "carried sockets");
		to->to = c.to;
		to->port = c.port;
		to->error = ENOENT;
		r = find(&c, to, first ? NULL : f);
		first = first ? first : r;
	}
	return first;
}

struct carry_to *carry_to(const struct gate *g, uint32_t at)
{
	return g->carried && at < g->carried->count ? &g->carried->of[at] : NULL;
}

static void tell_failures(struct gate *g, const struct carry_to *to)
{
	struct message_text t = { .code = to->error };
	cleanup_buf struct buf data = { 0 };

	snprintf(t.text, sizeof(t.text),
		 "carried socket %u: %" PRIu64 " of %" PRIu64 " connections did not reach %s: %s",
		 to->port, to->failed, to->connections, to->to, strerror(to->error));
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	gate_send(g, MESSAGE_GATE_NOTICE, &data);
}

void carry_close(struct gate *g)
{
	for (size_t i = 0; g->carried && i < g->carried->count; i++) {
		struct carry_to *to = &g->carried->of[i];

		if (to->failed)
			tell_failures(g, to);
		free(to->text);
	}
	free(g->carried);
	g->carried = NULL;
}
