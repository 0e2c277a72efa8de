// SPDX-License-Identifier: Apache-2.0
/* Events, as the gate and the kernel would have made them, for the detectors; a flow's last one
 * becomes its row. The host that opened stands in the place of the process: what two hosts do is
 * told apart, what two programs of one do is not. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/event_address.h"
#include "capture/part.h"

#define REASON_MAX 64

union told {
	struct event_header h;
	struct event_flow flow;
	struct event_net net;
	struct event_dns dns;
	struct event_relay relay;
	char bytes[sizeof(struct event_flow) + DNS_NAME_TEXT + 512 + REASON_MAX];
};

static void begin(const struct capture *c, union told *t, enum event_kind kind, size_t size,
		  uint32_t host)
{
	memset(t, 0, size);
	t->h = (struct event_header){ .size = (uint16_t)size,
				      .kind = (uint8_t)kind,
				      .call = host,
				      .run = 1,
				      .mono_ns = c->now_ns,
				      .start_ns = 1,
				      .pid = host,
				      .tid = host,
				      .pid_inside = host };
}

static uint16_t add_text(union told *t, struct event_view *v, int index, const char *text,
			 size_t most)
{
	size_t size = text ? strnlen(text, most) : 0;

	if (size)
		memcpy(t->bytes + t->h.size, text, size);
	v->text[index] = (struct bytes){ .data = t->bytes + t->h.size, .size = size };
	t->h.size = (uint16_t)(t->h.size + size);
	return (uint16_t)size;
}

static void end(struct capture *c, union told *t, struct event_view *v)
{
	v->seq = ++c->seq;
	v->h = &t->h;
	v->flow = &t->flow; /* the members of the view's union share one address */
	detection_event(c->detection, v);
}

static void fill_signs(const struct flow *f, struct flow_signs *s)
{
	if (f->reader)
		*s = *flow_reader_signs(f->reader);
	/* that packets are in it is said by the protocol */
	if (f->traits & 1u << FLOW_TRAIT_OVERLAY && f->ends.transport != IPPROTO_UDP)
		s->traits &= ~(1u << FLOW_TRAIT_PACKETS);
	s->traits |= f->traits;
	if (f->midstream)
		s->traits |= 1u << FLOW_TRAIT_MIDSTREAM;
}

static enum protocol protocol_of(const struct flow *f)
{
	enum protocol read = f->reader ? flow_reader_protocol(f->reader) : PROTOCOL_UNKNOWN;

	return read != PROTOCOL_UNKNOWN ? read : (enum protocol)f->protocol;
}

static void fill(const struct flow *f, enum flow_state state, struct event_flow *e)
{
	const uint8_t *from = f->ends.address[f->inside], *to = f->ends.address[!f->inside];

	e->flow = e->cookie = f->number;
	e->started_mono_ns = f->started_ns;
	e->bytes_up = f->meter.bytes[INSIDE];
	e->bytes_down = f->meter.bytes[OUTSIDE];
	e->packets_up = f->packets[INSIDE];
	e->packets_down = f->packets[OUTSIDE];
	memcpy(e->led_inside, f->meter.led[INSIDE], sizeof(e->led_inside));
	memcpy(e->led_outside, f->meter.led[OUTSIDE], sizeof(e->led_outside));
	e->error = f->error;
	e->state = (uint16_t)state;
	e->transport = (uint16_t)f->ends.transport;
	e->protocol = (uint16_t)protocol_of(f);
	e->rule = EVENT_NO_RULE;
	e->direction = FLOW_OUT;
	e->port = flow_port(f);
	e->from_port = f->ends.port[f->inside];
	memcpy(e->address, to, 16);
	memcpy(e->from, from, 16);
	if (state != FLOW_CUT) {
		e->out_port = e->port;
		e->out_from_port = e->from_port;
		memcpy(e->out_address, to, 16);
		memcpy(e->out_from, from, 16);
	}
	fill_signs(f, &e->signs);
}

void tell_flow(struct capture *c, struct flow *f, enum flow_state state, const char *reason)
{
	struct event_view v = { .seq = 0 };
	union told t;

	begin(c, &t, EVENT_FLOW, sizeof(t.flow), f->host);
	fill(f, state, &t.flow);
	t.flow.name_size = add_text(&t, &v, 0, f->name, EGRESS_NAME_MAX);
	t.flow.detail_size = add_text(&t, &v, 1, f->detail, 512);
	t.flow.reason_size = add_text(&t, &v, 2, reason, REASON_MAX);
	f->told_ns = c->now_ns;
	end(c, &t, &v);
	if (state == FLOW_ENDED || state == FLOW_CUT || c->finishing)
		rows_add(c->rows, &v);
}

void tell_connect(struct capture *c, const struct flow *f, int error)
{
	const uint8_t *to = f->ends.address[!f->inside];
	bool four = event_address_is4(to);
	struct event_view v = { .seq = 0 };
	union told t;

	begin(c, &t, EVENT_CONNECT, sizeof(t.net), f->host);
	t.net.cookie = f->number;
	t.net.result = -error;
	t.net.family = four ? AF_INET : AF_INET6;
	t.net.type = f->ends.transport == IPPROTO_TCP	? SOCK_STREAM
		     : f->ends.transport == IPPROTO_UDP ? SOCK_DGRAM
							: SOCK_RAW;
	t.net.protocol = (uint16_t)f->ends.transport;
	t.net.port = flow_port(f);
	memcpy(t.net.address, four ? to + 12 : to, four ? 4 : 16);
	end(c, &t, &v);
}

void tell_relay(struct capture *c, uint32_t host, struct event_relay way)
{
	struct event_view v = { .seq = 0 };
	union told t;

	begin(c, &t, EVENT_RELAY, sizeof(t.relay), host);
	way.h = t.h;
	t.relay = way;
	end(c, &t, &v);
}

/* Equal questions at the first, second, fourth …, as the gate tells them. */
void tell_dns(struct capture *c, const struct query *q, enum dns_verdict verdict,
	      const char *reason)
{
	uint64_t count = queries_count(c->queries, q);
	struct event_view v = { .seq = 0 };
	union told t;

	if (count & (count - 1))
		return;
	begin(c, &t, EVENT_DNS, sizeof(t.dns), q->host);
	t.dns.count = count;
	t.dns.type = q->type;
	t.dns.verdict = (uint16_t)verdict;
	t.dns.rule = EVENT_NO_RULE;
	t.dns.transport = (uint16_t)q->transport;
	t.dns.name_size = add_text(&t, &v, 0, q->name, DNS_NAME_TEXT);
	t.dns.reason_size = add_text(&t, &v, 1, reason, REASON_MAX);
	end(c, &t, &v);
}
