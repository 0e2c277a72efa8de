// SPDX-License-Identifier: Apache-2.0
/* Output in a form in which two runs of the same command are alike: see observation.h. Pure
 * functions over hostile bytes; the result is never longer than eight times what came in. */
#include "trace/observation.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/* A text being looked at, from `at`; `start` is where its line begins. */
struct view {
	const char *start, *at, *end;
};

static size_t left(const struct view *v)
{
	return (size_t)(v->end - v->at);
}

static size_t digits(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return (size_t)(p - from);
}

static bool word_char(const char *p, const char *end)
{
	return p < end && (isalnum((unsigned char)*p) || *p == '_');
}

static bool starts(const char *p, const char *end, const char *text)
{
	return (size_t)(end - p) >= strlen(text) && !strncmp(p, text, strlen(text));
}

/* Each matcher says how many bytes at v->at are of its kind, or 0. It is asked where a word begins.
 */

/* 0x7ffe… */
static size_t match_address(const struct view *v)
{
	size_t n = 2;

	if (!starts(v->at, v->end, "0x"))
		return 0;
	while (n < left(v) && isxdigit((unsigned char)v->at[n]))
		n++;
	return n > 4 ? n : 0;
}

/* Git's names and other digests: seven or more hexadecimal digits, of both kinds. */
static size_t match_hash(const struct view *v)
{
	size_t n = 0, letters = 0;

	while (n < left(v) && strchr("0123456789abcdef", v->at[n]) && v->at[n]) {
		letters += v->at[n] >= 'a';
		n++;
	}
	if (n < 7 || letters == 0 || letters == n || word_char(v->at + n, v->end))
		return 0;
	return n;
}

/* 04:23, 04:23:16.123; but not what follows a dot or a colon: an address's port, a file's line */
static size_t match_time(const struct view *v)
{
	size_t n = digits(v->at, v->end), part;

	if (n != 2 || !starts(v->at + n, v->end, ":") || digits(v->at + n + 1, v->end) != 2 ||
	    (v->at > v->start && strchr(".:-", v->at[-1])))
		return 0;
	n += 3;
	if (starts(v->at + n, v->end, ":") && digits(v->at + n + 1, v->end) == 2)
		n += 3;
	part = starts(v->at + n, v->end, ".") ? digits(v->at + n + 1, v->end) : 0;
	return n + (part ? part + 1 : 0);
}

/* 2026-11-21, 2026-11-21T04:23:16.5, and a time alone */
static size_t match_clock(const struct view *v)
{
	struct view rest = { v->start, v->at + 11, v->end };
	size_t n;

	if (digits(v->at, v->end) != 4)
		return match_time(v);
	if (!starts(v->at + 4, v->end, "-") || digits(v->at + 5, v->end) != 2 ||
	    !starts(v->at + 7, v->end, "-") || digits(v->at + 8, v->end) != 2)
		return 0;
	if (left(v) < 12 || !strchr("T ", v->at[10]))
		return 10;
	n = match_time(&rest);
	return n ? 11 + n : 10;
}

/* 0.03s, 12 ms, 0m0.012s, 1.5 seconds */
static size_t match_duration(const struct view *v)
{
	static const char *const units[] = { "ns",  "us",   "µs",     "ms",	"s",
					     "sec", "secs", "second", "seconds" };
	size_t n = digits(v->at, v->end), part;

	if (n == 0)
		return 0;
	if (starts(v->at + n, v->end, "m") && digits(v->at + n + 1, v->end))
		n += 1 + digits(v->at + n + 1, v->end);
	part = starts(v->at + n, v->end, ".") ? digits(v->at + n + 1, v->end) : 0;
	n += part ? part + 1 : 0;
	if (starts(v->at + n, v->end, " "))
		n++;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		if (starts(v->at + n, v->end, units[i]) &&
		    !word_char(v->at + n + strlen(units[i]), v->end))
			return n + strlen(units[i]);
	return 0;
}

/* "Mon Jan" of days or months, without what follows: whether the three letters are one of them. */
static bool name_at(const char *p, const char *end, const char *names)
{
	char name[5] = { 0 };

	if (end - p < 4 || p[3] != ' ' || !isupper((unsigned char)p[0]))
		return false;
	memcpy(name, p, 4);
	return strstr(names, name);
}

/* " UTC 2026" after a time, as `date` prints it */
static size_t zone_length(const char *p, const char *end)
{
	size_t n = 1;

	if (!starts(p, end, " "))
		return 0;
	while (p + n < end && isupper((unsigned char)p[n]))
		n++;
	if (n < 3 || n > 6 || !starts(p + n, end, " ") || digits(p + n + 1, end) != 4)
		return 0;
	return n + 5;
}

