// SPDX-License-Identifier: Apache-2.0
/* See attempt.h. In a run with a gate a connect says little: the gate's flow says what became of it
 * outside. Names are an agent's, of any bytes. */
#include "detect/attempt.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "detect/keyed.h"
#include "flow/dns.h"

#define LISTED_BITS 7 /* 128 addresses and ports: a fleet; beyond that a rule is a network's */

/* In lower case, without the final dot: as asked for and as the gate tells it are one name. */
static void set_name(struct attempt *a, const char *name, size_t size)
{
	if (size && name[size - 1] == '.')
		size--;
	if (size >= sizeof(a->name))
		size = sizeof(a->name) - 1;
	for (size_t i = 0; i < size; i++)
		a->name[i] = (char)tolower((unsigned char)name[i]);
	a->name[size] = '\0';
}

static void set_key(struct attempt *a)
{
	uint64_t h = keyed_hash(KEYED_HASH, &a->port, sizeof(a->port));

	a->key = a->name[0] ? keyed_hash(h, a->name, strlen(a->name))
			    : keyed_hash(h, a->address.bytes, sizeof(a->address.bytes));
}

/* Whether a rule has this address alone for its host, or a range around it. */
static bool is_ruled(const struct policy *p, const struct egress_address *to, bool exactly)
{
	for (size_t i = 0; i < p->network.allow_count; i++) {
		struct egress_address net;
		unsigned prefix;

		if (egress_address_parse(p->network.allow[i].host, &net, &prefix) == 0 &&
		    egress_covers(&net, prefix, to) && (!exactly || prefix == 128))
			return true;
	}
	return false;
}

static bool lists_port(const struct network_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++)
		if (rule->ports[i] == port)
			return true;
	return false;
}

/* A host or a small range, each port by its number: somebody wrote down what is to be reached. */
static bool is_listed(const struct policy *p, const struct attempt *a,
		      const struct egress_address *to)
{
	for (size_t i = 0; i < p->network.allow_count; i++) {
		const struct network_rule *rule = &p->network.allow[i];
		struct egress_address net;
		unsigned prefix = 128;
		bool holds = a->name[0] ? !strcmp(a->name, rule->host)
					: egress_address_parse(rule->host, &net, &prefix) == 0 &&
						  egress_covers(&net, prefix, to);

		if (holds && lists_port(rule, a->port) && prefix >= 128 - LISTED_BITS &&
		    rule->port_count << (128 - prefix) <= 1u << LISTED_BITS)
			return true;
	}
	return false;
}

/* What an address is to others than its neighbours. */
static bool judge_address(const struct policy *p, struct attempt *a)
{
	struct egress_address to = destination_egress(&a->address);
	const char *special = egress_special(&to);

	a->is_listed = is_listed(p, a, &to);
	if (address_class(&a->address) == ADDRESS_LOOPBACK)
		a->scope = ATTEMPT_LOOPBACK;
	if (!special || egress_name_index(&to) >= 0)
		return true;
	a->is_metadata = !strcmp(special, "metadata");
	a->is_granted = is_ruled(p, &to, true);
	a->is_forbidden =
		(a->is_metadata || !strcmp(special, "private") || !strcmp(special, "link-local")) &&
		!is_ruled(p, &to, false);
	return strcmp(special, "multicast") != 0 && strcmp(special, "broadcast") != 0;
}

static enum outcome of_error(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return OUTCOME_REFUSED;
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
		return OUTCOME_SILENT;
	default:
		return OUTCOME_OPEN;
	}
}

/* Without a gate a connection that was made was answered; with one it was answered by the gate. */
static enum outcome of_connect(const struct detection *d, const struct event_view *e,
			       const struct destination *to)
{
	const struct policy *p = detection_policy(d);
	enum way_out way_out = policy_way_out(p);
	int result = e->net->result;
	const char *reason;
	bool allowed = way_out != WAY_OUT_STRANGE && destination_allowed(p, to, &reason);

	if (address_class(&to->address) == ADDRESS_LOOPBACK || way_out == WAY_OUT_STRANGE)
		return result == 0 ? OUTCOME_ANSWERED : of_error(-result);
	if (destination_is_unseen(e) || result == -ECONNREFUSED)
		return allowed ? OUTCOME_OPEN : OUTCOME_POLICY;
	return destination_is_refused(p, result) ? OUTCOME_POLICY : OUTCOME_OPEN;
}

