// SPDX-License-Identifier: Apache-2.0
/* See cut.h. Owns the list of what is refused: a few lines for each finding that blocks, of which a
 * run has a bounded number. */
#include "gate/cut.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int cuts_add(struct gate *g, const struct order *o)
{
	for (size_t i = 0; i < o->flow_count; i++) {
		size_t count = g->cuts ? g->cuts->count : 0;
		struct cut new = { .call = o->call };
		struct cuts *grown;

		if (!order_target(&o->flows[i], &new.to) || is_there(g, &new))
			continue;
		grown = count < CUTS_MAX
				? realloc(g->cuts, sizeof(*grown) + (count + 1) * sizeof(new))
				: NULL;
		if (!grown)
			return -ENOMEM;
		cut_reason(o->finding, new.reason);
		grown->of[count] = new;
		grown->count = count + 1;
		g->cuts = grown;
	}
	return 0;
}

void cuts_free(struct gate *g)
{
	free(g->cuts);
	g->cuts = NULL;
}
