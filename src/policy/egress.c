// SPDX-License-Identifier: Apache-2.0
/* The judgement of one destination, and the kernel's entries for all of them; see egress.h. Pure;
 * the policy has been checked, the questions have not. */
#include "policy/egress.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/egress_ports.h"

enum policy_network egress_mode(const struct policy *p, enum egress_phase phase)
{
	const enum policy_network modes[PHASE_COUNT] = { p->network.setup, p->network.run,
							 p->network.verify };

	return (size_t)phase < PHASE_COUNT ? modes[phase] : NETWORK_DENY;
}

bool egress_wanted(const struct policy *p)
{
	if (p->network.carry.count || p->network.publish.count)
		return true;
	for (size_t i = 0; i < PHASE_COUNT; i++) {
		enum policy_network mode = egress_mode(p, (enum egress_phase)i);

		if (mode == NETWORK_PUBLIC || (mode == NETWORK_ALLOWLIST && p->network.allow_count))
			return true;
	}
	return false;
}

static bool lets_port_pass(const struct network_rule *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++)
		if (rule->ports[i] == port)
			return true;
	return !rule->port_count && port;
}

/* Stands for no rule at all: for what may never be reached, whatever the policy says. */
static const char *never(const struct policy *p, enum egress_phase phase,
			 const struct egress_question *q)
{
	static const char *const closed[PHASE_COUNT] = {
		[PHASE_SETUP] = "phase setup: none",
		[PHASE_RUN] = "phase run: none",
		[PHASE_VERIFY] = "phase verify: none",
	};

	if (egress_mode(p, phase) == NETWORK_DENY)
		return (size_t)phase < PHASE_COUNT ? closed[phase] : "no such phase";
	for (size_t i = 0; i < EGRESS_STANDINS && !q->name; i++)
		if (egress_covers(&egress_standin[i].net, egress_standin[i].prefix, &q->address))
			return "the address stands for no name";
	return NULL;
}

static bool public_allows(const struct policy *p, enum egress_phase phase,
			  const struct egress_question *q, const char **reason)
{
	const char *special = q->name ? NULL : egress_special(&q->address);

	if (egress_mode(p, phase) != NETWORK_PUBLIC)
		return false;
	if (special)
		*reason = special;
	else if (q->transport != IPPROTO_TCP)
		*reason = "datagrams pass only by a rule";
	return !special && q->transport == IPPROTO_TCP && q->port;
}

void egress_judge(const struct policy *p, enum egress_phase phase, const struct egress_question *q,
		  struct egress_answer *ret)
{
	const struct egress_target to = { q->name, { q->address, 128 } };
	const char *reason = never(p, phase, q);
	struct egress_rules rules;

	*ret = (struct egress_answer){ .rule = EGRESS_NO_RULE, .reason = reason };
	if (reason)
		return;
	ret->reason = "no rule allows it";
	egress_rules_read(p, egress_mode(p, phase), &rules);
	for (size_t i = 0; i < p->network.allow_count; i++) {
		const struct network_rule *rule = &p->network.allow[i];
		bool udp = rule->transport == TRANSPORT_UDP;

		if (!egress_rule_names(&rules, i, &to))
			continue;
		if (q->transport == (udp ? IPPROTO_UDP : IPPROTO_TCP) &&
		    lets_port_pass(rule, q->port)) {
			*ret = (struct egress_answer){ true, (uint16_t)i, rule->protocol,
						       "a rule allows it" };
			return;
		}
		ret->reason = "no rule allows this port";
	}
	ret->allowed = public_allows(p, phase, q, &ret->reason);
	if (ret->allowed)
		ret->reason = "public";
}

bool egress_name_allowed(const struct policy *p, enum egress_phase phase, const char *name)
{
	const struct egress_target to = { .name = name };
	struct egress_rules rules;

	egress_rules_read(p, egress_mode(p, phase), &rules);
	for (size_t i = 0; i < p->network.allow_count && rules.mode != NETWORK_DENY; i++)
		if (egress_rule_names(&rules, i, &to))
			return true;
	return rules.mode == NETWORK_PUBLIC;
}

/* As many as there is room for: what is left out is refused, and policy_supported() has seen that
 * nothing is. */
static void take_ports(const struct egress_ports *ports, struct egress_entry *ret)
{
	ret->count = ports->count < EGRESS_PORTS_MAX ? ports->count : EGRESS_PORTS_MAX;
	memcpy(ret->ports, ports->of, ret->count * sizeof(*ret->ports));
}

void egress_name_entry(const struct policy *p, enum egress_phase phase, const char *name,
		       uint32_t index, bool v6, struct egress_entry *ret)
{
	const struct egress_target to = { .name = name };
	struct egress_rules rules;
	struct egress_ports ports;

	egress_rules_read(p, egress_mode(p, phase), &rules);
	egress_ports_of(&rules, &to, &ports);
	*ret = (struct egress_entry){ .prefix = 128 };
	egress_name_address(index, v6, &ret->address);
	take_ports(&ports, ret);
}
