// SPDX-License-Identifier: Apache-2.0
/* Flows by destination; see flows.h. Every event of a flow says all of it, so what the one before
 * said is taken back. Bounded: further flows and destinations are counted, not told apart. */
#include "report/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/array.h"
#include "store/tally.h"

#define SLOTS 4096 /* over REPORT_DESTINATIONS_MAX, a power of two */

struct seen {
	uint32_t place; /* of its destination, from 1; 0: not seen yet */
	bool cut;
	uint64_t up, down;
};

struct flow_walk {
	struct report_network *network;
	struct seen *flows; /* by number */
	size_t flow_room, room;
	uint32_t slots[SLOTS]; /* place of a destination, from 1 */
};

static size_t hash(const void *data, size_t size, size_t h)
{
	const unsigned char *p = data;

	while (size--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

static bool is_it(const struct report_destination *d, const struct event_view *e)
{
	const struct event_flow *f = e->flow;

	if (d->port != f->port || d->transport != f->transport || d->in != (f->direction != 0))
		return false;
	if (!d->name)
		return !e->text[0].size && memcmp(d->address, f->address, 16) == 0;
	return strlen(d->name) == e->text[0].size &&
	       memcmp(d->name, e->text[0].data, e->text[0].size) == 0;
}

static uint32_t *find_slot(struct flow_walk *w, const struct event_view *e)
{
	size_t at = hash(&e->flow->port, sizeof(e->flow->port), 0);

	if (e->text[0].size)
		at = hash(e->text[0].data, e->text[0].size, at);
	else
		at = hash(e->flow->address, sizeof(e->flow->address), at);
	for (at &= SLOTS - 1; w->slots[at]; at = (at + 1) & (SLOTS - 1))
		if (is_it(&w->network->destinations[w->slots[at] - 1], e))
			break;
	return &w->slots[at];
}

/* The destination, new or not; *ret NULL: there are too many. */
static int touch(struct flow_walk *w, const struct event_view *e, struct report_destination **ret)
{
	struct report_network *n = w->network;
	uint32_t *slot = find_slot(w, e);
	struct report_destination *d;

	*ret = NULL;
	if (!*slot && n->count >= REPORT_DESTINATIONS_MAX) {
		n->destinations_more = true;
		return 0;
	}
	if (!*slot) {
		if (array_grow(&n->destinations, &w->room, n->count, sizeof(*n->destinations),
			       REPORT_DESTINATIONS_MAX * 2) < 0)
			return -ENOMEM;
		d = &n->destinations[n->count];
		*d = (struct report_destination){ .port = e->flow->port,
						  .transport = (uint8_t)e->flow->transport,
						  .in = e->flow->direction != 0 };
		memcpy(d->address, e->flow->address, sizeof(d->address));
		if (e->text[0].size && !(d->name = strndup(e->text[0].data, e->text[0].size)))
			return -ENOMEM;
		*slot = (uint32_t)++n->count;
	}
	*ret = &n->destinations[*slot - 1];
	return 0;
}

static void add_call(struct report_destination *d, uint32_t call)
{
	for (size_t i = 0; i < d->call_count; i++)
		if (d->calls[i] == call)
			return;
	if (d->call_count == REPORT_CALLS_TO_MAX)
		d->calls_more = true;
	else
		d->calls[d->call_count++] = call;
}

static int add_reason(struct report_destination *d, struct bytes reason)
{
	free(d->reason);
	d->reason = strndup(reason.data ? reason.data : "", reason.size);
	return d->reason ? 0 : -ENOMEM;
}

static int add_to_destination(struct flow_walk *w, const struct event_view *e,
			      const struct seen *before, struct seen *now)
{
	uint64_t lasted = flow_lasted_ns(e->flow);
	struct report_destination *d;

	if (touch(w, e, &d) < 0)
		return -ENOMEM;
	if (!d)
		return 0;
	now->place = (uint32_t)(d - w->network->destinations) + 1;
	d->flows += !before->place;
	d->cut += now->cut && !before->cut;
	d->bytes_up += now->up - before->up;
	d->bytes_down += now->down - before->down;
	if (e->flow->protocol != PROTOCOL_UNKNOWN)
		d->protocol = (enum protocol)e->flow->protocol;
	if (d->longest_ns < lasted)
		d->longest_ns = lasted;
	add_call(d, e->h->call);
	return now->cut ? add_reason(d, e->text[2]) : 0;
}

int flow_walk_event(struct flow_walk *w, const struct event_view *e, struct doing *d)
{
	const struct event_flow *f = e->flow;
	struct seen *kept, now, before;

	if (!f->flow || f->flow > TALLY_FLOWS_MAX) {
		w->network->flows_more += f->state == FLOW_ENDED || f->state == FLOW_CUT;
		return 0;
	}
	if (array_grow(&w->flows, &w->flow_room, f->flow, sizeof(*w->flows), TALLY_FLOWS_MAX + 1) <
	    0)
		return -ENOMEM;
	kept = &w->flows[f->flow];
	before = *kept;
	now = (struct seen){ .place = UINT32_MAX,
			     .cut = f->state == FLOW_CUT,
			     .up = f->bytes_up,
			     .down = f->bytes_down };
	if (add_to_destination(w, e, &before, &now) < 0)
		return -ENOMEM;
	*kept = now;
	w->network->flows += !before.place;
	d->flows += !before.place;
	d->flows_cut += now.cut && !before.cut;
	d->net_up += now.up - before.up;
	d->net_down += now.down - before.down;
	return 0;
}

int flow_walk_new(struct report *r, struct flow_walk **ret)
{
	struct flow_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->network = &r->network;
	*ret = w;
	return 0;
}

/* The one with most bytes first; of those that are alike, the one that was there first. */
static int by_bytes(const void *a, const void *b)
{
	const struct report_destination *x = a, *y = b;
	uint64_t m = x->bytes_up + x->bytes_down, n = y->bytes_up + y->bytes_down;

	return m != n ? (m < n ? 1 : -1) : x->first < y->first ? -1 : x->first > y->first;
}

void flow_walk_end(struct flow_walk *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->network->count; i++)
		w->network->destinations[i].first = i;
	if (w->network->count)
		qsort(w->network->destinations, w->network->count,
		      sizeof(*w->network->destinations), by_bytes);
	free(w->flows);
	free(w);
}

void network_free(struct report_network *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->destinations[i].name);
		free(n->destinations[i].reason);
	}
	free(n->destinations);
}
