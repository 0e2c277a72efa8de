// SPDX-License-Identifier: Apache-2.0
/* Orders as bytes; see order.h. Owns nothing, trusts nothing that it reads. */
#include "call/order.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "call/codec.h"

/* As it is: both sides are one machine's. */
static void flow_decode(struct wire *w, struct order_flow *ret)
{
	struct bytes f = wire_get_bytes(w, sizeof(*ret));

	if (f.size == sizeof(*ret))
		memcpy(ret, f.data, sizeof(*ret));
	else if (!w->error)
		w->error = -EBADMSG;
}

void order_encode(const struct order *o, struct buf *out)
{
	wire_put_u32(out, o->finding);
	wire_put_u32(out, o->call);
	wire_put_u8(out, (uint8_t)o->action);
	wire_put_u8(out, (uint8_t)o->flow_count);
	for (size_t i = 0; i < o->flow_count; i++)
		wire_put_bytes(out, &o->flows[i], sizeof(o->flows[i]));
	wire_put_text(out, o->summary);
}

int order_decode(struct wire *w, struct order *ret)
{
	struct order o = { .finding = wire_get_u32(w) };

	o.call = wire_get_u32(w);
	o.action = (enum policy_action)codec_get_enum(w, ACTION_COUNT);
	o.flow_count = (size_t)codec_get_enum(w, ORDER_FLOWS_MAX + 1);
	for (size_t i = 0; i < o.flow_count; i++)
		flow_decode(w, &o.flows[i]);
	codec_get_text(w, o.summary, sizeof(o.summary));
	return codec_finish(w, &o, sizeof(o), ret, NULL);
}

bool order_target(const struct order_flow *f, struct order_target *ret)
{
	struct in6_addr to;

	memcpy(&to, f->direction == FLOW_IN ? f->out_from : f->address, sizeof(to));
	if (f->direction == FLOW_INSIDE || IN6_IS_ADDR_UNSPECIFIED(&to))
		return false;
	*ret = (struct order_target){ .port = 0 };
	memcpy(ret->address, &to, sizeof(to));
	if (f->direction == FLOW_OUT &&
	    (IN6_IS_ADDR_LOOPBACK(&to) || (IN6_IS_ADDR_V4MAPPED(&to) && to.s6_addr[12] == 127)))
		ret->port = f->port;
	return true;
}

void order_done_encode(const struct order_done *d, struct buf *out)
{
	wire_put_u32(out, d->finding);
	wire_put_u32(out, d->cut);
}

int order_done_decode(struct wire *w, struct order_done *ret)
{
	struct order_done d = { .finding = wire_get_u32(w) };

	d.cut = wire_get_u32(w);
	return codec_finish(w, &d, sizeof(d), ret, NULL);
}
