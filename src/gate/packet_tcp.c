// SPDX-License-Identifier: Apache-2.0
/* TCP in the packets of network.veth: who opened, what came of it, the bytes in order, and the end.
 * A connection is opened from inside alone: nothing else comes in. Of one whose beginning was not
 * read (another gate did) only what carries payload is taken up. The kernel has dropped what is not
 * of a connection (conntrack checks sums, numbers and windows) before a packet comes in here.
 * RFC 9293. */
#include <errno.h>
#include <string.h>

#include "gate/packet.h"

#define RESET_NEAR 65536 /* a reset further off is not this connection's: RFC 5961 has it exact */

struct delivery {
	struct packet_flow *f;
	enum meter_side side;
};

static void deliver(void *context, struct octets o)
{
	struct delivery *d = context;

	packet_flow_said(d->f, d->side, o);
}

static void over(struct packet_flow *f, enum flow_state state, int error, const char *reason)
{
	for (int side = 0; side < 2; side++) {
		struct delivery d = { f, (enum meter_side)side };

		stream_end(&f->streams[side], &f->all->account, deliver, &d);
	}
	packet_flow_over(f, state, error, reason);
}

/* Whether the segment begins another connection between the same ends. */
static bool is_another(const struct packet_flow *f, enum meter_side side, const struct segment *s)
{
	const struct stream *stream = &f->streams[side];

	return side == INSIDE && (s->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN &&
	       (f->list == PACKET_OVER || (stream->known && s->sequence + 1 != stream->next));
}

static struct packet_flow *take_up(struct packets *p, const struct flow_key *wire,
				   enum meter_side side, const struct segment *s)
{
	bool opens = side == INSIDE && (s->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN;

	if (!opens && (s->data.size == 0 || s->flags & (SEGMENT_SYN | SEGMENT_RST)))
		return NULL;
	return packet_flow_begin(p, wire, PACKET_BEGUN, !opens);
}

static void reset(struct packet_flow *f, enum meter_side side, const struct segment *s)
{
	const struct stream *stream = &f->streams[side];
	int32_t off = (int32_t)(s->sequence - stream->next);

	if (stream->known && (off > RESET_NEAR || off < -RESET_NEAR))
		return;
	if (f->list == PACKET_BEGUN && side == OUTSIDE)
		over(f, FLOW_CUT, ECONNREFUSED, strerror(ECONNREFUSED));
	else
		over(f, FLOW_ENDED, ECONNRESET, side == INSIDE ? "reset inside" : "reset outside");
}

static bool is_acknowledged(const struct packet_flow *f, enum meter_side side)
{
	const struct stream *s = &f->streams[side];

	return f->fin[side] && s->is_acked && (int32_t)(s->acked - f->fin_at[side]) > 0;
}

static bool has_ended(const struct packet_flow *f, enum meter_side side)
{
	return is_acknowledged(f, side) ||
	       (f->fin[side] && (int32_t)(f->streams[side].next - f->fin_at[side]) >= 0);
}

static void follow(struct packet_flow *f, enum meter_side side, struct segment *s)
{
	struct delivery mine = { f, side }, other = { f, !side };
	struct account *account = &f->all->account;
	struct stream *stream = &f->streams[side];
	uint64_t now_ns = f->all->now_ns;

	if (s->flags & SEGMENT_SYN)
		stream_begin(stream, ++s->sequence);
	if (f->list == PACKET_BEGUN && (side == OUTSIDE || f->midstream))
		packet_flow_opened(f, PACKET_STREAM);
	if (s->flags & SEGMENT_ACK && f->streams[!side].known)
		stream_acknowledged(&f->streams[!side], account, now_ns, s->acknowledged, deliver,
				    &other);
	if (!stream_plausible(stream, s->sequence))
		return;
	if (s->data.size > 0)
		stream_add(stream, account, now_ns, s->sequence, s->data, deliver, &mine);
	if (s->flags & SEGMENT_FIN) {
		f->fin[side] = true;
		f->fin_at[side] = s->sequence + (uint32_t)s->data.size;
	}
	if (is_acknowledged(f, INSIDE) && is_acknowledged(f, OUTSIDE))
		over(f, FLOW_ENDED, 0, "");
	else if (has_ended(f, INSIDE) && has_ended(f, OUTSIDE))
		packet_flow_move(f, PACKET_CLOSING);
}

void packet_segment(struct packets *p, const struct flow_key *wire, enum meter_side side,
		    struct segment *s)
{
	struct packet_flow *f = packet_flow_find(p, wire);

	if (f && is_another(f, side, s)) {
		if (f->list != PACKET_OVER)
			over(f, FLOW_ENDED, 0, "");
		packet_flow_forget(f);
		f = NULL;
	}
	if (!f)
		f = take_up(p, wire, side, s);
	if (!f)
		return;
	f->packets[side]++;
	f->last_ns = p->now_ns;
	packet_flow_move(f, (enum packet_list)f->list);
	if (f->list == PACKET_OVER)
		return;
	if (s->flags & SEGMENT_RST)
		reset(f, side, s);
	else
		follow(f, side, s);
}
