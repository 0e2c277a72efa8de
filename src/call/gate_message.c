// SPDX-License-Identifier: Apache-2.0
/* What a keeper and its run's gate say to each other; see gate_message.h. Trusts nothing it reads:
 * whoever breaks the gate writes these bytes. Structs of bpf/egress.h travel as they are: both
 * sides are one machine's, and the kernel's map holds the same bytes. */
#include "call/gate_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "call/codec.h"

static void refuse(struct wire *w)
{
	w->error = w->error ? w->error : -EBADMSG;
}

static void get_struct(struct wire *w, void *into, size_t size)
{
	struct bytes s = wire_get_bytes(w, size);

	if (s.size != size)
		refuse(w);
	if (!w->error)
		memcpy(into, s.data, size);
}

void gate_open_encode(const struct gate_open *o, struct buf *out)
{
	wire_put_text(out, o->id);
	wire_put_u64(out, o->key);
	wire_put_u32(out, o->generation);
	wire_put_u8(out, (uint8_t)o->phase);
	wire_put_u8(out, o->has_owners);
	wire_put_u8(out, o->has_netns);
	wire_put_u64(out, o->next_flow);
	wire_put_bytes(out, o->policy.data, o->policy.size);
}

int gate_open_decode(struct wire *w, struct gate_open *ret)
{
	struct gate_open o = { .key = 0 };

	codec_get_run_id(w, o.id);
	o.key = wire_get_u64(w);
	o.generation = wire_get_u32(w);
	o.phase = (enum egress_phase)codec_get_enum(w, PHASE_COUNT);
	o.has_owners = codec_get_bool(w);
	o.has_netns = codec_get_bool(w);
	o.next_flow = wire_get_u64(w);
	o.policy = codec_get_owned(w, POLICY_BYTES_MAX);
	return codec_finish(w, &o, sizeof(o), ret, (void (*)(void *))gate_open_free);
}

void gate_open_free(struct gate_open *o)
{
	free((char *)o->policy.data);
	*o = (struct gate_open){ .key = 0 };
}

void gate_names_encode(const struct gate_names *n, struct buf *out)
{
	wire_put_u32(out, n->first);
	codec_put_words(out, n->names);
}

int gate_names_decode(struct wire *w, struct gate_names *ret)
{
	struct gate_names n = { .first = wire_get_u32(w) };

	n.names = codec_get_words(w, EGRESS_NAMES_MAX, EGRESS_NAME_MAX);
	while (n.names && n.names[n.count])
		n.count++;
	if (n.first == 0 || n.first > EGRESS_NAMES_MAX || n.count > EGRESS_NAMES_MAX - n.first + 1)
		refuse(w);
	return codec_finish(w, &n, sizeof(n), ret, (void (*)(void *))gate_names_free);
}

void gate_names_free(struct gate_names *n)
{
	codec_words_free(n->names);
	*n = (struct gate_names){ .count = 0 };
}

void gate_sockets_encode(const struct gate_sockets *s, struct buf *out)
{
	wire_put_u32(out, (uint32_t)s->count);
	for (size_t i = 0; i < s->count; i++) {
		wire_put_u32(out, s->of[i].kind);
		wire_put_u32(out, s->of[i].a);
	}
}

int gate_sockets_decode(struct wire *w, struct gate_sockets *ret)
{
	struct gate_sockets s = { .count = wire_get_u32(w) };

	if (s.count > MESSAGE_FDS_MAX)
		refuse(w);
	for (size_t i = 0; i < s.count && !w->error; i++) {
		s.of[i].kind = wire_get_u32(w);
		s.of[i].a = wire_get_u32(w);
		if (s.of[i].kind >= GATE_SOCKET_KIND_COUNT)
			refuse(w);
	}
	return codec_finish(w, &s, sizeof(s), ret, NULL);
}

void gate_make_encode(const struct gate_make *m, struct buf *out)
{
	wire_put_u32(out, m->socket.kind);
	wire_put_u32(out, m->socket.a);
	wire_put_u32(out, m->count);
}

int gate_make_decode(struct wire *w, struct gate_make *ret)
{
	struct gate_make m = { .socket.kind = wire_get_u32(w) };

	m.socket.a = wire_get_u32(w);
	m.count = wire_get_u32(w);
	if (m.socket.kind >= GATE_SOCKET_KIND_COUNT || m.count == 0 || m.count > GATE_MAKE_MAX)
		refuse(w);
	return codec_finish(w, &m, sizeof(m), ret, NULL);
}

