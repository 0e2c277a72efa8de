// SPDX-License-Identifier: Apache-2.0
/* Questions for names and their answers, in datagrams, and in TCP each behind its length (RFC 1035,
 * 4.2.2). Of a connection the message that has begun is kept, up to DNS_KEPT; what is longer, as a
 * zone is, is read as far as that. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "capture/part.h"

#define DNS_KEPT 1500

struct dns_stream {
	bool lost; /* where the next message begins is not known */
	struct {
		uint32_t have, size; /* of the message, its length included; size 0: not known */
		uint8_t kept[DNS_KEPT];
	} sides[2];
};

/* On another port than its own it must be a question by all the rules. */
static void question_asked(struct capture *c, struct flow *f, struct octets o)
{
	const struct query *displaced;
	struct dns_question question;
	struct query q;
	int code = dns_question_read(o.data, o.there, &question);

	if (code < 0 || !question.size || (flow_port(f) != DNS_PORT && code != DNS_NOERROR))
		return;
	f->protocol = PROTOCOL_DNS;
	q = (struct query){ .asked_ns = c->now_ns,
			    .host = f->host,
			    .transport = f->ends.transport,
			    .asker_port = f->ends.port[f->inside],
			    .server_port = flow_port(f),
			    .id = question.id,
			    .type = question.type };
	memcpy(q.asker, f->ends.address[f->inside], 16);
	memcpy(q.server, f->ends.address[!f->inside], 16);
	memcpy(q.name, question.name, sizeof(q.name));
	queries_ask(c->queries, &q, &displaced);
	if (displaced)
		tell_dns(c, displaced, DNS_FAILED, "not answered");
}

static void question_answered(struct capture *c, const struct flow *f, struct octets o)
{
	struct dns_reply reply;
	struct query like;
	const struct query *asked;

	if (dns_reply_read(o.data, o.there, &reply) < 0)
		return;
	like = (struct query){ .asked_ns = c->now_ns,
			       .host = f->host,
			       .transport = f->ends.transport,
			       .asker_port = f->ends.port[f->inside],
			       .server_port = flow_port(f),
			       .id = reply.id,
			       .type = reply.type };
	memcpy(like.asker, f->ends.address[f->inside], 16);
	memcpy(like.server, f->ends.address[!f->inside], 16);
	memcpy(like.name, reply.name, sizeof(like.name));
	asked = queries_answered(c->queries, &like);
	for (size_t i = 0; i < reply.count; i++)
		hosts_name(c->hosts, reply.addresses[i].bytes, reply.name, strlen(reply.name));
	if (reply.code == DNS_NOERROR)
		tell_dns(c, asked ? asked : &like, reply.answers ? DNS_ANSWERED : DNS_MISSING,
			 reply.answers ? NULL : "no record of this type");
	else
		tell_dns(c, asked ? asked : &like,
			 reply.code == DNS_NXDOMAIN ? DNS_MISSING : DNS_FAILED,
			 reply.code == DNS_NXDOMAIN ? "no such name" : "the server failed");
}

void dns_datagram(struct capture *c, struct flow *f, enum meter_side side, struct octets o)
{
	bool is_dns = flow_port(f) == DNS_PORT || f->protocol == PROTOCOL_DNS;

	if (side == INSIDE && (is_dns || f->packets[INSIDE] == 1))
		question_asked(c, f, o);
	else if (side == OUTSIDE && is_dns)
		question_answered(c, f, o);
}

static void message(struct capture *c, struct flow *f, enum meter_side side)
{
	struct dns_stream *s = f->dns;
	uint32_t there = s->sides[side].have < DNS_KEPT ? s->sides[side].have : DNS_KEPT;
	struct octets o = { s->sides[side].kept + 2, there - 2, s->sides[side].size - 2 };

	if (side == INSIDE)
		question_asked(c, f, o);
	else
		question_answered(c, f, o);
}

/* Takes what belongs to the message that has begun; returns how much that is. */
static size_t take(struct capture *c, struct flow *f, enum meter_side side, const uint8_t *data,
		   size_t size)
{
	uint32_t *have = &f->dns->sides[side].have, *whole = &f->dns->sides[side].size;
	uint8_t *kept = f->dns->sides[side].kept;
	size_t used = *whole ? *whole - *have : 2 - *have, room = DNS_KEPT - *have;

	if (used > size)
		used = size;
	if (*have < DNS_KEPT)
		memcpy(kept + *have, data, used < room ? used : room);
	*have += (uint32_t)used;
	if (!*whole && *have == 2) {
		*whole = 2 + (uint32_t)(kept[0] << 8 | kept[1]);
		f->dns->lost = *whole < 2 + DNS_HEADER;
	}
	if (*whole && *have == *whole) {
		message(c, f, side);
		*have = *whole = 0;
	}
	return used;
}

void dns_said(struct capture *c, struct flow *f, enum meter_side side, struct octets o)
{
	if (!f->dns && !f->midstream) {
		f->dns = calloc(1, sizeof(*f->dns));
		if (f->dns)
			account_take(&c->account, sizeof(*f->dns));
	}
	if (!f->dns)
		return;
	f->dns->lost |= o.there < o.size;
	for (size_t at = 0; at < o.there && !f->dns->lost;)
		at += take(c, f, side, o.data + at, o.there - at);
}

void dns_forget(struct capture *c, struct flow *f)
{
	if (f->dns)
		account_give(&c->account, sizeof(*f->dns));
	free(f->dns);
	f->dns = NULL;
}
