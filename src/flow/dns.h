/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages as the sandbox's resolver needs them: a question is read, an answer of at most one
 * record is written. Pure functions over bytes that an agent wrote: bounded, nothing allocated.
 * Sources: RFC 1035, EDNS RFC 6891, extended errors RFC 8914, one question RFC 9619. */
#ifndef WEIR_FLOW_DNS_H
#define WEIR_FLOW_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/egress.h"

#define DNS_HEADER 12
#define DNS_QUERY_MAX 4096 /* bytes of a query, cookies and padding included; longer is broken */
#define DNS_ANSWER_MAX 512 /* none of ours is longer, so none is ever truncated */
#define DNS_NAME_WIRE 255  /* bytes of a name with its length bytes and the final zero */
#define DNS_NAME_TEXT 1024 /* as text, each odd byte as \DDD */
#define DNS_PORT 53

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_ANY = 255,
};

enum dns_code {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_BADVERS = 16,
};

struct dns_question {
	uint16_t id, type, class;
	uint8_t flags; /* opcode, RD: what an answer repeats, in the header's place */
	bool has_opt, dnssec_ok, checking_off;
	uint16_t size;			 /* of what follows; 0: broken before the question's end */
	uint8_t wire[DNS_NAME_WIRE + 4]; /* the question as asked: an answer repeats its case */
	char name[DNS_NAME_TEXT];	 /* for people and for egress_name_clean() */
};

/* DNS_NOERROR: one question of class IN or ANY was read. Another code: answer with that, nothing
 * more. -EBADMSG: no query at all, to which nothing may be said. */
int dns_question_read(const void *data, size_t size, struct dns_question *ret);

struct dns_answer {
	enum dns_code code;
	const struct egress_address *address; /* an A or AAAA record, after the question's type */
	const char *name;		      /* a PTR record; clean */
	const char *prohibited; /* why, for who asked with EDNS: at most 63 bytes of it are told */
};

/* Returns its size. q as dns_question_read() left it, whatever that returned but -EBADMSG. */
size_t dns_answer_write(const struct dns_question *q, const struct dns_answer *a,
			uint8_t ret[DNS_ANSWER_MAX]);

#define DNS_REPLY_ADDRESSES 16 /* kept of one reply */

/* A reply of any server, as far as it is there: what is behind a break is left out. */
struct dns_reply {
	uint16_t id, type; /* type: of the question */
	uint8_t code;	   /* enum dns_code, without EDNS's upper bits */
	uint16_t answers;  /* records, as the header says */
	char name[DNS_NAME_TEXT];
	size_t count;
	struct egress_address addresses[DNS_REPLY_ADDRESSES];
};
/* 0, or -EBADMSG where it is no reply with one question. */
int dns_reply_read(const void *data, size_t size, struct dns_reply *ret);

/* The address that a clean name below in-addr.arpa or ip6.arpa asks about: 0 or -EINVAL. */
int dns_reverse(const char *name, struct egress_address *ret);

#endif