static bool of_net(const struct detection *d, struct destinations *names,
		   const struct event_view *e, struct attempt *a)
{
	struct destination to;

	if (e->net->family != AF_INET && e->net->family != AF_INET6)
		return false;
	to = destination_of(names, e->net);
	a->address = to.address;
	a->port = to.port;
	/* a datagram socket that is connected says nothing yet: so the C library sorts addresses */
	if (e->h->kind == EVENT_CONNECT && to.transport == IPPROTO_UDP &&
	    (e->net->result >= 0 || to.stands_for_name))
		return false;
	/* the resolver: what is asked there is told by name */
	if (to.stands_for_name && !to.name && to.port == DNS_PORT)
		return false;
	if (to.name)
		set_name(a, to.name, strlen(to.name));
	a->outcome = of_connect(d, e, &to);
	return true;
}

static enum outcome of_state(const struct event_flow *f)
{
	bool heard = f->transport == IPPROTO_TCP ? f->out_port != 0 : f->bytes_down != 0;
	enum outcome failed = of_error(f->error);

	if (f->bytes_down == 0 && failed != OUTCOME_OPEN)
		return failed;
	if (heard && f->state == FLOW_OPENED)
		return OUTCOME_REACHED;
	if (heard)
		return f->bytes_up ? OUTCOME_ANSWERED : OUTCOME_TOUCHED;
	if (f->state == FLOW_CUT)
		return f->error == ECANCELED ? OUTCOME_OPEN : OUTCOME_POLICY;
	return f->state == FLOW_ENDED ? OUTCOME_SILENT : OUTCOME_OPEN;
}

static bool of_flow(const struct event_view *e, struct attempt *a)
{
	const struct event_flow *f = e->flow;

	if (f->direction != FLOW_OUT)
		return false;
	address_set(&a->address, AF_INET6, f->address);
	a->port = f->port;
	set_name(a, e->text[0].data, e->text[0].size);
	a->outcome = of_state(f);
	a->is_heard = f->bytes_down != 0;
	return true;
}

static bool says_no_name(const struct event_view *e)
{
	static const char text[] = "no such name";
	const struct bytes *reason = &e->text[1];

	return reason->size && memmem(reason->data, reason->size, text, sizeof(text) - 1) != NULL;
}

static bool of_question(const struct event_view *e, struct attempt *a)
{
	static const enum outcome outcomes[DNS_VERDICT_COUNT] = {
		[DNS_ANSWERED] = OUTCOME_NAMED,
		[DNS_REFUSED] = OUTCOME_POLICY,
		[DNS_MISSING] = OUTCOME_REFUSED,
		[DNS_FAILED] = OUTCOME_SILENT,
	};

	set_name(a, e->text[0].data, e->text[0].size);
	a->is_name_alone = true;
	a->is_pointer = e->dns->type == DNS_PTR;
	a->outcome = e->dns->verdict < DNS_VERDICT_COUNT ? outcomes[e->dns->verdict] : OUTCOME_OPEN;
	/* most names have no IPv6 address: that says nothing of the name */
	if (e->dns->type == DNS_AAAA && a->outcome == OUTCOME_REFUSED && !says_no_name(e))
		a->outcome = OUTCOME_OPEN;
	return !destination_name_is_own(a->name) &&
	       !labels_look_like_data(a->name, strlen(a->name));
}

bool attempt_of(const struct detection *d, struct destinations *names, const struct event_view *e,
		struct attempt *ret)
{
	bool is_one;

	memset(ret, 0, sizeof(*ret));
	if (e->h->kind == EVENT_DNS) {
		destinations_learn(names, e);
		is_one = of_question(e, ret);
	} else {
		is_one = e->h->kind == EVENT_FLOW ? of_flow(e, ret) : of_net(d, names, e, ret);
		is_one = is_one && judge_address(detection_policy(d), ret);
	}
	if (is_one)
		set_key(ret);
	return is_one;
}
