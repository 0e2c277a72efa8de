// SPDX-License-Identifier: Apache-2.0
/* The kernel's entries for all address rules of a phase. Longest prefix wins in the kernel, so
 * each range that any rule or the public mode treats apart gets an entry that says all that holds
 * in it; one that says what the range around it says already is left out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/egress_ports.h"

/* Rules, roots, IPv4 as such, stand-ins and special ranges. */
#define CANDIDATES_MAX (POLICY_LIST_MAX + EGRESS_ROOTS + EGRESS_STANDINS + 128)

struct candidates {
	size_t count;
	struct egress_range of[CANDIDATES_MAX];
};

static void offer(struct candidates *c, const struct egress_range *range)
{
	if (c->count < CANDIDATES_MAX)
		c->of[c->count++] = *range;
}

static int wider_first(const void *a, const void *b)
{
	const struct egress_range *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return memcmp(&x->net, &y->net, sizeof(x->net));
}

static void collect(const struct egress_rules *rules, struct candidates *c)
{
	struct egress_range special;
	const char *reason;

	for (size_t i = 0; i < rules->policy->network.allow_count; i++)
		if (rules->of[i].by_address)
			offer(c, &rules->of[i].range);
	/* The first is IPv4, which no range of IPv6 reaches into. */
	for (size_t i = 0; i < EGRESS_ROOTS; i++)
		offer(c, &egress_root[i]);
	for (size_t i = 0; i < EGRESS_STANDINS; i++)
		offer(c, &egress_standin[i]);
	for (size_t i = 0;
	     rules->mode == NETWORK_PUBLIC && egress_range_special(i, &special, &reason); i++)
		offer(c, &special);
	qsort(c->of, c->count, sizeof(*c->of), wider_first);
}

static bool is_standin(const struct egress_range *range)
{
	for (size_t i = 0; i < EGRESS_STANDINS; i++)
		if (egress_range_covers(&egress_standin[i], range))
			return true;
	return false;
}

static bool same_ports(const struct egress_entry *e, const struct egress_ports *ports)
{
	if (e->count != ports->count)
		return false;
	for (size_t i = 0; i < e->count; i++) {
		const struct egress_port *a = &e->ports[i], *b = &ports->of[i];

		if (a->low != b->low || a->high != b->high || a->rule != b->rule ||
		    a->transport != b->transport)
			return false;
	}
	return true;
}

/* Whether the nearest entry around the range says the same; without one, nothing is allowed. */
static bool adds_nothing(const struct egress_entry *list, size_t count,
			 const struct egress_range *range, const struct egress_ports *ports)
{
	for (size_t i = count; i-- > 0;) {
		const struct egress_range around = { list[i].address, list[i].prefix };

		if (egress_range_holds(&around, range))
			return same_ports(&list[i], ports);
	}
	return !ports->count;
}

static int too_many(const struct egress_target *to, struct fail *f)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 1024);
	egress_target_words(to, &text);
	return fail_text(f, E2BIG,
			 "network.allow: the entries for %s together name more than %d ranges of "
			 "ports; leave ports out, or name neighbours",
			 buf_text(&text), EGRESS_PORTS_MAX);
}

int egress_entries(const struct policy *p, enum egress_phase phase, struct egress_entry **ret,
		   size_t *ret_count, struct fail *f)
{
	cleanup_free struct egress_entry *list = NULL;
	struct candidates c = { 0 };
	struct egress_rules rules;
	struct egress_ports ports;
	size_t count = 0;

	egress_rules_read(p, egress_mode(p, phase), &rules);
	collect(&rules, &c);
	list = calloc(c.count, sizeof(*list));
	if (!list)
		return fail(f, ENOMEM, "network.allow");
	for (size_t i = 0; i < c.count; i++) {
		const struct egress_target to = { .range = c.of[i] };

		ports.count = 0;
		ports.full = false;
		if (!is_standin(&c.of[i]))
			egress_ports_of(&rules, &to, &ports);
		if (ports.full || ports.count > EGRESS_PORTS_MAX)
			return too_many(&to, f);
		if (adds_nothing(list, count, &c.of[i], &ports))
			continue;
		list[count] = (struct egress_entry){ .address = c.of[i].net,
						     .prefix = c.of[i].prefix,
						     .count = ports.count };
		memcpy(list[count++].ports, ports.of, ports.count * sizeof(*ports.of));
	}
	*ret = take_ptr(list);
	*ret_count = count;
	return 0;
}

/* A name is matched by one exact host and by wildcards that lie in each other, so no name has more
 * than the hosts themselves. */
static int names_fit(const struct egress_rules *rules, struct fail *f)
{
	struct egress_ports ports;

	for (size_t i = 0; i < rules->policy->network.allow_count; i++) {
		const struct egress_target to = { .name = rules->policy->network.allow[i].host };

		if (rules->of[i].by_address)
			continue;
		egress_ports_of(rules, &to, &ports);
		if (ports.full || ports.count > EGRESS_PORTS_MAX)
			return too_many(&to, f);
	}
	return 0;
}

int egress_fits(const struct policy *p, struct fail *f)
{
	struct egress_rules rules;
	int r = 0;

	for (size_t i = 0; r == 0 && i < PHASE_COUNT; i++) {
		enum egress_phase phase = (enum egress_phase)i;
		cleanup_free struct egress_entry *list = NULL;
		size_t count;

		egress_rules_read(p, egress_mode(p, phase), &rules);
		r = names_fit(&rules, f);
		if (r == 0)
			r = egress_entries(p, phase, &list, &count, f);
	}
	return r;
}
