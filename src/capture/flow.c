// SPDX-License-Identifier: Apache-2.0
/* What is said on a flow, whatever carried it: metered, given to the reader, and its opening read.
 * All that hangs on a flow is released here. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "capture/part.h"

#define TELL_EVERY (60 * NSEC_PER_SEC)

static void keep_text(struct capture *c, char **to, const char *text)
{
	if (*to || !*text)
		return;
	*to = strdup(text);
	if (*to)
		account_take(&c->account, strlen(text) + 1);
}

static void drop_text(struct capture *c, char **text)
{
	if (*text)
		account_give(&c->account, strlen(*text) + 1);
	free(*text);
	*text = NULL;
}

static void keep_opening(struct capture *c, struct flow *f, const struct opening *o)
{
	char detail[OPENING_WORDS];

	if (f->protocol == PROTOCOL_UNKNOWN)
		f->protocol = (uint16_t)o->protocol;
	opening_words(o, detail);
	keep_text(c, &f->detail, detail);
}

static void read_opening(struct capture *c, struct flow *f, enum meter_side side, struct octets o)
{
	struct opening opening;

	if (!hello_said(f->hello, &c->account, side, o, &opening))
		return;
	keep_opening(c, f, &opening);
	hello_free(f->hello, &c->account);
	f->hello = NULL;
}

static void begin(struct capture *c, struct flow *f)
{
	const char *name = hosts_named(c->hosts, f->ends.address[!f->inside]);

	f->reader = flow_reader_new((uint16_t)f->ends.transport, flow_port(f), f->midstream);
	f->hello = hello_new(&c->account);
	if (name)
		keep_text(c, &f->name, name);
}

static void account_reader(struct capture *c, struct flow *f)
{
	size_t now = f->reader ? flow_reader_memory(f->reader) + ALLOCATION_COST : 0;

	c->account.used = c->account.used - f->reader_memory + now;
	f->reader_memory = now;
}

void flow_said(struct capture *c, struct flow *f, enum meter_side side, struct octets o)
{
	bool news = false;

	if (!f->reader && f->meter.bytes[INSIDE] + f->meter.bytes[OUTSIDE] == 0)
		begin(c, f);
	meter_spoke(&f->meter, side, c->now_ns);
	f->meter.bytes[side] += o.data ? o.size : 0;
	if (f->hello)
		read_opening(c, f, side, o);
	if (f->reader) {
		flow_reader_take(f->reader, side, c->now_ns, o.data, o.there, o.size);
		account_reader(c, f);
		news = flow_reader_news(f->reader);
	}
	if (f->ends.transport == IPPROTO_TCP && flow_port(f) == DNS_PORT)
		dns_said(c, f, side, o);
	if (f->ends.transport == IPPROTO_TCP || f->ends.transport == IPPROTO_UDP)
		relay_said(c, f, side, o.size);
	if (news || c->now_ns - f->told_ns >= TELL_EVERY)
		tell_flow(c, f, FLOW_LIVES, NULL);
}

void flow_over(struct capture *c, struct flow *f, int error, const char *reason)
{
	f->error = error;
	relay_over(c, f);
	tell_flow(c, f, f->answered || !error ? FLOW_ENDED : FLOW_CUT, reason);
	flow_release(c, f);
	flows_move(c, f, LIST_OVER);
}

static void ignore(void *context, struct octets o)
{
}

void flow_release(struct capture *c, struct flow *f)
{
	relay_over(c, f);
	dns_forget(c, f);
	hello_free(f->hello, &c->account);
	f->hello = NULL;
	flow_reader_free(f->reader);
	f->reader = NULL;
	account_reader(c, f);
	drop_text(c, &f->name);
	drop_text(c, &f->detail);
	for (int side = 0; side < 2; side++) {
		struct stream *s = &f->streams[side];

		stream_end(s, &c->account, ignore, NULL);
		c->counts.missing += s->missing;
		c->counts.repeated += s->repeated;
		s->missing = s->repeated = 0;
	}
}
