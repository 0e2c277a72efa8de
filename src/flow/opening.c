// SPDX-License-Identifier: Apache-2.0
/* Asks each protocol's reader what an opening is, and holds the answer against what was allowed.
 * Owns nothing. Trusts no byte: a name counts only as egress_name_clean() leaves it, and what
 * could still become an opening that names a host never passes where a name was asked for. */
#include "flow/opening.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/event_decode.h"
#include "flow/opening_kind.h"

#define PORT_DNS 53

static const struct opening_kind *const kinds[] = {
	&opening_tls,	     &opening_http1, &opening_http2,   &opening_ssh_client,
	&opening_ssh_server, &opening_dns,   &opening_stratum, &opening_postgres,
	&opening_redis,	     &opening_git,   &opening_socks,   &opening_mysql,
	&opening_smtp,	     &opening_ftp,
};

static const enum opening_state states[] = {
	[OPENING_GOES_ON] = OPENING_MORE,
	[OPENING_WHOLE] = OPENING_KNOWN,
	[OPENING_WRONG] = OPENING_BROKEN,
};

static enum opening_state known_as(struct opening *o, const struct opening_kind *kind,
				   enum opening_claim claim)
{
	o->protocol = kind->protocol;
	o->state = states[claim];
	o->may_name = o->state == OPENING_MORE && kind->names_host;
	return o->state;
}

enum opening_state opening_read(const void *data, size_t size, bool from_server,
				struct opening *ret)
{
	const struct opening_bytes b = {
		size ? data : "",
		size < OPENING_MAX ? size : OPENING_MAX,
	};
	bool maybe = false, may_name = false;

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		enum opening_claim claim;

		if (kinds[i]->from_server != from_server)
			continue;
		*ret = (struct opening){ .state = OPENING_KNOWN };
		claim = kinds[i]->read(b, ret);
		if (claim > OPENING_MAYBE)
			return known_as(ret, kinds[i], claim);
		maybe |= claim == OPENING_MAYBE;
		may_name |= claim == OPENING_MAYBE && kinds[i]->names_host;
	}
	*ret = (struct opening){
		.protocol = PROTOCOL_UNKNOWN,
		.state = maybe ? OPENING_MORE : OPENING_KNOWN,
		.may_name = may_name,
	};
	return ret->state;
}

/* These name their host in every opening that a client of today makes. */
static bool must_name(enum protocol protocol)
{
	return protocol == PROTOCOL_TLS || protocol == PROTOCOL_HTTP;
}

static const char *name_refused(const struct opening *o, const char *name, bool by_protocol)
{
	if (o->tunnel)
		return "it asks for a tunnel to somewhere else";
	if (o->has_name && strcmp(o->name, name) != 0)
		return "it names another host";
	if (by_protocol && must_name(o->protocol) && !o->has_name)
		return "it names no host";
	return NULL;
}

void opening_words(const struct opening *o, char ret[OPENING_WORDS])
{
	const char *whom = strstr(o->detail, o->name) ? "" : o->name;

	snprintf(ret, OPENING_WORDS, "%s%s%s", whom, *whom && o->detail[0] ? " " : "", o->detail);
}

const char *opening_refused(const struct opening *o, const char *name, const char *protocol,
			    uint16_t port)
{
	bool asked = protocol || port == PORT_DNS;

	if (o->state == OPENING_MORE && (asked || (name && o->may_name)))
		return "its first bytes were not complete in time";
	if (port == PORT_DNS && o->protocol != PROTOCOL_DNS)
		return "to port 53 only DNS passes";
	if (protocol && strcmp(protocol_name(o->protocol), protocol) != 0)
		return "the rule is for another protocol";
	if (o->state == OPENING_BROKEN && (asked || name))
		return "its first bytes break their protocol's rules";
	return name ? name_refused(o, name, protocol != NULL) : NULL;
}

static const enum opening_lead leads[] = {
#define PROTOCOL(NAME, name, leads, about) OPENING_##leads,
#include "tables/protocols.tbl"
#undef PROTOCOL
};

enum opening_lead opening_leads(const char *protocol, uint16_t port)
{
	enum protocol p = PROTOCOL_UNKNOWN;

	if (port == PORT_DNS)
		return OPENING_CLIENT;
	return protocol && protocol_parse(protocol, &p) == 0 ? leads[p] : OPENING_EITHER;
}
