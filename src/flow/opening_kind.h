/* SPDX-License-Identifier: Apache-2.0 */
/* A protocol's reader, one const struct each, and what readers share. A reader looks at the bytes
 * from the first on and says what they are so far; whatever it says, it says of every longer
 * opening too, but for OPENING_MAYBE and OPENING_GOES_ON. No two readers claim the same bytes. */
#ifndef WEIR_FLOW_OPENING_KIND_H
#define WEIR_FLOW_OPENING_KIND_H

#include "flow/opening.h"

enum opening_claim {
	OPENING_NOT,	 /* something else */
	OPENING_MAYBE,	 /* too short to tell */
	OPENING_GOES_ON, /* it is this, and not complete */
	OPENING_WHOLE,	 /* it is this, and more bytes would change nothing */
	OPENING_WRONG,	 /* it began as this, and breaks its rules */
};

struct opening_bytes {
	const uint8_t *data;
	size_t size; /* OPENING_MAX at most */
};

struct opening_kind {
	enum protocol protocol;
	bool from_server; /* whose bytes it reads */
	bool names_host;  /* its opening can name a host */
	/* ret has been cleared; its protocol and state are the caller's. */
	enum opening_claim (*read)(struct opening_bytes b, struct opening *ret);
};

extern const struct opening_kind opening_tls, opening_http1, opening_http2, opening_ssh_client,
	opening_ssh_server, opening_dns, opening_stratum, opening_postgres, opening_redis,
	opening_git, opening_socks, opening_mysql, opening_smtp, opening_ftp;

/* HTTP/2 with prior knowledge, RFC 9113 3.4 */
#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* How the bytes agree with a text that must come first: OPENING_NOT, OPENING_MAYBE where they end
 * before they differ, OPENING_WHOLE. */
enum opening_claim opening_begins(struct opening_bytes b, const char *text);
/* The first line without its LF, and without a CR before that; false: it has not ended. */
bool opening_line(struct opening_bytes b, struct opening_bytes *ret);
bool opening_is(struct opening_bytes b, const char *text); /* in any case of letters */
bool opening_holds(struct opening_bytes b, const char *text);
/* A host that the opening names, as it was said. */
void opening_name(struct opening *o, const void *name, size_t size);
/* "HOST", "HOST:PORT" or "[ADDRESS]:PORT" of a URI: as opening_name() names the host. False: no
 * such thing; a name was said all the same. */
bool opening_authority(struct opening *o, struct opening_bytes b);
/* Appends text, and bytes with a ? for each that is not printable ASCII; what has no room is cut.
 */
void opening_detail(struct opening *o, const char *text, const void *bytes, size_t size);

#endif
