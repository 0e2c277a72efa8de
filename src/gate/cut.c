// SPDX-License-Identifier: Apache-2.0
/* See cut.h. Owns the list of what is refused: a few lines for each finding that blocks, of which a
 * run has a bounded number. */
#include "gate/cut.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/dns.h"
#include "policy/egress.h"

#define CUTS_MAX 32768 /* findings that act, times their flows */

struct cut {
	uint32_t call; /* 0: every one */
	struct order_target to;
	char reason[24];
};

struct cuts {
	size_t count;
	struct cut of[];
};

void cut_reason(uint32_t finding, char ret[24])
{
	snprintf(ret, 24, "finding F%u", finding);
}

static bool is_of(const struct cut *c, uint32_t call, const uint8_t address[16], uint16_t port)
{
	return (c->call == 0 || c->call == call) && (c->to.port == 0 || c->to.port == port) &&
	       memcmp(c->to.address, address, sizeof(c->to.address)) == 0;
}

const char *cut_refused(const struct gate *g, uint32_t call, const uint8_t address[16],
			uint16_t port)
{
	for (size_t i = 0; g->cuts && i < g->cuts->count; i++)
		if (is_of(&g->cuts->of[i], call, address, port))
			return g->cuts->of[i].reason;
	return NULL;
}

/* Names stand for themselves as what is asked of the resolver. */
static struct order_target resolver(void)
{
	struct order_target to = { .port = DNS_PORT };
	struct egress_address at;

	egress_name_address(0, false, &at);
	memcpy(to.address, at.bytes, sizeof(to.address));
	return to;
}

const char *cut_names_refused(const struct gate *g, uint32_t call)
{
	struct order_target to = resolver();

	return cut_refused(g, call, to.address, to.port);
}

static bool is_there(const struct gate *g, const struct cut *new)
{
	const struct cut *c;

	for (size_t i = 0; g->cuts && i < g->cuts->count; i++) {
		c = &g->cuts->of[i];
		if (c->call == new->call && memcmp(&c->to, &new->to, sizeof(c->to)) == 0)
			return true;
	}
	return false;
}

static int add(struct gate *g, const struct cut *new)
{
	size_t count = g->cuts ? g->cuts->count : 0;
	struct cuts *grown;

	if (is_there(g, new))
		return 0;
	grown = count < CUTS_MAX ? realloc(g->cuts, sizeof(*grown) + (count + 1) * sizeof(*new))
				 : NULL;
	if (!grown)
		return -ENOMEM;
	grown->of[count] = *new;
	grown->count = count + 1;
	g->cuts = grown;
	return 0;
}

int cuts_add(struct gate *g, const struct order *o)
{
	struct order_target to[ORDER_TARGETS_MAX];
	struct cut new = { .call = o->call };
	int r = 0;

	cut_reason(o->finding, new.reason);
	for (size_t i = 0; i < o->flow_count; i++) {
		size_t count = order_targets(&o->flows[i], to);

		for (size_t n = 0; n < count && r == 0; n++) {
			new.to = to[n];
			r = add(g, &new);
		}
	}
	if (o->names && r == 0) {
		new.to = resolver();
		r = add(g, &new);
	}
	return r;
}

static bool is_named(const struct order *o, uint64_t number)
{
	for (size_t i = 0; i < o->flow_count; i++)
		if (o->flows[i].number == number)
			return true;
	return false;
}

bool cut_orders(const struct gate *g, const struct order *o, const struct cut_flow *f,
		struct order_done *done)
{
	bool named = is_named(o, f->number);
	bool also = !named && (o->call == 0 || o->call == f->call) &&
		    cut_refused(g, f->call, f->far, f->port);

	done->cut += named;
	done->also += also;
	return named || also;
}

void cuts_free(struct gate *g)
{
	free(g->cuts);
	g->cuts = NULL;
}
