// SPDX-License-Identifier: Apache-2.0
/* DNS messages; see dns.h. Owns nothing. What is read is hostile: every step goes through the
 * cursor, which does not pass the end. A question holds no compression pointer (nothing stands
 * before it to point to), so no name can loop. */
#include "flow/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER DNS_HEADER
#define TTL 1 /* second: an answer lives in caches no longer than a policy might */
#define QR 0x80
#define OPCODE 0x78
#define RD 0x01
#define RA 0x80
#define CD 0x10
#define DO 0x8000
#define CLASS_IN 1
#define CLASS_ANY 255
#define ADDITIONAL_MAX 4
#define OPTION_ERROR 15
#define ERROR_PROHIBITED 18
#define UDP_SIZE 1232 /* what we say that we take; RFC 9715 */
#define PROHIBITED_MAX 63

struct cursor {
	const uint8_t *at;
	size_t left;
	bool broken;
};

static const uint8_t *take(struct cursor *c, size_t size)
{
	const uint8_t *r = c->at;

	if (c->broken || size > c->left) {
		c->broken = true;
		return NULL;
	}
	c->at += size;
	c->left -= size;
	return r;
}

static uint16_t take16(struct cursor *c)
{
	const uint8_t *p = take(c, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

/* One label as text: letters and signs as they are, a dot or backslash in it and what cannot be
 * printed escaped as in zone files, so that no two names have the same text. */
static size_t label_text(const uint8_t *label, size_t size, char *out)
{
	char *at = out;

	for (size_t i = 0; i < size; i++) {
		uint8_t c = label[i];

		if (c <= ' ' || c >= 0x7f)
			at += sprintf(at, "\\%03u", c);
		else if (c == '.' || c == '\\')
			at += sprintf(at, "\\%c", c);
		else
			*at++ = (char)c;
	}
	return (size_t)(at - out);
}

/* The question's name; the longest has DNS_NAME_WIRE - 1 bytes of four characters at most. */
static void take_name(struct cursor *c, char text[DNS_NAME_TEXT])
{
	const uint8_t *begin = c->at, *p;
	size_t at = 0;

	while ((p = take(c, 1)) && *p) {
		size_t size = *p;

		if (size > 63 || (size_t)(p - begin) + 1 + size + 1 > DNS_NAME_WIRE)
			break;
		p = take(c, size);
		if (!p)
			break;
		if (at > 0)
			text[at++] = '.';
		at += label_text(p, size, text + at);
	}
	c->broken = c->broken || !p || *p;
	text[at] = '\0';
}

/* An additional record. Only OPT has a meaning in a query, once, at the root's name; the code that
 * it brings, or 0. */
static int take_additional(struct cursor *c, struct dns_question *q)
{
	const uint8_t *root = take(c, 1);
	uint16_t type = take16(c);
	uint16_t version, flags, size;

	take16(c);
	version = take16(c) & 0xff;
	flags = take16(c);
	size = take16(c);
	take(c, size);
	if (c->broken || *root != 0 || type != DNS_OPT || q->has_opt)
		return DNS_FORMERR;
	q->has_opt = true;
	q->dnssec_ok = flags & DO;
	return version == 0 ? DNS_NOERROR : DNS_BADVERS;
}

static int take_question(struct cursor *c, struct dns_question *q)
{
	const uint8_t *begin = c->at;

	take_name(c, q->name);
	q->type = take16(c);
	q->class = take16(c);
	if (c->broken)
		return DNS_FORMERR;
	q->size = (uint16_t)(c->at - begin);
	memcpy(q->wire, begin, q->size);
	return DNS_NOERROR;
}

/* One question and nothing else but additional records; their number. */
static int take_counts(struct cursor *c, unsigned *ret_additional)
{
	uint16_t questions = take16(c), answers = take16(c), authorities = take16(c);

	*ret_additional = take16(c);
	if (c->broken || questions != 1 || answers || authorities)
		return DNS_FORMERR;
	return *ret_additional > ADDITIONAL_MAX ? DNS_FORMERR : DNS_NOERROR;
}

int dns_question_read(const void *data, size_t size, struct dns_question *ret)
{
	struct cursor c = { .at = data, .left = size };
	unsigned additional;
	const uint8_t *head;
	int r;

	if (size < HEADER)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->id = take16(&c);
	head = take(&c, 2);
	if (head[0] & QR)
		return -EBADMSG;
	ret->flags = head[0] & (OPCODE | RD);
	ret->checking_off = head[1] & CD;
	if (head[0] & OPCODE)
		return DNS_NOTIMP;
	if (size > DNS_QUERY_MAX)
		return DNS_FORMERR;
	r = take_counts(&c, &additional);
	if (r == DNS_NOERROR)
		r = take_question(&c, ret);
	for (; r == DNS_NOERROR && additional > 0; additional--)
		r = take_additional(&c, ret);
	if (r == DNS_NOERROR && c.left)
		r = DNS_FORMERR;
	if (r == DNS_NOERROR && ret->class != CLASS_IN && ret->class != CLASS_ANY)
		r = DNS_NOTIMP;
	return r;
}

/* A record's name, which may end in a pointer to one before: where it points is not looked at. */
static void pass_name(struct cursor *c)
{
	const uint8_t *p;

	while ((p = take(c, 1)) && *p && *p < 0xc0)
		take(c, *p);
	if (p && *p >= 0xc0)
		take(c, 1);
}

static void take_record(struct cursor *c, struct dns_reply *r)
{
	uint16_t type, class, size;
	const uint8_t *data;
	uint8_t *to;

	pass_name(c);
	type = take16(c);
	class = take16(c);
	take(c, 4);
	size = take16(c);
	data = take(c, size);
	if (!data || class != CLASS_IN || r->count == DNS_REPLY_ADDRESSES ||
	    !((type == DNS_A && size == 4) || (type == DNS_AAAA && size == 16)))
		return;
	to = r->addresses[r->count++].bytes;
	if (size == 4)
		memset(to + 10, 0xff, 2);
	memcpy(to + 16 - size, data, size);
}

int dns_reply_read(const void *data, size_t size, struct dns_reply *ret)
{
	struct cursor c = { .at = data, .left = size };
	uint16_t questions;
	const uint8_t *head;

	if (size < HEADER)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->id = take16(&c);
	head = take(&c, 2);
	questions = take16(&c);
	ret->code = head[1] & 15;
	ret->answers = take16(&c);
	take(&c, 4);
	if (!(head[0] & QR) || head[0] & OPCODE || questions != 1)
		return -EBADMSG;
	take_name(&c, ret->name);
	ret->type = take16(&c);
	take16(&c);
	if (c.broken)
		return -EBADMSG;
	for (uint16_t i = 0; i < ret->answers && !c.broken; i++)
		take_record(&c, ret);
	return 0;
}

static uint8_t *put16(uint8_t *at, unsigned n)
{
	*at++ = (uint8_t)(n >> 8);
	*at++ = (uint8_t)n;
	return at;
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
	while (*name) {
		size_t size = strcspn(name, ".");

		*at++ = (uint8_t)size;
		memcpy(at, name, size);
		at += size;
		name += size + (name[size] == '.');
	}
	*at++ = 0;
	return at;
}

static uint8_t *put_record(uint8_t *at, const struct dns_question *q, const struct dns_answer *a)
{
	uint8_t *data, *end;

	at = put16(at, 0xc000 | HEADER); /* the question's name */
	at = put16(at, q->type);
	at = put16(at, CLASS_IN);
	at = put16(put16(at, 0), TTL);
	data = at + 2;
	if (a->name) {
		end = put_name(data, a->name);
	} else {
		size_t size = q->type == DNS_A ? 4 : 16;

		memcpy(data, a->address->bytes + 16 - size, size);
		end = data + size;
	}
	put16(at, (unsigned)(end - data));
	return end;
}

static uint8_t *put_opt(uint8_t *at, const struct dns_question *q, const struct dns_answer *a)
{
	size_t size = a->prohibited ? strnlen(a->prohibited, PROHIBITED_MAX) : 0;

	*at++ = 0;
	at = put16(at, DNS_OPT);
	at = put16(at, UDP_SIZE);
	at = put16(at, (unsigned)(a->code >> 4) << 8); /* upper bits of the code, version 0 */
	at = put16(at, q->dnssec_ok ? DO : 0);
	if (!a->prohibited)
		return put16(at, 0);
	at = put16(at, (unsigned)size + 6);
	at = put16(at, OPTION_ERROR);
	at = put16(at, (unsigned)size + 2);
	at = put16(at, ERROR_PROHIBITED);
	memcpy(at, a->prohibited, size);
	return at + size;
}

size_t dns_answer_write(const struct dns_question *q, const struct dns_answer *a,
			uint8_t ret[DNS_ANSWER_MAX])
{
	bool record = q->size && (a->address || a->name);
	uint8_t *at = put16(ret, q->id);

	_Static_assert(HEADER + DNS_NAME_WIRE + 4 + 12 + 16 + 11 + 6 + PROHIBITED_MAX <=
			       DNS_ANSWER_MAX,
		       "an address for the longest name");
	_Static_assert(HEADER + 74 + 4 + 12 + DNS_NAME_WIRE + 11 + 6 + PROHIBITED_MAX <=
			       DNS_ANSWER_MAX,
		       "the longest name for an ip6.arpa name");
	*at++ = QR | q->flags;
	*at++ = (uint8_t)(RA | (q->checking_off ? CD : 0) | (a->code & 15));
	at = put16(at, q->size != 0);
	at = put16(at, record);
	at = put16(at, 0);
	at = put16(at, q->has_opt);
	memcpy(at, q->wire, q->size);
	at += q->size;
	if (record)
		at = put_record(at, q, a);
	if (q->has_opt)
		at = put_opt(at, q, a);
	return (size_t)(at - ret);
}

/* "4.3.2.1" before the suffix. */
static int reverse4(const char *name, struct egress_address *ret)
{
	unsigned b[4];
	int end = 0;
	char again[16];

	if (sscanf(name, "%3u.%3u.%3u.%3u%n", &b[3], &b[2], &b[1], &b[0], &end) != 4 ||
	    strcmp(name + end, ".in-addr.arpa") != 0)
		return -EINVAL;
	/* one spelling: no sign, blank or leading zero, which scanf takes */
	if (b[0] > 255 || b[1] > 255 || b[2] > 255 || b[3] > 255 ||
	    snprintf(again, sizeof(again), "%u.%u.%u.%u", b[3], b[2], b[1], b[0]) != end ||
	    strncmp(name, again, (size_t)end) != 0)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	ret->bytes[10] = ret->bytes[11] = 0xff;
	for (int i = 0; i < 4; i++)
		ret->bytes[12 + i] = (uint8_t)b[i];
	return 0;
}

static int reverse6(const char *name, struct egress_address *ret)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(name) != 72 || strcmp(name + 63, ".ip6.arpa") != 0)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < 32; i++) {
		const char *digit = strchr(digits, name[2 * i]);

		if (!digit || !*digit || name[2 * i + 1] != '.')
			return -EINVAL;
		ret->bytes[15 - i / 2] |= (uint8_t)((digit - digits) << (i % 2 * 4));
	}
	return 0;
}

int dns_reverse(const char *name, struct egress_address *ret)
{
	return reverse4(name, ret) == 0 ? 0 : reverse6(name, ret);
}
