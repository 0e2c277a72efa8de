// SPDX-License-Identifier: Apache-2.0
/* The life of a flow of network.veth: begun, opened, metered and read, told, over. Owns what hangs
 * on it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gate/flow_event.h"
#include "gate/packet.h"

#define LIVES_NS (60 * NSEC_PER_SEC)

static void tell(struct packet_flow *f, enum flow_state state, int error, const char *reason)
{
	struct gate *g = f->all->g;
	const char *name = f->index ? names_text(g, f->index) : NULL;
	struct flow_event e = {
		.key = &f->key,
		.owner = &f->owner,
		.ends = &f->ends,
		.meter = &f->meter,
		.reader = f->reader,
		.number = f->number,
		.started_ns = f->started_ns,
		.packets = { f->packets[INSIDE], f->packets[OUTSIDE] },
		.index = name ? f->index : 0,
		.rule = f->rule,
		.protocol = f->protocol,
		.traits = f->unread ? 1u << FLOW_TRAIT_UNREAD : 0,
		.name = name,
		.detail = f->detail,
		.state = state,
		.error = error,
		.reason = reason,
	};

	flow_event_tell(g, &e);
}

static void minute_due(struct timer *t)
{
	struct packet_flow *f = container_of(t, struct packet_flow, minute);

	tell(f, FLOW_LIVES, 0, "");
	timer_set(&f->all->g->timers, t, clock_mono_ns() + LIVES_NS);
}

struct packet_flow *packet_flow_begin(struct packets *p, const struct flow_key *wire,
				      enum packet_list list, bool midstream)
{
	size_t bucket = hash_of(&p->hash, wire, sizeof(*wire)) % PACKET_BUCKETS;
	struct packet_flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	account_take(&p->account, sizeof(*f));
	f->all = p;
	f->wire = *wire;
	f->midstream = midstream;
	f->number = p->g->open.next_flow++;
	f->started_ns = f->last_ns = p->now_ns;
	f->minute.due = minute_due;
	meter_start(&f->meter, p->now_ns);
	f->reader = flow_reader_new(wire->protocol, wire->to_port, midstream);
	f->hello = midstream ? NULL : hello_new(&p->account);
	f->list = (uint8_t)list;
	LIST_INSERT_HEAD(&p->buckets[bucket], f, bucket);
	TAILQ_INSERT_TAIL(&p->lists[list], f, order);
	p->count++;
	packet_owner_find(f);
	return f;
}

void packet_flow_opened(struct packet_flow *f, enum packet_list list)
{
	memcpy(f->ends.to.bytes, f->wire.to, sizeof(f->ends.to.bytes));
	memcpy(f->ends.from.bytes, f->wire.from, sizeof(f->ends.from.bytes));
	f->ends.to_port = f->wire.to_port;
	f->ends.from_port = f->wire.from_port; /* behind it the host masquerades */
	packet_flow_move(f, list);
	/* without memory for it its end is told, and no news */
	timer_set(&f->all->g->timers, &f->minute, f->all->now_ns + LIVES_NS);
	tell(f, FLOW_OPENED, 0, "");
}

static void account_reader(struct packet_flow *f)
{
	struct account *a = &f->all->account;
	size_t now = f->reader ? flow_reader_memory(f->reader) + ALLOCATION_COST : 0;

	a->used = a->used - f->reader_memory + now;
	f->reader_memory = now;
}

static void drop_hello(struct packet_flow *f)
{
	hello_free(f->hello, &f->all->account);
	f->hello = NULL;
}

static void read_opening(struct packet_flow *f, enum meter_side side, struct octets o)
{
	struct account *a = &f->all->account;
	char detail[OPENING_WORDS];
	struct opening opening;

	if (!hello_said(f->hello, a, side, o, &opening))
		return;
	f->protocol = (uint16_t)opening.protocol;
	opening_words(&opening, detail);
	f->detail = *detail ? strdup(detail) : NULL;
	if (f->detail)
		account_take(a, strlen(detail) + 1);
	drop_hello(f);
}

void packet_flow_said(struct packet_flow *f, enum meter_side side, struct octets o)
{
	uint64_t now_ns = f->all->now_ns;

	meter_spoke(&f->meter, side, now_ns);
	f->meter.bytes[side] += o.size;
	f->unread |= o.there < o.size;
	if (f->hello)
		read_opening(f, side, o);
	if (!f->reader)
		return;
	flow_reader_take(f->reader, side, now_ns, o.data, o.there, o.size);
	account_reader(f);
	if (flow_reader_news(f->reader))
		flow_event_soon(f->all->g, &f->minute, &f->news);
}

static void ignore(void *context, struct octets o)
{
	(void)context;
	(void)o;
}

static void release(struct packet_flow *f)
{
	struct account *a = &f->all->account;

	timer_stop(&f->all->g->timers, &f->minute);
	drop_hello(f);
	flow_reader_free(f->reader);
	f->reader = NULL;
	account_reader(f);
	for (int side = 0; side < 2; side++)
		stream_end(&f->streams[side], a, ignore, NULL);
	if (f->detail)
		account_give(a, strlen(f->detail) + 1);
	free(f->detail);
	f->detail = NULL;
}

void packet_flow_over(struct packet_flow *f, enum flow_state state, int error, const char *reason)
{
	tell(f, state, error, reason);
	release(f);
	packet_flow_move(f, PACKET_OVER);
}

void packet_flow_forget(struct packet_flow *f)
{
	struct packets *p = f->all;

	release(f);
	LIST_REMOVE(f, bucket);
	TAILQ_REMOVE(&p->lists[f->list], f, order);
	account_give(&p->account, sizeof(*f));
	p->count--;
	free(f);
}