void gate_name_encode(const struct gate_name *n, struct buf *out)
{
	wire_put_u32(out, n->index);
	wire_put_text(out, n->name);
}

int gate_name_decode(struct wire *w, struct gate_name *ret)
{
	struct gate_name n = { .index = wire_get_u32(w) };

	codec_get_text(w, n.name, sizeof(n.name));
	return codec_finish(w, &n, sizeof(n), ret, NULL);
}

void gate_named_encode(const struct gate_named *n, struct buf *out)
{
	wire_put_u32(out, n->index);
	wire_put_u32(out, (uint32_t)n->error);
}

int gate_named_decode(struct wire *w, struct gate_named *ret)
{
	struct gate_named n = { .index = wire_get_u32(w) };

	n.error = (int32_t)wire_get_u32(w);
	return codec_finish(w, &n, sizeof(n), ret, NULL);
}

void gate_leads_encode(const struct gate_leads *l, struct buf *out)
{
	wire_put_u32(out, l->index);
	wire_put_bytes(out, l->to.bytes, sizeof(l->to.bytes));
}

int gate_leads_decode(struct wire *w, struct gate_leads *ret)
{
	struct gate_leads l = { .index = wire_get_u32(w) };
	struct bytes to = wire_get_bytes(w, sizeof(l.to.bytes));

	if (to.size == sizeof(l.to.bytes))
		memcpy(l.to.bytes, to.data, sizeof(l.to.bytes));
	else
		refuse(w);
	return codec_finish(w, &l, sizeof(l), ret, NULL);
}

void gate_applied_encode(const struct gate_applied *a, struct buf *out)
{
	wire_put_u32(out, a->generation);
	wire_put_u32(out, a->kept);
	wire_put_u32(out, a->cut);
}

int gate_applied_decode(struct wire *w, struct gate_applied *ret)
{
	struct gate_applied a = { .generation = wire_get_u32(w) };

	a.kept = wire_get_u32(w);
	a.cut = wire_get_u32(w);
	return codec_finish(w, &a, sizeof(a), ret, NULL);
}

int gate_event_encode(const struct event_header *event, const struct gate_edge *edges,
		      size_t edge_count, struct buf *out)
{
	if (edge_count > GATE_EDGES_MAX ||
	    sizeof(uint32_t) * (2 + 2 * edge_count) + event->size > EVENT_SIZE_MAX)
		return -E2BIG;
	wire_put_u32(out, (uint32_t)edge_count);
	for (size_t i = 0; i < edge_count; i++) {
		wire_put_u32(out, edges[i].call);
		wire_put_u32(out, edges[i].kind);
	}
	wire_put_bytes(out, event, event->size);
	return out->error;
}

int gate_event_decode(struct wire *w, struct gate_event *ret)
{
	struct bytes event;
	size_t count = wire_get_u32(w);

	if (count > GATE_EDGES_MAX)
		refuse(w);
	for (size_t i = 0; i < count && !w->error; i++) {
		ret->edges[i].call = wire_get_u32(w);
		ret->edges[i].kind = wire_get_u32(w);
		if (ret->edges[i].kind >= EDGE_KIND_COUNT)
			refuse(w);
	}
	event = wire_get_bytes(w, EVENT_SIZE_MAX);
	if (event.size < sizeof(struct event_header))
		refuse(w);
	ret->edge_count = w->error ? 0 : count;
	ret->size = w->error ? 0 : event.size;
	memcpy(ret->aligned, event.data, ret->size);
	return w->error;
}

void gate_who_encode(const struct flow_key *key, struct buf *out)
{
	wire_put_bytes(out, key, sizeof(*key));
}

int gate_who_decode(struct wire *w, struct flow_key *ret)
{
	struct flow_key key = { .run = 0 };

	get_struct(w, &key, sizeof(key));
	return codec_finish(w, &key, sizeof(key), ret, NULL);
}

void gate_owner_encode(const struct gate_owner *o, struct buf *out)
{
	wire_put_bytes(out, &o->key, sizeof(o->key));
	wire_put_u8(out, o->known);
	wire_put_bytes(out, &o->owner, sizeof(o->owner));
}

int gate_owner_decode(struct wire *w, struct gate_owner *ret)
{
	struct gate_owner o = { .known = false };

	get_struct(w, &o.key, sizeof(o.key));
	o.known = codec_get_bool(w);
	get_struct(w, &o.owner, sizeof(o.owner));
	return codec_finish(w, &o, sizeof(o), ret, NULL);
}
