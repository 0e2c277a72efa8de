// SPDX-License-Identifier: Apache-2.0
/* Puts uses of the network together into rules; see learn.h. Where one port of a host spoke several
 * protocols, its rule names none: the first rule for a port decides. */
#include "policy/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/egress.h"
#include "policy/setting.h"

static struct learn_use *find(const struct learn *l, const char *host,
			      enum policy_transport transport, uint16_t port)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->uses[i].port == port && l->uses[i].transport == transport &&
		    strcmp(l->uses[i].host, host) == 0)
			return &l->uses[i];
	return NULL;
}

static int append(struct learn *l, const char *host, enum policy_transport transport, uint16_t port)
{
	size_t room = l->room ? 2 * l->room : 16;
	struct learn_use *uses = l->uses;

	if (l->count == LEARN_USES_MAX)
		return -E2BIG;
	if (l->count == l->room) {
		uses = reallocarray(l->uses, room, sizeof(*uses));
		if (!uses)
			return -ENOMEM;
		l->uses = uses;
		l->room = room;
	}
	uses[l->count] =
		(struct learn_use){ .host = strdup(host), .transport = transport, .port = port };
	if (!uses[l->count].host)
		return -ENOMEM;
	l->count++;
	return 0;
}

int learn_add(struct learn *l, const char *host, enum policy_transport transport, uint16_t port,
	      const char *protocol)
{
	struct learn_use *use = find(l, host, transport, port);
	int r = use ? 0 : append(l, host, transport, port);

	if (r < 0)
		return r;
	use = use ? use : &l->uses[l->count - 1];
	use->plain |= use->protocol && protocol && strcmp(use->protocol, protocol) != 0;
	use->protocol = use->plain ? NULL : use->protocol ? use->protocol : protocol;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct learn_use *x = a, *y = b;
	int r = strcmp(x->host, y->host);

	if (r == 0)
		r = (int)x->transport - (int)y->transport;
	if (r == 0)
		r = strcmp(x->protocol ? x->protocol : "", y->protocol ? y->protocol : "");
	return r ? r : (int)x->port - (int)y->port;
}

static bool same_protocol(const struct learn_use *a, const struct learn_use *b)
{
	if (!a->protocol || !b->protocol)
		return a->protocol == b->protocol;
	return strcmp(a->protocol, b->protocol) == 0;
}

/* How many of the uses from here on may be in one rule. */
static size_t span(const struct learn_use *uses, size_t count, bool protocol_too)
{
	size_t n = 1;

	while (n < count && strcmp(uses[n].host, uses->host) == 0 &&
	       uses[n].transport == uses->transport &&
	       (!protocol_too || same_protocol(&uses[n], uses)))
		n++;
	return n;
}

/* One rule for `count` uses; any_port: there are more than one host may name. */
static int add_rule(struct policy *p, const struct learn_use *uses, size_t count, bool any_port)
{
	struct network_rule rule = NETWORK_RULE_NEW;
	int r = 0;

	rule.transport = uses->transport;
	rule.host = strdup(uses->host);
	if (uses->protocol && !any_port)
		rule.protocol = strdup(uses->protocol);
	if (!any_port)
		rule.ports = calloc(count, sizeof(*rule.ports));
	if (!rule.host || (!any_port && (!rule.ports || (uses->protocol && !rule.protocol))))
		r = -ENOMEM;
	for (size_t i = 0; i < count && r == 0 && !any_port; i++)
		rule.ports[rule.port_count++] = uses[i].port;
	if (r == 0)
		r = network_rule_add(p, &rule);
	if (r < 0)
		network_rule_clear(&rule);
	return r;
}

static size_t host_span(const struct learn_use *uses, size_t count)
{
	size_t n = 1;

	while (n < count && strcmp(uses[n].host, uses->host) == 0)
		n++;
	return n;
}

/* A name without a rule does not resolve, so one that was only asked for needs some port: that of
 * tcpmux (RFC 1078), behind which nothing is found. */
static void settle_names(struct learn *l)
{
	size_t kept = 0, n;

	for (size_t i = 0; i < l->count; i += n) {
		n = host_span(l->uses + i, l->count - i);
		for (size_t k = i; k < i + n; k++) {
			bool alone = l->uses[k].port == LEARN_NAME_ALONE;

			if (alone && n > 1) {
				free(l->uses[k].host);
				continue;
			}
			l->uses[kept] = l->uses[k];
			l->uses[kept++].port = alone ? 1 : l->uses[k].port;
		}
	}
	l->count = kept;
}

/* The uses of one host by one transport. */
static int add_host(struct policy *p, const struct learn_use *uses, size_t count)
{
	size_t n;
	int r = 0;

	if (count > EGRESS_PORTS_MAX)
		return add_rule(p, uses, count, true);
	for (size_t i = 0; i < count && r == 0; i += n) {
		n = span(uses + i, count - i, true);
		r = add_rule(p, uses + i, n, false);
	}
	return r;
}

int learn_network(struct learn *l, struct policy *p, struct fail *f)
{
	static const bool given[3] = { false };
	int r = 0;
	size_t n;

	network_rules_clear(p);
	p->network.standard = DEFAULT_DENY;
	if (l->count)
		qsort(l->uses, l->count, sizeof(*l->uses), compare);
	settle_names(l);
	for (size_t i = 0; i < l->count && r == 0; i += n) {
		n = span(l->uses + i, l->count - i, false);
		r = add_host(p, l->uses + i, n);
	}
	if (r < 0)
		return fail(f, -r, "network.allow");
	if (p->network.allow_count > POLICY_LIST_MAX)
		return fail_text(f, E2BIG,
				 "what was seen needs %zu entries of network.allow, and a policy "
				 "has at most %d",
				 p->network.allow_count, POLICY_LIST_MAX);
	network_phases_derive(p, given);
	return egress_fits(p, f);
}

void learn_free(struct learn *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->uses[i].host);
	free(l->uses);
	*l = (struct learn){ 0 };
}
