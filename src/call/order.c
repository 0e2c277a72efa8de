// SPDX-License-Identifier: Apache-2.0
/* Orders as bytes; see order.h. Owns nothing, trusts nothing that it reads. */
#include "call/order.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "call/codec.h"
#include "policy/egress.h"

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
	wire_put_u8(out, o->names);
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
	o.names = codec_get_enum(w, 2);
	o.flow_count = (size_t)codec_get_enum(w, ORDER_FLOWS_MAX + 1);
	for (size_t i = 0; i < o.flow_count; i++)
		flow_decode(w, &o.flows[i]);
	codec_get_text(w, o.summary, sizeof(o.summary));
	return codec_finish(w, &o, sizeof(o), ret, NULL);
}

static bool is_loopback(const struct egress_address *a)
{
	struct in6_addr at;

	memcpy(&at, a->bytes, sizeof(at));
	return IN6_IS_ADDR_LOOPBACK(&at) || (egress_is4(a) && at.s6_addr[12] == 127);
}

static size_t add_target(struct order_target *to, const struct egress_address *a, uint16_t port)
{
	static const struct egress_address none = { { 0 } };

	if (memcmp(a, &none, sizeof(none)) == 0)
		return 0;
	*to = (struct order_target){ .port = port };
	memcpy(to->address, a->bytes, sizeof(to->address));
	return 1;
}

size_t order_targets(const struct order_flow *f, struct order_target ret[ORDER_TARGETS_MAX])
{
	struct egress_address asked, led, came;
	size_t count = 0;
	int64_t index;

	memcpy(asked.bytes, f->address, sizeof(asked.bytes));
	memcpy(led.bytes, f->out_address, sizeof(led.bytes));
	memcpy(came.bytes, f->out_from, sizeof(came.bytes));
	if (f->direction == FLOW_IN)
		return add_target(ret, &came, 0);
	if (f->direction != FLOW_OUT)
		return 0;
	if (is_loopback(&asked))
		return add_target(ret, &asked, f->port);
	index = egress_name_index(&asked);
	for (int v6 = 0; index > 0 && v6 < 2; v6++) {
		egress_name_address((uint32_t)index, v6, &asked);
		count += add_target(&ret[count], &asked, 0);
	}
	if (index < 0)
		count += add_target(&ret[count], &asked, 0);
	if (index >= 0 || memcmp(&asked, &led, sizeof(led)) != 0)
		count += add_target(&ret[count], &led, 0);
	return count;
}

void order_done_encode(const struct order_done *d, struct buf *out)
{
	wire_put_u32(out, d->finding);
	wire_put_u32(out, d->cut);
	wire_put_u32(out, d->also);
}

int order_done_decode(struct wire *w, struct order_done *ret)
{
	struct order_done d = { .finding = wire_get_u32(w) };

	d.cut = wire_get_u32(w);
	d.also = wire_get_u32(w);
	return codec_finish(w, &d, sizeof(d), ret, NULL);
}
