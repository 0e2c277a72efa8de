// SPDX-License-Identifier: Apache-2.0
/* The table of flows: found by their ends in constant time, in lists by what ends them. Owns the
 * flows. Whatever a capture holds, the table and all that hangs on it stay below the account's
 * limit: over it the flow that has been idle for longest is told as what it is, and forgotten. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "capture/part.h"

#define SLOTS \
	(1u << 18) /* more flows of this size than the account's limit holds share them by few */

#define FRESH NSEC_PER_SEC /* a connection that is being opened takes less */
#define MANY_PART 4	   /* of all flows */

/* How long a flow of each list may be silent before it is over; 0: for ever. */
static const uint64_t idle_ns[LIST_COUNT] = {
	[LIST_OVER] = 60 * NSEC_PER_SEC,  /* TIME-WAIT, as Linux has it */
	[LIST_BEGUN] = 75 * NSEC_PER_SEC, /* BSD repeats a SYN for that long */
	[LIST_CLOSING] = 60 * NSEC_PER_SEC,
	[LIST_DATAGRAM] = 180 * NSEC_PER_SEC, /* Linux: nf_conntrack_udp_timeout_stream 120 s */
	[LIST_STREAM] = 0,
};

int flows_new(struct capture *c)
{
	c->slots = calloc(SLOTS, sizeof(struct flow *));
	c->slot_count = SLOTS;
	return c->slots ? 0 : -ENOMEM;
}

static void unlist(struct capture *c, struct flow *f)
{
	struct flow_list_ends *l = &c->lists[f->list];

	*(f->newer ? &f->newer->older : &l->newest) = f->older;
	*(f->older ? &f->older->newer : &l->eldest) = f->newer;
	l->count--;
}

static void enlist(struct capture *c, struct flow *f, enum flow_list list)
{
	struct flow_list_ends *l = &c->lists[list];

	f->list = (uint8_t)list;
	f->newer = NULL;
	f->older = l->newest;
	*(l->newest ? &l->newest->newer : &l->eldest) = f;
	l->newest = f;
	l->count++;
}

void flows_move(struct capture *c, struct flow *f, enum flow_list list)
{
	unlist(c, f);
	enlist(c, f, list);
}

/* Which of the two stands first in `ret`: 0 from, 1 to. */
static uint8_t ends_of(const struct arrival *a, struct ends *ret)
{
	int order = memcmp(a->from, a->to, 16);
	uint8_t from = order ? order > 0 : a->from_port > a->to_port;

	memcpy(ret->address[from], a->from, 16);
	memcpy(ret->address[!from], a->to, 16);
	ret->port[from] = a->from_port;
	ret->port[!from] = a->to_port;
	ret->transport = a->transport;
	return from;
}

static struct flow **slot_of(struct capture *c, const struct ends *e)
{
	return &c->slots[hash_of(&c->hash, e, sizeof(*e)) % c->slot_count];
}

struct flow *flows_find(struct capture *c, const struct arrival *a, enum meter_side *ret_side)
{
	struct ends e;
	uint8_t from = ends_of(a, &e);

	for (struct flow *f = *slot_of(c, &e); f; f = f->in_slot) {
		if (memcmp(&f->ends, &e, sizeof(e)) != 0)
			continue;
		*ret_side = f->inside == from ? INSIDE : OUTSIDE;
		return f;
	}
	return NULL;
}

struct flow *flows_add(struct capture *c, const struct arrival *a, bool opened_by_from,
		       enum flow_list list)
{
	struct flow *f = calloc(1, sizeof(*f)), **slot;
	uint8_t from;

	if (!f)
		return NULL;
	account_take(&c->account, sizeof(*f));
	from = ends_of(a, &f->ends);
	f->inside = opened_by_from ? from : !from;
	f->number = c->next_flow++;
	f->started_ns = f->last_ns = f->told_ns = c->now_ns;
	relay_opened(c, a->from);
	f->host = hosts_number(c->hosts, f->ends.address[f->inside]);
	c->counts.hosts_more += f->host == 0;
	meter_start(&f->meter, c->now_ns);
	slot = slot_of(c, &f->ends);
	f->in_slot = *slot;
	*slot = f;
	enlist(c, f, list);
	c->flow_count++;
	c->counts.flows++;
	return f;
}

void flows_forget(struct capture *c, struct flow *f)
{
	struct flow **at = slot_of(c, &f->ends);

	while (*at != f)
		at = &(*at)->in_slot;
	*at = f->in_slot;
	unlist(c, f);
	flow_release(c, f);
	account_give(&c->account, sizeof(*f));
	c->flow_count--;
	free(f);
}

static void end(struct capture *c, struct flow *f)
{
	if (f->list == LIST_BEGUN && !f->midstream) {
		tell_connect(c, f, ETIMEDOUT);
		flow_over(c, f, ETIMEDOUT, NULL);
	} else if (f->list != LIST_OVER) {
		/* an echo is asked for to be answered; other datagrams need not be */
		bool silent = f->echoes && !f->answered && !f->error;

		flow_over(c, f, silent ? ETIMEDOUT : f->error, NULL);
	}
}

static void tidy_list(struct capture *c, enum flow_list list)
{
	struct flow *f;

	while (idle_ns[list] && (f = c->lists[list].eldest) &&
	       c->now_ns - f->last_ns > idle_ns[list]) {
		end(c, f);
		if (list == LIST_OVER)
			flows_forget(c, f);
	}
}

/* Those that have least to lose first, as long as they are many or nothing comes of them any more;
 * then whoever was silent for longest. */
static struct flow *least_missed(const struct capture *c)
{
	struct flow *eldest = NULL;

	for (int list = 0; list < LIST_COUNT; list++) {
		const struct flow_list_ends *l = &c->lists[list];
		struct flow *f = l->eldest;

		if (f && (l->count > c->flow_count / MANY_PART || c->now_ns - f->last_ns >= FRESH))
			return f;
		if (f && (!eldest || f->last_ns < eldest->last_ns))
			eldest = f;
	}
	return eldest;
}

static void give_up_one(struct capture *c)
{
	struct flow *f = least_missed(c);

	if (!f)
		return;
	if (f->list != LIST_OVER) {
		c->counts.given_up++;
		flow_over(c, f, f->error, "given up: the memory for flows was full");
	}
	flows_forget(c, f);
}

void flows_tidy(struct capture *c)
{
	tidy_list(c, LIST_OVER);
	tidy_list(c, LIST_BEGUN);
	tidy_list(c, LIST_CLOSING);
	tidy_list(c, LIST_DATAGRAM);
	while (account_over(&c->account) && c->flow_count)
		give_up_one(c);
}

/* In the order of their last packets within each list. What is alive stays told as alive. */
void flows_end_all(struct capture *c)
{
	for (int list = 0; list < LIST_COUNT; list++) {
		struct flow *f;

		while ((f = c->lists[list].eldest)) {
			if (list == LIST_STREAM)
				tell_flow(c, f, FLOW_LIVES, NULL);
			else
				end(c, f);
			flows_forget(c, f);
		}
	}
}

void flows_free(struct capture *c)
{
	for (int list = 0; list < LIST_COUNT; list++)
		while (c->lists[list].eldest)
			flows_forget(c, c->lists[list].eldest);
	free(c->slots);
}

uint16_t flow_port(const struct flow *f)
{
	return f->ends.port[!f->inside];
}
