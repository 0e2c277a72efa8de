// SPDX-License-Identifier: Apache-2.0
/* See fragments.h. Owns what waits, in places that are searched one by one: there are few, and a
 * capture with many fragments is rare. Each place has the bytes, and a bit for each eight of them
 * that have come. */
#include "flow/fragments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 8 /* every fragment but the last is a multiple of it */
#define UNITS ((FRAGMENTED_SIZE_MAX + UNIT) / UNIT)

struct waiting {
	bool used;
	uint64_t since_ns;
	struct ip_packet packet; /* of which the fragments are; the protocol as the first said it */
	size_t total;		 /* units, as the last one said; 0: not known */
	size_t size;		 /* bytes, likewise */
	size_t have;		 /* units */
	size_t cut;		 /* from here on not all was captured */
	uint8_t *data;
	size_t room;
	uint8_t got[(UNITS + 7) / 8];
};

struct fragments {
	struct account *account;
	uint64_t lost;
	uint8_t *whole; /* the one that was handed out last */
	size_t whole_room;
	struct waiting waiting[FRAGMENTED_MAX];
};

int fragments_new(struct account *a, struct fragments **ret)
{
	struct fragments *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->account = a;
	*ret = f;
	return 0;
}

static void drop_whole(struct fragments *f)
{
	if (f->whole)
		account_give(f->account, f->whole_room);
	free(f->whole);
	f->whole = NULL;
}

static void drop(struct fragments *f, struct waiting *w)
{
	if (w->data)
		account_give(f->account, w->room);
	free(w->data);
	*w = (struct waiting){ .used = false };
}

void fragments_free(struct fragments *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < FRAGMENTED_MAX; i++)
		drop(f, &f->waiting[i]);
	drop_whole(f);
	free(f);
}

static bool same(const struct ip_packet *a, const struct ip_packet *b)
{
	return a->id == b->id && a->four == b->four && memcmp(a->from, b->from, 16) == 0 &&
	       memcmp(a->to, b->to, 16) == 0 && (!a->four || a->protocol == b->protocol);
}

/* The packet's place, or a new one: a free one, else that of the eldest. What is too old goes. */
static struct waiting *place(struct fragments *f, uint64_t now_ns, const struct ip_packet *p)
{
	struct waiting *eldest = &f->waiting[0], *free_one = NULL;

	for (size_t i = 0; i < FRAGMENTED_MAX; i++) {
		struct waiting *w = &f->waiting[i];

		if (w->used && now_ns - w->since_ns > FRAGMENT_WAIT) {
			drop(f, w);
			f->lost++;
		}
		if (w->used && same(&w->packet, p))
			return w;
		if (!w->used)
			free_one = w;
		else if (w->since_ns < eldest->since_ns || !eldest->used)
			eldest = w;
	}
	if (!free_one) {
		drop(f, eldest);
		f->lost++;
		free_one = eldest;
	}
	free_one->used = true;
	free_one->since_ns = now_ns;
	free_one->cut = SIZE_MAX;
	free_one->packet = *p;
	return free_one;
}

static bool grow(struct fragments *f, struct waiting *w, size_t size)
{
	size_t room = w->room ? w->room : 2048;
	uint8_t *data;

	if (size <= w->room)
		return true;
	while (room < size)
		room *= 2;
	data = realloc(w->data, room);
	if (!data)
		return false;
	if (w->data)
		account_give(f->account, w->room);
	account_take(f->account, room);
	w->data = data;
	w->room = room;
	return true;
}

/* Takes the units that are not there yet. */
static void copy(struct waiting *w, const struct ip_packet *p)
{
	const struct octets *o = &p->payload;

	if (o->there < o->size && p->at + o->there < w->cut)
		w->cut = p->at + o->there;
	for (size_t done = 0; done < o->size; done += UNIT) {
		size_t unit = (p->at + done) / UNIT;
		size_t part = o->size - done < UNIT ? o->size - done : UNIT;

		if (w->got[unit / 8] >> unit % 8 & 1)
			continue;
		if (part < UNIT && p->at + done + part != w->size)
			return; /* of another size than the last one said */
		if (done < o->there)
			memcpy(w->data + p->at + done, o->data + done,
			       o->there - done < part ? o->there - done : part);
		w->got[unit / 8] |= (uint8_t)(1 << unit % 8);
		w->have++;
	}
}

/* What came before the end was known may lie behind it. */
static void recount(struct waiting *w)
{
	w->have = 0;
	for (size_t unit = 0; unit < w->total; unit++)
		w->have += w->got[unit / 8] >> unit % 8 & 1;
}

/* Of a packet whose parts say that it has another size, the first to say it counts. */
static bool fits(struct waiting *w, const struct ip_packet *p)
{
	size_t end = p->at + p->payload.size;

	if (end > FRAGMENTED_SIZE_MAX || p->payload.size == 0 || (p->more && end % UNIT))
		return false;
	if (w->size)
		return end <= w->size;
	if (!p->more) {
		w->size = end;
		w->total = (end + UNIT - 1) / UNIT;
		recount(w);
	}
	return true;
}

bool fragments_add(struct fragments *f, uint64_t now_ns, struct ip_packet *p)
{
	struct waiting *w = place(f, now_ns, p);

	drop_whole(f);
	if (!fits(w, p) || !grow(f, w, p->at + p->payload.size))
		return false;
	copy(w, p);
	if (p->at == 0)
		w->packet.protocol = p->protocol;
	if (!w->total || w->have < w->total)
		return false;
	*p = w->packet;
	p->fragment = p->more = false;
	p->at = 0;
	p->payload = (struct octets){ w->data, w->cut < w->size ? w->cut : w->size, w->size };
	f->whole = w->data;
	f->whole_room = w->room;
	*w = (struct waiting){ .used = false };
	return true;
}

uint64_t fragments_lost(const struct fragments *f)
{
	uint64_t waiting = 0;

	for (size_t i = 0; i < FRAGMENTED_MAX; i++)
		waiting += f->waiting[i].used;
	return f->lost + waiting;
}
