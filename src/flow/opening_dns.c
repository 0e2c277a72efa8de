// SPDX-License-Identifier: Apache-2.0
/* DNS over TCP: a question behind its length (RFC 1035 4.2.2, RFC 7766). Its length, flags and
 * counts tell it from everything else: no question has a kilobyte, or flags and records of an
 * answer. */
#include <string.h>

#include "base/cleanup.h"
#include "flow/dns.h"
#include "flow/opening_kind.h"

#define LENGTH 2
#define QUESTION_MIN 17 /* header, root, type and class */

/* Which bits are what in length, id, flags and counts. */
static const struct {
	uint8_t mask, is;
} head[] = {
	{ 0xfc, 0 }, { 0 },	  /* length */
	{ 0 },	     { 0 },	  /* id */
	{ 0xfe, 0 }, { 0x4f, 0 }, /* flags: RD, AD, CD */
	{ 0xff, 0 }, { 0xff, 1 }, /* one question */
	{ 0xff, 0 }, { 0xff, 0 }, { 0xff, 0 }, { 0xff, 0 }, { 0xff, 0 },
};

static enum opening_claim read_dns(struct opening_bytes b, struct opening *ret)
{
	struct dns_question q;
	size_t size;

	for (size_t i = 0; i < ARRAY_LENGTH(head) && i < b.size; i++)
		if ((b.data[i] & head[i].mask) != head[i].is)
			return OPENING_NOT;
	if (b.size < LENGTH)
		return OPENING_MAYBE;
	size = (size_t)b.data[0] << 8 | b.data[1];
	if (size < QUESTION_MIN)
		return OPENING_NOT;
	if (b.size < ARRAY_LENGTH(head))
		return OPENING_MAYBE;
	if (b.size < LENGTH + size)
		return OPENING_GOES_ON;
	if (dns_question_read(b.data + LENGTH, size, &q) != DNS_NOERROR)
		return OPENING_WRONG;
	opening_detail(ret, "question for ", q.name, strlen(q.name));
	return OPENING_WHOLE;
}

const struct opening_kind opening_dns = {
	.protocol = PROTOCOL_DNS,
	.read = read_dns,
};
