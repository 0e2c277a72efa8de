// SPDX-License-Identifier: Apache-2.0
/* See reader.h. Each side is in a step (reader_part.h), which reads what comes and says which step
 * is next. Owns what a side keeps while it is followed; trusts neither side. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flow/reader_part.h"

/* Bytes of text that are read: so many at once, and so many a second. Miners say far less. */
#define BUDGET_MAX (128 * 1024)
#define BUDGET_PER_SECOND 4096
#define KEPT_LEAST 32
#define AGAIN_NS NSEC_PER_SEC /* a silence after which a side may begin something else */

static step_read *const steps[STEP_COUNT] = {
	[STEP_BEGIN] = begin_read, [STEP_PLAIN] = plain_read, [STEP_HTTP] = http_read,
	[STEP_SOCKS] = socks_read, [STEP_SSH] = ssh_read,     [STEP_WAIT] = wait_read,
	[STEP_DULL] = dull_read,
};

struct flow_reader *flow_reader_new(uint16_t transport, uint16_t port, bool midstream)
{
	struct flow_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	pace_start(&r->pace);
	r->transport = transport;
	r->port = port;
	r->client = INSIDE;
	r->budget = BUDGET_MAX;
	if (midstream)
		reader_note(r, FLOW_TRAIT_MIDSTREAM);
	return r;
}

void flow_reader_client(struct flow_reader *r, enum meter_side client)
{
	r->client = (uint8_t)client;
}

void flow_reader_free(struct flow_reader *r)
{
	if (!r)
		return;
	for (int i = INSIDE; i <= OUTSIDE; i++) {
		free(r->sides[i].kept);
		free(r->sides[i].rpc);
		free(r->sides[i].http);
		free(r->sides[i].frame);
	}
	free(r);
}

size_t flow_reader_memory(const struct flow_reader *r)
{
	size_t sum = sizeof(*r);

	for (int i = INSIDE; i <= OUTSIDE; i++)
		sum += r->sides[i].kept_room + (r->sides[i].rpc ? sizeof(struct rpc) : 0) +
		       (r->sides[i].http ? sizeof(struct http) : 0) +
		       (r->sides[i].frame ? sizeof(struct frame) : 0);
	return sum;
}

bool side_keep(struct side *s, const uint8_t *data, size_t size)
{
	size_t room = s->kept_room ? s->kept_room : KEPT_LEAST;
	uint8_t *grown = s->kept;

	if (s->kept_size + size > KEPT_MAX)
		return false;
	while (room < s->kept_size + size)
		room *= 2;
	if (room > s->kept_room)
		grown = realloc(s->kept, room);
	if (!grown)
		return false;
	s->kept = grown;
	s->kept_room = (uint16_t)room;
	memcpy(s->kept + s->kept_size, data, size);
	s->kept_size = (uint16_t)(s->kept_size + size);
	return true;
}

void side_forget(struct side *s)
{
	free(take_ptr(s->kept));
	s->kept_size = s->kept_room = 0;
}

void side_step(struct flow_reader *r, enum meter_side side, enum step step)
{
	struct side *s = &r->sides[side];

	s->step = (uint8_t)step;
	s->looks = s->count = 0;
	lines_start(s);
	free(take_ptr(s->rpc));
	if (step != STEP_HTTP)
		free(take_ptr(s->http));
	if (step == STEP_DULL)
		side_forget(s);
}

void reader_note(struct flow_reader *r, enum flow_trait trait)
{
	r->signs.traits |= 1u << trait;
}

void reader_know(struct flow_reader *r, enum protocol protocol)
{
	if (protocol == PROTOCOL_UNKNOWN)
		return;
	r->level = (uint16_t)protocol;
	if (!r->carriers && r->protocol == PROTOCOL_UNKNOWN)
		r->protocol = (uint16_t)protocol;
	if (!r->carriers)
		return;
	reader_note(r, FLOW_TRAIT_INNER);
	if (!r->inner_known)
		r->signs.inner = (uint16_t)protocol;
	r->inner_known = true;
}

void side_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	while (size) {
		uint8_t step = r->sides[side].step;
		size_t used = steps[step](r, side, data, size);

		if (!used && step == r->sides[side].step)
			return;
		data += used;
		size -= used;
	}
}

void side_again(struct flow_reader *r, enum meter_side side)
{
	struct side *s = &r->sides[side];
	size_t size = s->kept_size;
	cleanup_free uint8_t *kept = take_ptr(s->kept);

	s->kept_size = s->kept_room = 0;
	side_read(r, side, kept, size);
}

