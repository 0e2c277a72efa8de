// SPDX-License-Identifier: Apache-2.0
/* Judges an attempt before it is made, on hosts without BPF: what a listener was told that the
 * rules refuse fails as it would by a hook, and its event says so. It is not what holds: the
 * process may change the address once it was read, and then nftables judge what is really sent. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "keeper/gate.h"
#include "keeper/keeper.h"

#define DNS_PORT 53

static bool is_judged(const struct event_net *e)
{
	bool tried =
		e->h.kind == EVENT_CONNECT || e->h.kind == EVENT_SEND || e->h.kind == EVENT_BIND;

	return tried && (e->family == AF_INET || e->family == AF_INET6) &&
	       (e->protocol == IPPROTO_TCP || e->protocol == IPPROTO_UDP);
}

static struct egress_address address_of(const struct event_net *e)
{
	struct egress_address a = { .bytes = { [10] = 0xff, [11] = 0xff } };

	if (e->family == AF_INET)
		memcpy(a.bytes + 12, e->address, 4);
	else
		memcpy(a.bytes, e->address, sizeof(a.bytes));
	return a;
}

/* The unspecified address is another word for loopback. */
static bool stays_inside(const struct egress_address *a)
{
	static const struct egress_address none = { .bytes = { 0 } };
	static const struct egress_address none4 = { .bytes = { [10] = 0xff, [11] = 0xff } };

	return (egress_is4(a) && a->bytes[12] == 127) ||
	       memcmp(a, &in6addr_loopback, sizeof(*a)) == 0 || memcmp(a, &none, sizeof(*a)) == 0 ||
	       memcmp(a, &none4, sizeof(*a)) == 0;
}

int foresee(const struct keeper *k, struct event_header *event)
{
	struct event_net *e = (struct event_net *)event;
	struct egress_question q = { .name = NULL };
	struct egress_answer answer;
	int64_t index;

	if (!k->egress || !is_judged(e))
		return 0;
	q.address = address_of(e);
	q.port = e->port;
	q.transport = (uint8_t)e->protocol;
	index = egress_name_index(&q.address);
	if (stays_inside(&q.address) ||
	    (index == 0 && q.port == DNS_PORT && e->h.kind != EVENT_BIND))
		return 0;
	if (e->h.kind == EVENT_BIND) /* as somebody who is outside */
		return -(e->result = -EPERM);
	if (index > 0 && (uint64_t)index <= k->egress->name_count)
		q.name = k->egress->names[index - 1];
	egress_judge(&k->egress->policy, k->egress->phase, &q, &answer);
	e->rule = answer.rule == EGRESS_NO_RULE ? 0 : (uint16_t)(answer.rule + 1);
	e->result = answer.allowed ? 0 : -EPERM;
	return answer.allowed ? 0 : EPERM;
}
