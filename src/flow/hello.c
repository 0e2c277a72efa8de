// SPDX-License-Identifier: Apache-2.0
/* See hello.h. Mostly the first segment says it all, and nothing is kept; else the bytes of that
 * side are, up to HELLO_MAX. A gap ends it. */
#include "flow/hello.h"

#include <stdlib.h>
#include <string.h>

struct hello {
	bool over[2];
	struct {
		uint8_t *data;
		size_t size;
	} kept[2];
};

struct hello *hello_new(struct account *a)
{
	struct hello *h = calloc(1, sizeof(*h));

	if (h)
		account_take(a, sizeof(*h));
	return h;
}

static void forget(struct hello *h, struct account *a, enum meter_side side)
{
	if (h->kept[side].data)
		account_give(a, HELLO_MAX);
	free(h->kept[side].data);
	h->kept[side].data = NULL;
}

void hello_free(struct hello *h, struct account *a)
{
	if (!h)
		return;
	forget(h, a, INSIDE);
	forget(h, a, OUTSIDE);
	account_give(a, sizeof(*h));
	free(h);
}

/* The bytes of the side so far, of which o are the newest; size 0: no more can be kept. */
static struct octets so_far(struct hello *h, struct account *a, enum meter_side side,
			    struct octets o)
{
	size_t have = h->kept[side].size, more = o.there;

	if (have == 0)
		return (struct octets){ o.data, o.there, o.there };
	if (!h->kept[side].data)
		return (struct octets){ NULL, 0, 0 };
	if (more > HELLO_MAX - have)
		more = HELLO_MAX - have;
	memcpy(h->kept[side].data + have, o.data, more);
	h->kept[side].size += more;
	return (struct octets){ h->kept[side].data, have + more, have + more };
}

static bool keep(struct hello *h, struct account *a, enum meter_side side, struct octets o)
{
	if (h->kept[side].data)
		return h->kept[side].size < HELLO_MAX;
	if (o.size >= HELLO_MAX)
		return false;
	h->kept[side].data = malloc(HELLO_MAX);
	if (!h->kept[side].data)
		return false;
	account_take(a, HELLO_MAX);
	memcpy(h->kept[side].data, o.data, o.size);
	h->kept[side].size = o.size;
	return true;
}

bool hello_said(struct hello *h, struct account *a, enum meter_side side, struct octets o,
		struct opening *ret)
{
	bool lost = o.there < o.size;
	struct octets all;

	if (h->over[side])
		return false;
	all = so_far(h, a, side, o);
	*ret = (struct opening){ .protocol = PROTOCOL_UNKNOWN, .state = OPENING_KNOWN };
	if (all.size > 0)
		opening_read(all.data, all.size, side == OUTSIDE, ret);
	if (ret->state == OPENING_MORE && !lost && all.size > 0 && keep(h, a, side, all))
		return false;
	h->over[side] = true;
	forget(h, a, side);
	/* the client's opening says most; where it says nothing, the server's is waited for */
	if (ret->protocol != PROTOCOL_UNKNOWN || h->over[!side])
		return true;
	return false;
}
