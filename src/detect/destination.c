// SPDX-License-Identifier: Apache-2.0
/* Destinations by name and by policy; see destination.h. Names come from a record: they are told
 * as they are, and bounded in number. */
#include "detect/destination.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum way_out policy_way_out(const struct policy *p)
{
	for (int phase = 0; phase < PHASE_COUNT; phase++) {
		enum policy_network mode = egress_mode(p, (enum egress_phase)phase);

		if (mode == NETWORK_PUBLIC || (mode == NETWORK_ALLOWLIST && p->network.allow_count))
			return WAY_OUT_GATE;
	}
	return p->network.standard == DEFAULT_ALLOW ? WAY_OUT_STRANGE : WAY_OUT_NONE;
}

void destinations_free(struct destinations *all)
{
	for (size_t i = 0; i < DESTINATION_NAMES_MAX; i++)
		free(all->names[i]);
}

void destinations_learn(struct destinations *all, const struct event_view *dns)
{
	uint32_t index = dns->dns->index;

	if (index && index < DESTINATION_NAMES_MAX && !all->names[index])
		all->names[index] = strndup(dns->text[0].data, dns->text[0].size);
}

struct egress_address destination_egress(const struct address *a)
{
	struct egress_address to = { .bytes = { [10] = 0xff, [11] = 0xff } };

	if (a->family == AF_INET)
		memcpy(to.bytes + 12, a->bytes, 4);
	else
		memcpy(to.bytes, a->bytes, 16);
	return to;
}

struct destination destination_of(const struct destinations *all, const struct event_net *net)
{
	bool stream = (net->type & 0xf) == SOCK_STREAM;
	struct destination d = { .port = net->port,
				 .transport = stream ? IPPROTO_TCP : IPPROTO_UDP };
	struct egress_address to;
	int64_t index;

	address_set(&d.address, net->family, net->address);
	to = destination_egress(&d.address);
	index = egress_name_index(&to);
	d.stands_for_name = index >= 0;
	if (all && index > 0 && index < DESTINATION_NAMES_MAX)
		d.name = all->names[index];
	return d;
}

bool destination_allowed(const struct policy *p, const struct destination *d,
			 const char **ret_reason)
{
	struct egress_question q = { .name = d->name,
				     .address = destination_egress(&d->address),
				     .port = d->port,
				     .transport = d->transport };
	struct egress_answer answer = { 0 };

	/* The reason that the usual phase gives is the one that is told: it comes last. */
	static const enum egress_phase order[PHASE_COUNT] = { PHASE_SETUP, PHASE_VERIFY,
							      PHASE_RUN };

	for (size_t i = 0; i < PHASE_COUNT; i++) {
		egress_judge(p, order[i], &q, &answer);
		if (answer.allowed)
			return true;
	}
	*ret_reason = answer.reason;
	return false;
}

bool destination_name_is_own(const char *name)
{
	size_t size = strlen(name);

	return !strchr(name, '.') || (size > 6 && !strcmp(name + size - 6, ".local"));
}

bool destination_is_refusal(int result)
{
	switch (-result) {
	case EPERM:
	case EACCES:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
		return true;
	default:
		return false;
	}
}

bool destination_is_refused(const struct policy *p, int result)
{
	return p->network.veth ? result == -EPERM : destination_is_refusal(result);
}

bool destination_is_unseen(const struct event_view *e)
{
	return (e->h->flags & EVENT_NO_CGROUP) && e->h->kind != EVENT_FLOW &&
	       e->h->kind != EVENT_DNS && e->net->result == 0;
}
