/* SPDX-License-Identifier: Apache-2.0 */
/* Wall and monotonic time in nanoseconds, and RFC 3339 text. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC 1000000000ull
#define CLOCK_TEXT_MAX 48

uint64_t clock_wall_ns(void); /* since 1970-01-01 UTC */
uint64_t clock_mono_ns(void); /* CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns() */
/* "2026-11-20T10:00:00.123456789Z" into text, which holds CLOCK_TEXT_MAX bytes; returns text. */
const char *clock_format(uint64_t wall_ns, char *text);
/* A time as logs write it: RFC 3339, also with a blank instead of T, without seconds or without a
 * zone, which then is UTC; or seconds since 1970, with a fraction or without. *ret_precision_ns:
 * what the text leaves open; the time is in [*ret, *ret + *ret_precision_ns). -EINVAL. */
int clock_parse(const char *text, uint64_t *ret, uint64_t *ret_precision_ns);

#endif
