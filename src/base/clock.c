// SPDX-License-Identifier: Apache-2.0
/* Clocks; see clock.h. */
#include "base/clock.h"

#include <stdio.h>
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
