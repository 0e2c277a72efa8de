// SPDX-License-Identifier: Apache-2.0
/* Puts together what all rules that name a destination let pass. The first rule that lets a port
 * pass has it, so later ones get what is left. Pure; trusts nothing. */
#include "policy/egress_ports.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

void egress_rules_read(const struct policy *p, enum policy_network mode, struct egress_rules *ret)
{
	ret->policy = p;
	ret->mode = mode;
	for (size_t i = 0; i < p->network.allow_count; i++)
		ret->of[i].by_address =
			egress_address_parse(p->network.allow[i].host, &ret->of[i].range.net,
					     &ret->of[i].range.prefix) == 0;
}

/* "*.example.org" names what ends in ".example.org" and has something before it, "*" any name. */
static bool host_matches(const char *host, const char *name)
{
	size_t skip;

	if (host[0] != '*')
		return strcasecmp(host, name) == 0;
	if (strlen(name) <= strlen(host + 1))
		return false;
	skip = strlen(name) - strlen(host + 1);
	return strcasecmp(host + 1, name + skip) == 0;
}

bool egress_rule_names(const struct egress_rules *rules, size_t rule,
		       const struct egress_target *to)
{
	if (rules->of[rule].by_address != !to->name)
		return false;
	if (to->name)
		return host_matches(rules->policy->network.allow[rule].host, to->name);
	return egress_range_covers(&rules->of[rule].range, &to->range);
}

bool egress_overlap(const struct network_rule *a, const struct network_rule *b)
{
	struct egress_range x, y;
	bool x_address = egress_address_parse(a->host, &x.net, &x.prefix) == 0;
	bool y_address = egress_address_parse(b->host, &y.net, &y.prefix) == 0;

	if (a->transport != b->transport || x_address != y_address)
		return false;
	if (x_address)
		return egress_range_covers(&x, &y) || egress_range_covers(&y, &x);
	return host_matches(a->host, b->host) || host_matches(b->host, a->host);
}

void egress_target_words(const struct egress_target *to, struct buf *out)
{
	char address[EGRESS_ADDRESS_TEXT];
	bool v4 = egress_is4(&to->range.net) && to->range.prefix >= 96;

	if (to->name) {
		buf_add_text(out, strcmp(to->name, "*") == 0 ? "any name" : to->name);
		return;
	}
	egress_address_text(&to->range.net, address);
	buf_printf(out, "%s/%u", address, to->range.prefix - (v4 ? 96 : 0));
}

static bool before(const struct egress_port *a, uint8_t transport, uint32_t port)
{
	return a->transport < transport || (a->transport == transport && a->high < port);
}

/* Puts in a range that overlaps with none, at its place; what continues its neighbour becomes one
 * with it. */
static void insert(struct egress_ports *p, size_t at, struct egress_port new)
{
	struct egress_port *left = at ? &p->of[at - 1] : NULL;

	if (left && left->transport == new.transport && left->rule == new.rule &&
	    left->high + 1 == new.low) {
		left->high = new.high;
		return;
	}
	if (p->count == EGRESS_PORTS_WORK) {
		p->full = true;
		return;
	}
	memmove(p->of + at + 1, p->of + at, (p->count - at) * sizeof(*p->of));
	p->of[at] = new;
	p->count++;
}

/* Joins neighbours that insert() could not see: those to the right. */
static void join(struct egress_ports *p)
{
	size_t kept = 0;

	for (size_t i = 1; i < p->count; i++) {
		struct egress_port *last = &p->of[kept];

		if (last->transport == p->of[i].transport && last->rule == p->of[i].rule &&
		    last->high + 1 == p->of[i].low)
			last->high = p->of[i].high;
		else
			p->of[++kept] = p->of[i];
	}
	p->count = p->count ? kept + 1 : 0;
}

static void add(struct egress_ports *p, uint8_t transport, uint16_t low, uint16_t high,
		uint16_t rule)
{
	uint32_t from = low;

	while (from <= high) {
		struct egress_port new = { (uint16_t)from, high, rule, transport };
		size_t at = 0;

		while (at < p->count && before(&p->of[at], transport, from))
			at++;
		if (at == p->count || p->of[at].transport != transport || p->of[at].low > high) {
			insert(p, at, new);
			return;
		}
		from = (uint32_t)p->of[at].high + 1;
		new.high = (uint16_t)(p->of[at].low - 1);
		if (new.low < p->of[at].low)
			insert(p, at, new);
		if (p->full)
			return;
	}
}

void egress_ports_of(const struct egress_rules *rules, const struct egress_target *to,
		     struct egress_ports *ret)
{
	const struct policy *p = rules->policy;

	ret->count = 0;
	ret->full = false;
	if (rules->mode == NETWORK_DENY)
		return;
	for (size_t i = 0; i < p->network.allow_count; i++) {
		const struct network_rule *rule = &p->network.allow[i];
		uint8_t transport = rule->transport == TRANSPORT_UDP ? IPPROTO_UDP : IPPROTO_TCP;

		if (!egress_rule_names(rules, i, to))
			continue;
		if (!rule->port_count)
			add(ret, transport, 1, UINT16_MAX, (uint16_t)i);
		for (size_t k = 0; k < rule->port_count; k++)
			add(ret, transport, rule->ports[k], rule->ports[k], (uint16_t)i);
	}
	if (rules->mode == NETWORK_PUBLIC && (to->name || !egress_range_reason(&to->range)))
		add(ret, IPPROTO_TCP, 1, UINT16_MAX, EGRESS_NO_RULE);
	join(ret);
}
