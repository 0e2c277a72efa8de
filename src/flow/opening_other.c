// SPDX-License-Identifier: Apache-2.0
/* Clients of PostgreSQL (its manual, "Message Formats"), Redis (RESP), git (its "pack-protocol"),
 * SOCKS 4, 4a and 5 (RFC 1928). */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/opening_kind.h"

#define POSTGRES_HEAD 8
#define POSTGRES_MAX 10000 /* the server's own limit */

enum {
	POSTGRES_MAJOR = 3,
	POSTGRES_CANCEL_SIZE = 16,
	POSTGRES_CANCEL = 80877102,
	POSTGRES_TLS = 80877103,
	POSTGRES_GSS = 80877104,
};

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Pairs of key and value, each with its NUL, and a last NUL. */
static bool describe_startup(struct opening_bytes b, struct opening *ret)
{
	const char *p = (const char *)b.data, *end = p + b.size;

	if (!b.size || end[-1])
		return false;
	while (p < end && *p) {
		const char *value = p + strlen(p) + 1;

		if (value >= end)
			return false;
		if (strcmp(p, "user") == 0 || strcmp(p, "database") == 0) {
			opening_detail(ret, ret->detail[0] ? " " : "", p, strlen(p));
			opening_detail(ret, " ", value, strlen(value));
		}
		p = value + strlen(value) + 1;
	}
	return p == end - 1;
}

/* What a client asks before it starts: eight bytes, or a cancellation's sixteen. */
static const char *describe_request(uint32_t size, uint32_t code)
{
	if (size == POSTGRES_HEAD && code == POSTGRES_TLS)
		return "asks for TLS";
	if (size == POSTGRES_HEAD && code == POSTGRES_GSS)
		return "asks for GSSAPI";
	return size == POSTGRES_CANCEL_SIZE && code == POSTGRES_CANCEL ? "cancels" : NULL;
}

/* Known once it is whole: other protocols too begin with a length and small numbers. */
static enum opening_claim read_postgres(struct opening_bytes b, struct opening *ret)
{
	const char *request;
	uint32_t size, code;

	if ((b.size && b.data[0]) || (b.size > 1 && b.data[1]))
		return OPENING_NOT;
	if (b.size < POSTGRES_HEAD)
		return OPENING_MAYBE;
	size = number(b.data);
	code = number(b.data + 4);
	request = describe_request(size, code);
	if (request) {
		opening_detail(ret, request, NULL, 0);
		return OPENING_WHOLE;
	}
	if (code >> 16 != POSTGRES_MAJOR || size <= POSTGRES_HEAD || size > POSTGRES_MAX)
		return OPENING_NOT;
	if (b.size < size)
		return OPENING_MAYBE;
	b = (struct opening_bytes){ b.data + POSTGRES_HEAD, size - POSTGRES_HEAD };
	return describe_startup(b, ret) ? OPENING_WHOLE : OPENING_NOT;
}

/* A count behind its mark: 1 to 6 digits and CRLF. */
static enum opening_claim read_count(struct opening_bytes *b, uint8_t mark, uint32_t *ret)
{
	size_t at = 1;

	*ret = 0;
	if (b->size && b->data[0] != mark)
		return OPENING_NOT;
	for (; at < b->size && at <= 6 && b->data[at] >= '0' && b->data[at] <= '9'; at++)
		*ret = *ret * 10 + (b->data[at] - '0');
	if (b->size <= at)
		return OPENING_MAYBE;
	if (at == 1 || b->data[at] != '\r')
		return OPENING_NOT;
	if (b->size == at + 1)
		return OPENING_MAYBE;
	if (b->data[at + 1] != '\n')
		return OPENING_NOT;
	b->data += at + 2;
	b->size -= at + 2;
	return OPENING_WHOLE;
}

static bool is_command(uint8_t c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && (c == '.' || c == '-' || c == '_'));
}

/* An array whose first string is a command. */
static enum opening_claim read_redis(struct opening_bytes b, struct opening *ret)
{
	uint32_t count = 0, size = 0;
	enum opening_claim claim = read_count(&b, '*', &count);

	if (claim == OPENING_WHOLE)
		claim = count ? read_count(&b, '$', &size) : OPENING_NOT;
	if (claim != OPENING_WHOLE)
		return claim;
	if (!size || size > 32)
		return OPENING_NOT;
	for (size_t i = 0; i < size && i < b.size; i++)
		if (!is_command(b.data[i], i == 0))
			return OPENING_NOT;
	if (b.size <= size)
		return OPENING_MAYBE;
	if (b.data[size] != '\r')
		return OPENING_NOT;
	opening_detail(ret, "", b.data, size);
	return OPENING_WHOLE;
}

#define GIT_SIZE 4
#define GIT_MAX 4096

static bool git_size(const uint8_t *p, size_t *ret)
{
	static const char digits[] = "0123456789abcdef";

	*ret = 0;
	for (size_t i = 0; i < GIT_SIZE; i++) {
		const char *digit = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

		if (!digit)
			return false;
		*ret = *ret * 16 + (size_t)(digit - digits);
	}
	return *ret > GIT_SIZE && *ret <= GIT_MAX;
}

/* "PATH NUL [host=HOST[:PORT] NUL]…" */
static enum opening_claim read_git_request(struct opening_bytes b, struct opening *ret)
{
	const uint8_t *path_end = memchr(b.data, 0, b.size);
	size_t size = path_end ? (size_t)(path_end - b.data) : b.size;