/* Nov 21 04:23, Nov 21  2025, Sat Nov 21 04:23:16 UTC 2026; as `ls -l` and `date` print them */
static size_t match_date(const struct view *v)
{
	static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
	static const char weekdays[] = "Mon Tue Wed Thu Fri Sat Sun ";
	struct view rest = *v;
	size_t n = name_at(v->at, v->end, weekdays) ? 4 : 0, day;

	if (!name_at(v->at + n, v->end, months))
		return 0;
	n += 4;
	n += starts(v->at + n, v->end, " ");
	day = digits(v->at + n, v->end);
	if (day < 1 || day > 2 || !starts(v->at + n + day, v->end, " "))
		return 0;
	n += day + 1;
	n += starts(v->at + n, v->end, " ");
	rest.at += n;
	if (match_clock(&rest)) {
		n += match_clock(&rest);
		return n + zone_length(v->at + n, v->end);
	}
	return digits(rest.at, v->end) == 4 ? n + 4 : n - 1;
}

/* "[1] 4711" of job control, "pid 4711", "PID: 4711" */
static size_t match_pid(const struct view *v)
{
	size_t n = 3, number;

	if (left(v) < 5)
		return 0;
	if (!strncasecmp(v->at, "pid", 3)) {
		n += strspn(v->at + n, " =:") < left(v) - n ? strspn(v->at + n, " =:") : 0;
		number = digits(v->at + n, v->end);
		return n > 3 && number ? n + number : 0;
	}
	if (v->at != v->start || v->at[0] != '[')
		return 0;
	n = 1 + digits(v->at + 1, v->end);
	if (n == 1 || !starts(v->at + n, v->end, "] "))
		return 0;
	number = digits(v->at + n + 2, v->end);
	return number ? n + 2 + number : 0;
}

/* /tmp/tmp.Xb3…, /tmp/tmpab12 */
static size_t match_temporary(const struct view *v)
{
	size_t n = strlen("/tmp/");

	if (!starts(v->at, v->end, "/tmp/tmp"))
		return 0;
	while (n < left(v) && (word_char(v->at + n, v->end) || strchr(".-", v->at[n])))
		n++;
	return n;
}

static const struct {
	size_t (*match)(const struct view *v);
	const char *stands_for;
} kinds[] = {
	{ match_temporary, "<temporary>" }, { match_pid, "<pid>" },
	{ match_address, "<address>" },	    { match_date, "<time>" },
	{ match_clock, "<time>" },	    { match_duration, "<duration>" },
	{ match_hash, "<hash>" },
};

/* What a terminal would obey and not show: ESC [ … letter, ESC ] … BEL, ESC and one more. */
static size_t escape_length(const char *p, const char *end)
{
	const char *from = p;

	if (p + 1 >= end)
		return 1;
	if (p[1] == '[') {
		for (p += 2; p < end && (*p < '@' || *p > '~');)
			p++;
		return (size_t)((p < end ? p + 1 : end) - from);
	}
	if (p[1] == ']') {
		for (p += 2; p < end && *p != '\a';)
			p++;
		return (size_t)((p < end ? p + 1 : end) - from);
	}
	return 2;
}

/* The line without colours; of what carriage returns drew over each other the last layer. */
static void plain_line(const char *line, const char *end, struct buf *out)
{
	buf_clear(out);
	while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (const char *p = line; p < end;) {
		if (*p == '\x1b') {
			p += escape_length(p, end);
			continue;
		}
		if (*p == '\r')
			buf_clear(out);
		else
			buf_add_char(out, *p ? *p : ' ');
		p++;
	}
	while (out->size > 0 && strchr(" \t", out->data[out->size - 1]))
		out->data[--out->size] = '\0';
}

static void normal_line(const char *line, size_t size, struct buf *out)
{
	struct view v = { line, line, line + size };

	while (v.at < v.end) {
		bool begins = v.at == line || !word_char(v.at - 1, v.end);
		size_t n = 0, kind = 0;

		for (; begins && kind < ARRAY_LENGTH(kinds); kind++) {
			n = kinds[kind].match(&v);
			if (n > 0)
				break;
		}
		if (n > 0)
			buf_add_text(out, kinds[kind].stands_for);
		else
			buf_add_char(out, *v.at);
		v.at += n ? n : 1;
	}
}

void observation_normalise(const char *text, size_t size, struct buf *out)
{
	cleanup_buf struct buf plain = { 0 };
	const char *end = text + size;

	buf_init(&plain, size + 1);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		plain_line(text, line_end, &plain);
		normal_line(buf_text(&plain), plain.size, out);
		buf_add_char(out, '\n');
		text = newline ? newline + 1 : end;
	}
	while (out->size > 0 && out->data[out->size - 1] == '\n')
		out->data[--out->size] = '\0';
}