static bool side_framed(struct side *s)
{
	if (!s->frame)
		s->frame = calloc(1, sizeof(*s->frame));
	return s->frame;
}

void reader_carry(struct flow_reader *r, enum flow_trait trait, bool framed)
{
	bool deep = r->carriers == CARRIERS_MAX || (framed && r->sides[INSIDE].frame);
	enum meter_side client = r->client;

	reader_note(r, trait);
	r->carriers += !deep;
	r->level = PROTOCOL_UNKNOWN;
	r->inner_known = r->asked_tunnel = r->asked_head = false;
	for (int i = INSIDE; i <= OUTSIDE; i++) {
		struct side *s = &r->sides[i];

		if (s->step != STEP_WAIT)
			side_forget(s);
		s->begun = s->has_line = s->sampled = s->text = false;
		s->left = 0;
		side_step(r, i, deep || (framed && !side_framed(s)) ? STEP_DULL : STEP_BEGIN);
	}
	side_again(r, client);
}

static void refill(struct flow_reader *r, uint64_t now_ns)
{
	uint64_t more = (now_ns - r->refilled_ns) / (NSEC_PER_SEC / BUDGET_PER_SECOND);

	if (now_ns < r->refilled_ns || !more)
		return;
	r->refilled_ns = now_ns;
	r->budget = more > BUDGET_MAX - r->budget ? BUDGET_MAX : r->budget + (uint32_t)more;
}

/* Bytes that a capture lacks: what tells its length is still followed, anything else begins anew.
 */
static void missed(struct flow_reader *r, enum meter_side side, uint64_t size)
{
	struct side *s = &r->sides[side];
	bool open = r->level == PROTOCOL_HTTP || r->level == PROTOCOL_UNKNOWN;

	if (s->frame) {
		frames_missed(s, size);
	} else if (s->step == STEP_SSH && s->left >= size) {
		s->left -= size;
	} else if (s->step != STEP_HTTP || !http_missed(s, size)) {
		side_forget(s);
		s->begun = true;
		side_step(r, side, open ? STEP_BEGIN : STEP_DULL);
	}
}

void flow_reader_moved(struct flow_reader *r, uint64_t now_ns)
{
	pace_moved(&r->pace, now_ns);
}

void flow_reader_take(struct flow_reader *r, enum meter_side side, uint64_t now_ns,
		      const void *data, size_t there, size_t size)
{
	uint32_t turns = r->signs.turns[side];
	uint64_t idle_ns = pace_spoke(&r->pace, &r->signs, side, r->client, now_ns, size);
	struct side *s = &r->sides[side];

	refill(r, now_ns);
	if (there)
		packets_read(r, side, data, there);
	if (r->transport != IPPROTO_TCP) {
		sample_read(r, side, data, there);
		return;
	}
	r->said = size;
	r->turn = turns != r->signs.turns[side];
	if (idle_ns >= AGAIN_NS && s->step == STEP_DULL)
		side_step(r, side, STEP_BEGIN);
	if (FLOW_HAS(&r->signs, MIDSTREAM))
		begin_midstream(r, side, data, there);
	if (s->frame && there)
		frames_read(r, side, data, there);
	else
		side_read(r, side, data, there);
	if (there < size)
		missed(r, side, size - there);
}

const struct flow_signs *flow_reader_signs(const struct flow_reader *r)
{
	return &r->signs;
}

enum protocol flow_reader_protocol(const struct flow_reader *r)
{
	return r->protocol;
}

/* What every other flow has says nothing that could not wait. */
#define DULL_TRAITS                                                                            \
	(1u << FLOW_TRAIT_MIDSTREAM | 1u << FLOW_TRAIT_UPGRADED | 1u << FLOW_TRAIT_WEBSOCKET | \
	 1u << FLOW_TRAIT_JSON_RPC | 1u << FLOW_TRAIT_ENCRYPTED)

bool flow_reader_news(struct flow_reader *r)
{
	uint32_t initiative = r->signs.initiative[OUTSIDE][0];
	bool led = initiative && initiative / 2 >= r->told_initiative;

	if (!(r->signs.traits & ~DULL_TRAITS & ~r->told_traits) && !led)
		return false;
	r->told_traits = r->signs.traits;
	if (led)
		r->told_initiative = initiative;
	return true;
}
