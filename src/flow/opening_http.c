// SPDX-License-Identifier: Apache-2.0
/* HTTP/1: the head of the first request (RFC 9112). What a lenient server could take for a request
 * is claimed, and what a strict one would not take is wrong: so no server can read another host
 * than this does. HTTP/0.9, folded lines, bare line ends and doubled hosts do not pass. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "flow/opening_kind.h"

#define METHOD_MAX 32

/* What a lenient server takes for a blank between words: Python's is the longest list known. */
static bool is_blank(uint8_t c)
{
	return c && strchr("\t\v\f\r \x1c\x1d\x1e\x1f\x85\xa0", c);
}

static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Whether the word is the beginning of a method: any in capital letters, and the usual ones in
 * whatever letters, as some servers take them. */
static bool is_method(const uint8_t *word, size_t size)
{
	static const char *const usual[] = { "GET",	"HEAD",	   "POST",  "PUT",  "DELETE",
					     "CONNECT", "OPTIONS", "TRACE", "PATCH" };
	size_t capital = 0;

	while (capital < size && ((word[capital] >= 'A' && word[capital] <= 'Z') ||
				  (capital && (word[capital] == '-' || word[capital] == '_'))))
		capital++;
	if (capital == size)
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(usual); i++)
		if (size <= strlen(usual[i]) &&
		    strncasecmp((const char *)word, usual[i], size) == 0)
			return true;
	return false;
}

/* A method and a blank, perhaps behind blanks; *ret: where the method begins. */
static enum opening_claim find_method(struct opening_bytes b, size_t *ret)
{
	size_t at = 0, size = 0;

	while (at < b.size && (is_blank(b.data[at]) || b.data[at] == '\n'))
		at++;
	while (at + size < b.size && is_token(b.data[at + size]) && size <= METHOD_MAX)
		size++;
	if (size > METHOD_MAX || !is_method(b.data + at, size))
		return OPENING_NOT;
	if (at + size == b.size)
		return OPENING_MAYBE;
	*ret = at;
	return size && is_blank(b.data[at + size]) ? OPENING_WHOLE : OPENING_NOT;
}

struct request {
	struct opening *opening;
	struct opening_bytes method, target;
	bool has_host, host_wrong, has_length, has_coding;
};

static struct opening_bytes skip(struct opening_bytes b, size_t n)
{
	return (struct opening_bytes){ b.data + n, b.size - n };
}

/* "METHOD SP target SP HTTP/1.x", and nothing that somebody else could read otherwise. */
static bool read_request_line(struct request *r, struct opening_bytes line)
{
	const uint8_t *first = memchr(line.data, ' ', line.size), *second;
	struct opening_bytes rest;

	if (!first)
		return false;
	r->method = (struct opening_bytes){ line.data, (size_t)(first - line.data) };
	rest = skip(line, r->method.size + 1);
	second = memchr(rest.data, ' ', rest.size);
	if (!second || second == rest.data)
		return false;
	r->target = (struct opening_bytes){ rest.data, (size_t)(second - rest.data) };
	for (size_t i = 0; i < r->target.size; i++)
		if (r->target.data[i] < 0x21 || r->target.data[i] == 0x7f)
			return false;
	rest = skip(rest, r->target.size + 1);
	return rest.size == 8 && memcmp(rest.data, "HTTP/1.", 7) == 0 &&
	       (rest.data[7] == '0' || rest.data[7] == '1');
}

static struct opening_bytes trim(struct opening_bytes b)
{
	while (b.size && (b.data[0] == ' ' || b.data[0] == '\t'))
		b = skip(b, 1);
	while (b.size && (b.data[b.size - 1] == ' ' || b.data[b.size - 1] == '\t'))
		b.size--;
	return b;
}

/* Once each, and of the last two one alone: else two readers see two requests. */
static bool take_field(struct request *r, struct opening_bytes name, struct opening_bytes value)
{
	if (opening_is(name, "host")) {
		if (r->has_host)
			return false;
		r->has_host = true;
		r->host_wrong = !opening_authority(r->opening, value);
	} else if (opening_is(name, "content-length")) {
		if (r->has_length || r->has_coding)
			return false;
		r->has_length = true;
	} else if (opening_is(name, "transfer-encoding")) {
		r->has_coding = true;
		return !r->has_length;
	}
	return true;
}

