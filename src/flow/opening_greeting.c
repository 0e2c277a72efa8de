// SPDX-License-Identifier: Apache-2.0
/* Servers that speak first: MySQL (its internals manual, "Protocol::Handshake"), SMTP (RFC 5321
 * 3.1) and FTP (RFC 959 5.4). The last two greet with the same number: the words tell. */
#include <string.h>

#include "flow/opening_kind.h"

#define MYSQL_HEAD 4
#define MYSQL_MAX 1024
#define GREETING_MAX 4096

/* A packet of protocol 10 with the server's version, or an error in place of it. */
static enum opening_claim read_mysql(struct opening_bytes b, struct opening *ret)
{
	const uint8_t *p = b.data, *end;
	size_t size;

	if ((b.size > 1 && p[1] > MYSQL_MAX >> 8) || (b.size > 2 && p[2]) || (b.size > 3 && p[3]))
		return OPENING_NOT;
	if (b.size <= MYSQL_HEAD)
		return OPENING_MAYBE;
	size = (size_t)p[0] | (size_t)p[1] << 8;
	if (size < 8 || (p[4] != 10 && p[4] != 0xff))
		return OPENING_NOT;
	if (b.size < MYSQL_HEAD + size)
		return OPENING_MAYBE;
	end = memchr(p + 5, 0, size - 1);
	if (p[4] == 10 && !end)
		return OPENING_NOT;
	if (p[4] == 10)
		opening_detail(ret, "MySQL ", p + 5, (size_t)(end - p) - 5);
	else
		opening_detail(ret, "MySQL error ", p + 7, size - 3);
	return OPENING_WHOLE;
}

/* "220 text" or "220-text" lines up to one with a blank; ret: all of it. */
static enum opening_claim read_greeting(struct opening_bytes b, struct opening_bytes *ret)
{
	struct opening_bytes left = b, line;
	enum opening_claim claim = opening_begins(b, "220");

	if (claim != OPENING_WHOLE)
		return claim;
	if (b.size > 3 && b.data[3] != ' ' && b.data[3] != '-')
		return OPENING_NOT;
	while (opening_line(left, &line)) {
		size_t used = (size_t)((const uint8_t *)memchr(left.data, '\n', left.size) + 1 -
				       left.data);

		left = (struct opening_bytes){ left.data + used, left.size - used };
		if (opening_begins(line, "220 ") != OPENING_WHOLE && !opening_is(line, "220"))
			continue;
		*ret = (struct opening_bytes){ b.data, b.size - left.size };
		return ret->size <= GREETING_MAX ? OPENING_WHOLE : OPENING_NOT;
	}
	return b.size < GREETING_MAX ? OPENING_MAYBE : OPENING_NOT;
}

/* Mail servers say what they are, or at least begin with their domain. */
static bool is_mail(struct opening_bytes greeting)
{
	struct opening_bytes word = { greeting.data + 4, 0 };

	if (opening_holds(greeting, "smtp") || opening_holds(greeting, "ftp"))
		return opening_holds(greeting, "smtp");
	while (4 + word.size < greeting.size && word.data[word.size] > ' ')
		word.size++;
	return memchr(word.data, '.', word.size) || memchr(word.data, '[', word.size);
}

static enum opening_claim greeted(struct opening_bytes b, bool mail, struct opening *ret)
{
	struct opening_bytes greeting = { b.data, 0 }, line;
	enum opening_claim claim = read_greeting(b, &greeting);

	if (claim != OPENING_WHOLE)
		return claim;
	if (greeting.size < 5 || is_mail(greeting) != mail)
		return OPENING_NOT;
	if (opening_line(greeting, &line))
		opening_detail(ret, "", line.data, line.size);
	return OPENING_WHOLE;
}

static enum opening_claim read_smtp(struct opening_bytes b, struct opening *ret)
{
	return greeted(b, true, ret);
}

static enum opening_claim read_ftp(struct opening_bytes b, struct opening *ret)
{
	return greeted(b, false, ret);
}

const struct opening_kind opening_mysql = {
	.protocol = PROTOCOL_MYSQL,
	.from_server = true,
	.read = read_mysql,
};

const struct opening_kind opening_smtp = {
	.protocol = PROTOCOL_SMTP,
	.from_server = true,
	.read = read_smtp,
};

const struct opening_kind opening_ftp = {
	.protocol = PROTOCOL_FTP,
	.from_server = true,
	.read = read_ftp,
};
