// SPDX-License-Identifier: Apache-2.0
/* See stream.h. Owns the pieces that wait, in the order of their numbers and without overlaps.
 * Numbers wrap: they are compared by their signed difference. */
#include "flow/stream.h"

#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	uint32_t sequence;
	struct octets o; /* data behind this struct */
};

static int32_t ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static void cut_front(struct octets *o, size_t size)
{
	size_t there = size < o->there ? size : o->there;

	o->data = o->data ? o->data + there : NULL;
	o->there -= there;
	o->size -= size;
}

void stream_begin(struct stream *s, uint32_t next)
{
	s->next = next;
	s->known = true;
	s->is_acked = false;
}

bool stream_plausible(const struct stream *s, uint32_t sequence)
{
	int32_t distance = ahead(sequence, s->next);

	return !s->known ||
	       (distance < (int32_t)STREAM_AHEAD_MAX && distance > -(int32_t)STREAM_AHEAD_MAX);
}

static void deliver(struct stream *s, struct octets o, stream_take *take, void *context)
{
	s->next += (uint32_t)o.size;
	take(context, o);
}

static size_t cost(const struct piece *p)
{
	return sizeof(*p) + p->o.there;
}

/* Without memory it is as if the capture lacked it. */
static void insert(struct stream *s, struct account *a, struct piece **at, uint32_t sequence,
		   struct octets o)
{
	struct piece *p = malloc(sizeof(*p) + o.there);

	if (!p)
		return;
	if (o.data)
		memcpy(p + 1, o.data, o.there);
	*p = (struct piece){ *at, sequence, { (uint8_t *)(p + 1), o.there, o.size } };
	*at = p;
	if (!p->next)
		s->last = p;
	account_take(a, cost(p));
	s->pieces++;
	s->waiting += (uint32_t)o.size;
}

/* Puts what the pieces leave open of it between them. */
static void keep(struct stream *s, struct account *a, uint32_t sequence, struct octets o)
{
	/* mostly it follows on the last one */
	bool behind =
		s->last && ahead(sequence, s->last->sequence + (uint32_t)s->last->o.size) >= 0;
	struct piece **at = behind ? &s->last->next : &s->first;

	for (; *at && o.size > 0; at = &(*at)->next) {
		const struct piece *p = *at;
		int32_t before = ahead(p->sequence, sequence);
		int32_t past = before + (int32_t)p->o.size; /* from our begin to its end */

		if (past <= 0)
			continue;
		if (before > 0) {
			struct octets part = o;

			if (part.size > (size_t)before)
				part.size = (size_t)before;
			if (part.there > part.size)
				part.there = part.size;
			insert(s, a, at, sequence, part);
			if (*at != p)
				at = &(*at)->next;
		}
		if (o.size <= (size_t)past)
			return;
		cut_front(&o, (size_t)past);
		sequence += (uint32_t)past;
	}
	if (o.size > 0)
		insert(s, a, at, sequence, o);
}

static void pop(struct stream *s, struct account *a)
{
	struct piece *p = s->first;

	s->first = p->next;
	if (!s->first)
		s->last = NULL;
	s->pieces--;
	s->waiting -= (uint32_t)p->o.size;
	account_give(a, cost(p));
	free(p);
}

/* What follows on what was delivered. */
static void follow(struct stream *s, struct account *a, uint64_t now_ns, stream_take *take,
		   void *context)
{
	while (s->first) {
		struct octets o = s->first->o;
		int32_t old = ahead(s->next, s->first->sequence);

		if (old < 0)
			break;
		if ((size_t)old < o.size) {
			cut_front(&o, (size_t)old);
			deliver(s, o, take, context);
		}
		pop(s, a);
		s->since_ns = now_ns;
	}
}

static void pass_gap(struct stream *s, struct account *a, uint64_t now_ns, stream_take *take,
		     void *context)
{
	struct octets gap = { NULL, 0, s->first->sequence - s->next };

	s->missing += gap.size;
	deliver(s, gap, take, context);
	follow(s, a, now_ns, take, context);
}

static bool is_full(const struct stream *s)
{
	return s->waiting > STREAM_WAITING_MAX || s->pieces > STREAM_PIECES_MAX;
}

/* Whether what is before the first piece will not come any more. */
static bool is_gap(const struct stream *s, uint64_t waited_ns)
{
	if (!s->first)
		return false;
	if (s->is_acked)
		return (waited_ns > STREAM_ACKED_WAIT || is_full(s)) &&
		       ahead(s->acked, s->first->sequence + (uint32_t)s->first->o.size) >= 0;
	return waited_ns > STREAM_WAIT || is_full(s);
}

static void pass_gaps(struct stream *s, struct account *a, uint64_t now_ns, stream_take *take,
		      void *context)
{
	/* what has followed on a gap has waited as long as what stands behind the next one */
	uint64_t waited = now_ns - s->since_ns;

	while (is_gap(s, waited))
		pass_gap(s, a, now_ns, take, context);
}

void stream_add(struct stream *s, struct account *a, uint64_t now_ns, uint32_t sequence,
		struct octets o, stream_take *take, void *context)
{
	int32_t old;

	if (!s->known)
		stream_begin(s, sequence);
	old = ahead(s->next, sequence);
	if (old > 0) {
		size_t again = (size_t)old < o.size ? (size_t)old : o.size;

		s->repeated += again;
		cut_front(&o, again);
		sequence += (uint32_t)again;
	}
	if (o.size == 0)
		return;
	if (old >= 0 && !s->first) {
		deliver(s, o, take, context);
		return;
	}
	if (!s->first)
		s->since_ns = now_ns;
	pass_gaps(s, a, now_ns, take, context); /* makes room */
	if (old >= 0 || !is_full(s) || !s->is_acked)
		keep(s, a, sequence, o);
	follow(s, a, now_ns, take, context);
	pass_gaps(s, a, now_ns, take, context);
}

void stream_acknowledged(struct stream *s, struct account *a, uint64_t now_ns,
			 uint32_t acknowledged, stream_take *take, void *context)
{
	if (!s->is_acked || ahead(acknowledged, s->acked) > 0)
		s->acked = acknowledged;
	s->is_acked = true;
	pass_gaps(s, a, now_ns, take, context);
}

void stream_end(struct stream *s, struct account *a, stream_take *take, void *context)
{
	while (is_gap(s, UINT64_MAX))
		pass_gap(s, a, s->since_ns, take, context);
	while (s->first)
		pop(s, a);
}