static bool read_field(struct request *r, struct opening_bytes line)
{
	struct opening_bytes name = { line.data, 0 }, value;

	while (name.size < line.size && is_token(line.data[name.size]))
		name.size++;
	if (!name.size || name.size == line.size || line.data[name.size] != ':')
		return false;
	value = trim(skip(line, name.size + 1));
	for (size_t i = 0; i < value.size; i++)
		if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
			return false;
	return take_field(r, name, value);
}

/* The absolute form names a host as well, and it must be the same. */
static bool read_absolute(struct request *r)
{
	struct opening said = { .detail = "" };
	struct opening_bytes host;
	const uint8_t *end;
	size_t scheme;

	if (opening_begins(r->target, "http://") == OPENING_WHOLE)
		scheme = 7;
	else if (opening_begins(r->target, "https://") == OPENING_WHOLE)
		scheme = 8;
	else
		return false;
	host = skip(r->target, scheme);
	end = host.data;
	while (end < host.data + host.size && !strchr("/?#", *end))
		end++;
	host.size = (size_t)(end - host.data);
	if (!opening_authority(&said, host))
		return false;
	if (r->has_host)
		return !r->host_wrong && strcmp(said.name, r->opening->name) == 0;
	memcpy(r->opening->name, said.name, sizeof(said.name));
	r->opening->has_name = true;
	return true;
}

static bool read_target(struct request *r)
{
	r->opening->tunnel = opening_is(r->method, "CONNECT");
	if (r->opening->tunnel)
		return true;
	if (r->target.data[0] == '/')
		return true;
	if (r->target.size == 1 && r->target.data[0] == '*')
		return opening_is(r->method, "OPTIONS");
	return read_absolute(r);
}

/* The head's lines, each with its CRLF. */
static enum opening_claim read_head(struct opening_bytes b, struct opening *ret)
{
	struct request r = { .opening = ret };
	struct opening_bytes line = { b.data, 0 };

	for (size_t n = 0;; n++) {
		const uint8_t *end = memchr(b.data, '\n', b.size);

		if (!end)
			return OPENING_GOES_ON;
		line = (struct opening_bytes){ b.data, (size_t)(end - b.data) };
		b = skip(b, line.size + 1);
		if (!line.size || line.data[--line.size] != '\r')
			return OPENING_WRONG;
		if (n && !line.size)
			break;
		if (n ? !read_field(&r, line) : !read_request_line(&r, line))
			return OPENING_WRONG;
	}
	if (!read_target(&r))
		return OPENING_WRONG;
	opening_detail(ret, "", r.method.data, r.method.size);
	opening_detail(ret, " ", r.target.data, r.target.size);
	return OPENING_WHOLE;
}

/* A request without a version; servers still take it. */
static bool is_oldest(struct opening_bytes line)
{
	return line.size > 4 && strncasecmp((const char *)line.data, "GET ", 4) == 0 &&
	       memchr(line.data, '/', line.size);
}

static enum opening_claim read_http1(struct opening_bytes b, struct opening *ret)
{
	enum opening_claim claim = opening_begins(b, HTTP2_PREFACE);
	struct opening_bytes line;
	size_t at = 0;
	bool whole;

	if (claim != OPENING_NOT)
		return claim == OPENING_MAYBE ? OPENING_MAYBE : OPENING_NOT;
	if (opening_begins(b, "SSH-") == OPENING_WHOLE)
		return OPENING_NOT;
	claim = find_method(b, &at);
	if (claim != OPENING_WHOLE)
		return claim;
	whole = opening_line(skip(b, at), &line);
	if (!whole)
		line = skip(b, at);
	if (!opening_holds(line, "HTTP/")) {
		if (!whole)
			return OPENING_MAYBE;
		return is_oldest(line) ? OPENING_WRONG : OPENING_NOT;
	}
	return at ? OPENING_WRONG : read_head(b, ret);
}

const struct opening_kind opening_http1 = {
	.protocol = PROTOCOL_HTTP,
	.names_host = true,
	.read = read_http1,
};
