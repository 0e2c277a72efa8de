// SPDX-License-Identifier: Apache-2.0
/* TCP segments: who opened, what came of it, the bytes in order, and the end. A connection whose
 * beginning was not captured is taken up where it is; who opened it is then guessed by its ports.
 */
#include <errno.h>

#include "capture/part.h"
#include "flow/segment.h"

#define RESET_NEAR 65536 /* a reset further off is not this connection's: RFC 5961 has it exact */

struct delivery {
	struct capture *c;
	struct flow *f;
	enum meter_side side;
};

static void deliver(void *context, struct octets o)
{
	struct delivery *d = context;

	flow_said(d->c, d->f, d->side, o);
}

static void over(struct capture *c, struct flow *f, int error)
{
	for (int side = 0; side < 2; side++) {
		struct delivery d = { c, f, (enum meter_side)side };

		stream_end(&f->streams[side], &c->account, deliver, &d);
	}
	flow_over(c, f, error, NULL);
}

static void established(struct capture *c, struct flow *f)
{
	f->answered = true;
	flows_move(c, f, LIST_STREAM);
	if (!f->midstream)
		tell_connect(c, f, 0);
	tell_flow(c, f, FLOW_OPENED, NULL);
}

static struct flow *take_up(struct capture *c, const struct arrival *a, const struct segment *s)
{
	bool handshake = s->flags & SEGMENT_SYN, answer = handshake && s->flags & SEGMENT_ACK;
	/* no connection has segments with neither: a probe */
	bool midstream = !handshake && s->flags & SEGMENT_ACK;
	bool by_from = midstream ? a->from_port >= a->to_port : !answer;
	struct flow *f = flows_add(c, a, by_from, LIST_BEGUN);

	if (f)
		f->midstream = midstream;
	return f;
}

/* Whether the segment belongs to another connection between the same ends than f. */
static bool is_another(const struct flow *f, enum meter_side side, const struct segment *s)
{
	const struct stream *stream = &f->streams[side];
	int32_t ahead = (int32_t)(s->sequence - stream->next);

	if ((s->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN)
		return f->list == LIST_OVER ||
		       (stream->known && s->sequence + 1 != stream->next && f->list != LIST_BEGUN);
	/* a reset that only the capture saw ends nothing */
	return f->list == LIST_OVER && !(s->flags & SEGMENT_RST) && s->data.size > 0 &&
	       ahead >= 0 && (f->fin[side] || f->error == ECONNRESET);
}

static void reset(struct capture *c, struct flow *f, enum meter_side side, const struct segment *s)
{
	const struct stream *stream = &f->streams[side];
	int32_t off = (int32_t)(s->sequence - stream->next);

	if (f->list == LIST_OVER || (stream->known && (off > RESET_NEAR || off < -RESET_NEAR)))
		return;
	if (f->list == LIST_BEGUN && side == OUTSIDE) {
		tell_connect(c, f, ECONNREFUSED);
		over(c, f, ECONNREFUSED);
	} else {
		over(c, f, ECONNRESET);
	}
}

static bool is_acknowledged(const struct flow *f, enum meter_side side)
{
	const struct stream *s = &f->streams[side];

	return f->fin[side] && s->is_acked && (int32_t)(s->acked - f->fin_at[side]) > 0;
}

static bool has_ended(const struct flow *f, enum meter_side side)
{
	return is_acknowledged(f, side) ||
	       (f->fin[side] && (int32_t)(f->streams[side].next - f->fin_at[side]) >= 0);
}

static void follow(struct capture *c, struct flow *f, enum meter_side side, struct segment *s)
{
	struct delivery mine = { c, f, side }, other = { c, f, !side };
	struct stream *stream = &f->streams[side];

	if (s->flags & SEGMENT_SYN)
		stream_begin(stream, ++s->sequence);
	if (f->list == LIST_BEGUN && (side == OUTSIDE || (f->midstream && s->data.size > 0)))
		established(c, f);
	if (s->flags & SEGMENT_ACK && f->streams[!side].known)
		stream_acknowledged(&f->streams[!side], &c->account, c->now_ns, s->acknowledged,
				    deliver, &other);
	if (!stream_plausible(stream, s->sequence))
		return;
	if (s->data.size > 0)
		stream_add(stream, &c->account, c->now_ns, s->sequence, s->data, deliver, &mine);
	if (s->flags & SEGMENT_FIN) {
		f->fin[side] = true;
		f->fin_at[side] = s->sequence + (uint32_t)s->data.size;
	}
	if (is_acknowledged(f, INSIDE) && is_acknowledged(f, OUTSIDE))
		over(c, f, 0);
	else if (has_ended(f, INSIDE) && has_ended(f, OUTSIDE))
		flows_move(c, f, LIST_CLOSING);
}

void tcp_arrived(struct capture *c, struct arrival *a)
{
	enum meter_side side = INSIDE;
	struct segment s;
	struct flow *f;

	if (!segment_read(a->payload, &s)) {
		c->counts.malformed++;
		return;
	}
	a->from_port = s.from_port;
	a->to_port = s.to_port;
	f = flows_find(c, a, &side);
	if (f && is_another(f, side, &s)) {
		if (f->list != LIST_OVER)
			over(c, f, 0);
		flows_forget(c, f);
		f = NULL;
	}
	if (!f && s.flags & SEGMENT_RST)
		return;
	if (!f) {
		f = take_up(c, a, &s);
		if (!f)
			return;
		flows_find(c, a, &side);
	}
	f->packets[side]++;
	f->last_ns = c->now_ns;
	flows_move(c, f, (enum flow_list)f->list);
	if (s.flags & SEGMENT_RST)
		reset(c, f, side, &s);
	else if (f->list != LIST_OVER)
		follow(c, f, side, &s);
}
