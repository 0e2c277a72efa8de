// SPDX-License-Identifier: Apache-2.0
/* Reads what network.carry and --carry say; see carry.h. Owns nothing, trusts nothing. */
#include "policy/carry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include "policy/port.h"

static bool is_name(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	return *host && host[0] != '-' && host[0] != '.' && strspn(host, allowed) == strlen(host);
}

static int parse_host(const char *text, struct carry *c)
{
	bool bracket = text[0] == '[';
	const char *start = text + bracket;
	size_t n = strcspn(start, bracket ? "]" : ":");
	const char *after = start + n + bracket;
	unsigned char address[16];
	size_t port;

	if (!start[n] || *after != ':' || n > CARRY_HOST_MAX)
		return -EINVAL;
	memcpy(c->host, start, n);
	c->host[n] = '\0';
	if (bracket ? inet_pton(AF_INET6, c->host, address) != 1 : !is_name(c->host))
		return -EINVAL;
	port = port_parse(after + 1, &c->host_port);
	return port && !after[1 + port] ? 0 : -EINVAL;
}

static int parse_path(const char *path, struct carry *c)
{
	struct sockaddr_un un;

	c->unix_path = path;
	return path[0] == '/' && path[1] && strlen(path) < sizeof(un.sun_path) ? 0 : -EINVAL;
}

int carry_parse(const char *text, struct carry *ret)
{
	struct carry c = { .port = 0 };
	size_t n = port_parse(text, &c.port);
	const char *to = n && text[n] == '=' ? text + n + 1 : text;
	bool is_unix = strncmp(to, "unix:", 5) == 0;
	int r = is_unix ? parse_path(to + 5, &c) : parse_host(to, &c);

	if (r == 0 && to == text && is_unix)
		r = -EINVAL; /* nothing says which port */
	if (r < 0)
		return r;
	if (to == text)
		c.port = c.host_port;
	c.to = to;
	*ret = c;
	return 0;
}
