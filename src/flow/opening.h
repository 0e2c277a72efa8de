/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's first bytes: what is spoken, and with whom it says that it speaks. Pure functions over
 * bytes that an agent, or a server that it chose, wrote: bounded, nothing allocated, nothing kept.
 * Sources: TLS RFC 8446 and 6066, HTTP RFC 9112 and 9113, SSH RFC 4253, DNS RFC 1035. */
#ifndef WEIR_FLOW_OPENING_H
#define WEIR_FLOW_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "policy/egress.h"

#define OPENING_MAX 65536     /* bytes looked at: a ClientHello with post-quantum keys is 2-4 KiB */
#define OPENING_WAIT_MS 10000 /* for the rest of an opening that has begun */
#define OPENING_SILENCE_MS 250	  /* for a client's first byte; then the server may be the first */
#define OPENING_PATIENCE_MS 60000 /* for that byte where the server may not be the first */
#define OPENING_DETAIL 128

enum opening_state {
	OPENING_MORE,	/* more bytes could tell more; at OPENING_MAX it is what it is */
	OPENING_KNOWN,	/* more bytes would change nothing */
	OPENING_BROKEN, /* it began as the protocol and breaks its rules */
};

struct opening {
	enum protocol protocol;
	enum opening_state state;
	char name[EGRESS_NAME_MAX + 1]; /* SNI or Host, cleaned; "" where none was said */
	bool has_name;			/* one was said, clean or not */
	bool may_name;			/* OPENING_MORE: what is still to come could name a host */
	bool tunnel; /* it asks for a connection to somewhere else: HTTP's CONNECT */
	char detail[OPENING_DETAIL]; /* for people, printable ASCII: ALPN, request line, banner */
};

enum opening_state opening_read(const void *data, size_t size, bool from_server,
				struct opening *ret);

/* For people: whom the client says that it speaks with, where the detail does not say so too, and
 * the detail. */
#define OPENING_WORDS (EGRESS_NAME_MAX + 1 + OPENING_DETAIL)
void opening_words(const struct opening *o, char ret[OPENING_WORDS]);

/* NULL where the opening is what was allowed, else why not, in a few static words: also for one
 * that is broken, or that was not complete in time. name: by which the destination was asked for,
 * or NULL; protocol: the rule's, or NULL for any. Whatever the rule says: a TLS or HTTP opening
 * that names another host than `name` does not pass, and to port 53 only DNS does. */
const char *opening_refused(const struct opening *o, const char *name, const char *protocol,
			    uint16_t port);

/* Who speaks first where this protocol, or NULL for any, is allowed. */
enum opening_lead { OPENING_CLIENT, OPENING_SERVER, OPENING_EITHER };
enum opening_lead opening_leads(const char *protocol, uint16_t port);

#endif
