// SPDX-License-Identifier: Apache-2.0
/* Times and counts in words; see words.h. */
#include "base/words.h"

#include <stdio.h>

#include "base/clock.h"

void duration_words(uint64_t ns, struct buf *out)
{
	unsigned long long seconds = ns / NSEC_PER_SEC;

	if (seconds < 10)
		buf_printf(out, "%llu.%02llu s", seconds,
			   (unsigned long long)(ns / (NSEC_PER_SEC / 100) % 100));
	else if (seconds < 60)
		buf_printf(out, "%llu.%llu s", seconds,
			   (unsigned long long)(ns / (NSEC_PER_SEC / 10) % 10));
	else if (seconds < 3600)
		buf_printf(out, "%llu min %llu s", seconds / 60, seconds % 60);
	else
		buf_printf(out, "%llu h %llu min", seconds / 3600, seconds / 60 % 60);
}

void count_words(uint64_t n, struct buf *out)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0)
			buf_add_char(out, ',');
		buf_add_char(out, digits[i]);
	}
}

void bytes_words(uint64_t n, struct buf *out)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t tenths = 0;
	size_t unit = 0;

	for (; n >= 1000; n /= 1000, unit++)
		tenths = n % 1000 / 100;
	if (unit && n < 10)
		buf_printf(out, "%llu.%llu %s", (unsigned long long)n, (unsigned long long)tenths,
			   units[unit]);
	else
		buf_printf(out, "%llu %s", (unsigned long long)n, units[unit]);
}

void plural_words(uint64_t n, const char *one, const char *many, struct buf *out)
{
	count_words(n, out);
	buf_printf(out, " %s", n == 1 ? one : many);
}

size_t text_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}
