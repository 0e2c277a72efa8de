// SPDX-License-Identifier: Apache-2.0
/* Whose a flow of network.veth is. Packets have the address to which a name led, the hooks noted
 * the one that was asked for: all names that have led there are asked for, and the youngest owner
 * of such ends is it. Owns nothing. */
#include <netinet/in.h>
#include <string.h>

#include "gate/packet.h"

#define NAMES_MAX 256 /* looked at for one flow, the newest */

static void consider(struct packet_flow *f, const struct flow_key *key, uint32_t index)
{
	struct flow_owner owner;

	if (owner_read(f->all->g, key, &owner) < 0 ||
	    (f->known && f->owner.h.mono_ns >= owner.h.mono_ns))
		return;
	f->key = *key;
	f->owner = owner;
	f->index = index;
	f->known = true;
}

/* A datagram's own address is not chosen yet when the hook is asked. */
static void consider_to(struct packet_flow *f, const struct egress_address *to, uint32_t index)
{
	static const struct egress_address here4 = { { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	static const struct egress_address here6 = { { [15] = 1 } };
	struct flow_key key = f->wire;

	memcpy(key.to, to->bytes, sizeof(key.to));
	consider(f, &key, index);
	if (key.protocol != IPPROTO_UDP)
		return;
	memcpy(key.from, (egress_is4(to) ? here4 : here6).bytes, sizeof(key.from));
	consider(f, &key, index);
}

static void consider_name(struct packet_flow *f, const struct egress_address *to, uint32_t index)
{
	struct egress_address stands;

	egress_name_address(index, !egress_is4(to), &stands);
	consider_to(f, &stands, index);
}

/* Another gate resolved them: where they lead is not known here. */
static void consider_earlier(struct packet_flow *f, const struct egress_address *to)
{
	uint32_t index = names_count(f->all->g);

	for (int i = 0; i < NAMES_MAX && index > 0 && !f->known; i++, index--)
		consider_name(f, to, index);
}

static uint16_t judge(const struct packet_flow *f)
{
	const struct gate *g = f->all->g;
	struct egress_question q = { .name = f->index ? names_text(g, f->index) : NULL,
				     .port = f->key.to_port,
				     .transport = f->key.protocol };
	struct egress_answer answer;

	memcpy(q.address.bytes, f->key.to, sizeof(q.address.bytes));
	egress_judge(&g->policy, g->open.phase, &q, &answer);
	return answer.rule;
}

void packet_owner_find(struct packet_flow *f)
{
	struct gate *g = f->all->g;
	uint32_t names[NAMES_MAX];
	struct egress_address to;
	size_t count;

	memcpy(to.bytes, f->wire.to, sizeof(to.bytes));
	f->key = f->wire;
	consider_to(f, &to, 0);
	count = names_led_to(g, &to, names, NAMES_MAX);
	for (size_t i = 0; i < count; i++)
		consider_name(f, &to, names[i]);
	if (!f->known)
		consider_earlier(f, &to);
	f->rule = judge(f);
}