	opening_detail(ret, " ", b.data, size);
	if (!path_end)
		return OPENING_WHOLE;
	b = (struct opening_bytes){ path_end + 1, b.size - size - 1 };
	if (opening_begins(b, "host=") != OPENING_WHOLE)
		return OPENING_WHOLE;
	b = (struct opening_bytes){ b.data + 5, b.size - 5 };
	path_end = memchr(b.data, 0, b.size);
	if (!path_end)
		return OPENING_WRONG;
	b.size = (size_t)(path_end - b.data);
	opening_authority(ret, b);
	return OPENING_WHOLE;
}

/* "SIZEgit-SERVICE " and the request, which SIZE counts in. */
static enum opening_claim read_git(struct opening_bytes b, struct opening *ret)
{
	static const char *const services[] = { "git-upload-pack ", "git-receive-pack ",
						"git-upload-archive " };
	enum opening_claim best = OPENING_NOT;
	struct opening_bytes rest = b;
	size_t size = 0;

	for (size_t i = 0; i < GIT_SIZE && i < b.size; i++)
		if (!b.data[i] || !strchr("0123456789abcdefABCDEF", b.data[i]))
			return OPENING_NOT;
	if (b.size < GIT_SIZE)
		return OPENING_MAYBE;
	if (!git_size(b.data, &size))
		return OPENING_NOT;
	rest = (struct opening_bytes){ b.data + GIT_SIZE, b.size - GIT_SIZE };
	for (size_t i = 0; i < ARRAY_LENGTH(services); i++) {
		enum opening_claim claim = opening_begins(rest, services[i]);
		size_t head = strlen(services[i]);

		if (claim == OPENING_WHOLE && b.size < size)
			return OPENING_GOES_ON;
		if (claim == OPENING_WHOLE && size < GIT_SIZE + head)
			return OPENING_WRONG;
		if (claim == OPENING_WHOLE) {
			opening_detail(ret, "", rest.data, head - 1);
			rest = (struct opening_bytes){ rest.data + head, size - GIT_SIZE - head };
			return read_git_request(rest, ret);
		}
		if (claim == OPENING_MAYBE)
			best = claim;
	}
	return best;
}

/* Until a name's NUL; *at moves behind it. */
static bool socks_text(struct opening_bytes b, size_t *at, struct opening_bytes *ret)
{
	const uint8_t *end = *at < b.size ? memchr(b.data + *at, 0, b.size - *at) : NULL;

	if (!end)
		return false;
	*ret = (struct opening_bytes){ b.data + *at, (size_t)(end - b.data) - *at };
	*at += ret->size + 1;
	return true;
}

#define SOCKS4_HEAD 8
#define SOCKS4_MAX 520

/* Version, CONNECT or BIND, port, address, user; 4a: a name behind an address 0.0.0.x. */
static enum opening_claim read_socks4(struct opening_bytes b, struct opening *ret)
{
	struct opening_bytes user, host = { b.data, 0 };
	char address[EGRESS_ADDRESS_TEXT] = "", port[16];
	const uint8_t *p = b.data;
	size_t at = SOCKS4_HEAD;

	if (b.size > 1 && p[1] != 1 && p[1] != 2)
		return OPENING_NOT;
	if (b.size < SOCKS4_HEAD)
		return OPENING_MAYBE;
	if (!socks_text(b, &at, &user))
		return b.size < SOCKS4_MAX ? OPENING_MAYBE : OPENING_NOT;
	if (!p[4] && !p[5] && !p[6] && p[7] && !socks_text(b, &at, &host))
		return b.size < SOCKS4_MAX ? OPENING_MAYBE : OPENING_NOT;
	if (at > SOCKS4_MAX)
		return OPENING_NOT;
	if (!host.size)
		snprintf(address, sizeof(address), "%u.%u.%u.%u", p[4], p[5], p[6], p[7]);
	snprintf(port, sizeof(port), ":%u", (unsigned)p[2] << 8 | p[3]);
	opening_detail(ret, "SOCKS 4 to ", host.data, host.size);
	opening_detail(ret, address, NULL, 0);
	opening_detail(ret, port, NULL, 0);
	return OPENING_WHOLE;
}

static enum opening_claim read_socks(struct opening_bytes b, struct opening *ret)
{
	if (!b.size)
		return OPENING_MAYBE;
	if (b.data[0] == 4)
		return read_socks4(b, ret);
	if (b.data[0] != 5 || (b.size > 1 && !b.data[1]))
		return OPENING_NOT;
	if (b.size < 2 || b.size < 2u + b.data[1])
		return OPENING_MAYBE;
	opening_detail(ret, "SOCKS 5", NULL, 0);
	return OPENING_WHOLE;
}

const struct opening_kind opening_postgres = {
	.protocol = PROTOCOL_POSTGRES,
	.read = read_postgres,
};

const struct opening_kind opening_redis = {
	.protocol = PROTOCOL_REDIS,
	.read = read_redis,
};

const struct opening_kind opening_git = {
	.protocol = PROTOCOL_GIT,
	.names_host = true,
	.read = read_git,
};

const struct opening_kind opening_socks = {
	.protocol = PROTOCOL_SOCKS,
	.read = read_socks,
};
