// SPDX-License-Identifier: Apache-2.0
/* Clocks; see clock.h. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

uint64_t clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

const char *clock_format(uint64_t wall_ns, char *text)
{
	time_t seconds = (time_t)(wall_ns / NSEC_PER_SEC);
	char date[24];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, CLOCK_TEXT_MAX, "%s.%09lluZ", date,
		 (unsigned long long)(wall_ns % NSEC_PER_SEC));
	return text;
}

/* Exactly `digits` of them. */
static bool number(const char **at, int digits, int *ret)
{
	int n = 0;

	for (int i = 0; i < digits; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		n = n * 10 + (**at - '0');
	}
	*ret = n;
	return true;
}

static bool skip(const char **at, const char *any_of)
{
	if (!**at || !strchr(any_of, **at))
		return false;
	(*at)++;
	return true;
}

/* The fraction of a second, where there is one: what is behind nine digits does not count. */
static bool fraction(const char **at, uint64_t *ns, uint64_t *precision)
{
	uint64_t unit = NSEC_PER_SEC;

	if (!skip(at, ".,"))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++) {
		unit /= 10;
		*ns += unit * (uint64_t)(**at - '0');
	}
	*precision = unit ? unit : 1;
	return true;
}

/* "Z", "UTC", "+01:00", "+0100" or nothing. */
static bool zone(const char **at, int *ret_seconds)
{
	int hours, minutes, sign;

	skip(at, " ");
	*ret_seconds = 0;
	if (skip(at, "Zz") || !**at)
		return true;
	if (strcmp(*at, "UTC") == 0) {
		*at += 3;
		return true;
	}
	sign = **at == '-' ? -1 : 1;
	if (!skip(at, "+-") || !number(at, 2, &hours))
		return false;
	skip(at, ":");
	if (!number(at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool is_day(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (leap && month == 2);
}

/* Numbers of so many digits, and what may stand between them. */
static bool date_and_minute(const char **at, int ret[5])
{
	static const struct {
		int digits;
		const char *behind;
	} parts[5] = { { 4, "-/" }, { 2, "-/" }, { 2, "Tt " }, { 2, ":" }, { 2, NULL } };

	for (int i = 0; i < 5; i++)
		if (!number(at, parts[i].digits, &ret[i]) ||
		    (parts[i].behind && !skip(at, parts[i].behind)))
			return false;
	return is_day(ret[0], ret[1], ret[2]) && ret[3] < 24 && ret[4] < 60;
}

static int parse_date(const char *at, uint64_t *ret, uint64_t *ret_precision)
{
	uint64_t ns = 0, precision = 60 * NSEC_PER_SEC;
	int part[5], second = 0, ahead;
	time_t seconds;

	if (!date_and_minute(&at, part))
		return -EINVAL;
	if (skip(&at, ":")) {
		precision = NSEC_PER_SEC;
		if (!number(&at, 2, &second) || second > 60 || !fraction(&at, &ns, &precision))
			return -EINVAL;
	}
	if (!zone(&at, &ahead) || *at)
		return -EINVAL;
	seconds = timegm(&(struct tm){ .tm_year = part[0] - 1900,
				       .tm_mon = part[1] - 1,
				       .tm_mday = part[2],
				       .tm_hour = part[3],
				       .tm_min = part[4],
				       .tm_sec = second }) -
		  ahead;
	if (seconds < 0)
		return -EINVAL;
	*ret = (uint64_t)seconds * NSEC_PER_SEC + ns;
	*ret_precision = precision;
	return 0;
}

int clock_parse(const char *text, uint64_t *ret, uint64_t *ret_precision_ns)
{
	uint64_t seconds = 0, ns = 0, precision = NSEC_PER_SEC;
	const char *at = text;
	size_t digits = strspn(text, "0123456789");

	if (digits < 5 || digits > 10)
		return parse_date(text, ret, ret_precision_ns);
	for (; isdigit((unsigned char)*at); at++)
		seconds = seconds * 10 + (uint64_t)(*at - '0');
	if (!fraction(&at, &ns, &precision) || *at)
		return -EINVAL;
	*ret = seconds * NSEC_PER_SEC + ns;
	*ret_precision_ns = precision;
	return 0;
}
