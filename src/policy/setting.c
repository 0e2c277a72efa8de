// SPDX-License-Identifier: Apache-2.0
/* The settings table as data, and the numbers in it: parsing and formatting of whole numbers,
 * sizes, durations, processors, choices and flags. A number without a unit where one is needed, or
 * with anything behind it, is refused: a limit that was misread is a limit that does not hold. */
#include "policy/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define FIELD_SIZE(type, member) sizeof(((type *)0)->member)

/* clang-format off */
const struct setting settings[] = {
#define SETTING(path_, type_, member_, minimum_, maximum_, accepts_, standard_, about_) \
	{ path_, SETTING_##type_, offsetof(struct policy, member_), FIELD_SIZE(struct policy, member_), 0, \
	  minimum_, maximum_, accepts_, standard_, about_ },
#define EACH(path_, type_, array_, member_, minimum_, maximum_, accepts_, standard_, about_) \
	{ path_, SETTING_##type_, offsetof(struct policy, array_[0] member_), \
	  FIELD_SIZE(struct policy, array_[0] member_), FIELD_SIZE(struct policy, array_[0]), \
	  minimum_, maximum_, accepts_, standard_, about_ },
#define RULE(...)
#define SPELLING(...)
#include "tables/settings.tbl"
#undef SETTING
#undef EACH
#undef RULE
	{ 0 }
};

const struct setting rule_settings[] = {
#define SETTING(...)
#define EACH(...)
#define RULE(path_, type_, member_, minimum_, maximum_, accepts_, standard_, about_) \
	{ path_, SETTING_##type_, offsetof(struct network_rule, member_), \
	  FIELD_SIZE(struct network_rule, member_), 0, minimum_, maximum_, accepts_, standard_, about_ },
#include "tables/settings.tbl"
#undef RULE
#undef SPELLING
	{ 0 }
};

const struct spelling spellings[] = {
#define RULE(...)
#define SPELLING(path_, about_) { path_, about_ },
#include "tables/settings.tbl"
	{ 0 }
};
/* clang-format on */

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: the first that divides a number is the one it is printed with. */
static const struct unit size_units[] = {
	{ "T", 1ull << 40 },   { "G", 1ull << 30 },   { "M", 1ull << 20 },
	{ "K", 1ull << 10 },   { "TiB", 1ull << 40 }, { "GiB", 1ull << 30 },
	{ "MiB", 1ull << 20 }, { "KiB", 1ull << 10 }, { "B", 1 },
	{ NULL, 0 },
};
static const struct unit time_units[] = {
	{ "d", 86400000000000ull },
	{ "h", 3600000000000ull },
	{ "m", 60000000000ull },
	{ "s", 1000000000ull },
	{ "ms", 1000000ull },
	{ "us", 1000ull },
	{ "ns", 1 },
	{ NULL, 0 },
};

size_t setting_slots(const struct setting *s)
{
	return s->stride ? SEVERITY_COUNT : 1;
}

const void *setting_slot_of(const struct setting *s, const void *base, size_t element)
{
	return (const char *)base + s->offset + element * s->stride;
}

void *setting_slot(const struct setting *s, void *base, size_t element)
{
	return (char *)base + s->offset + element * s->stride;
}

bool setting_is_number(const struct setting *s)
{
	return s->type <= SETTING_FLAG;
}

uint64_t setting_get(const struct setting *s, const void *slot)
{
	uint64_t n = 0;

	switch (s->size) {
	case sizeof(bool):
		n = *(const bool *)slot;
		break;
	case sizeof(uint32_t):
		n = *(const uint32_t *)slot;
		break;
	case sizeof(uint64_t):
		n = *(const uint64_t *)slot;
		break;
	}
	return n;
}

void setting_put(const struct setting *s, void *slot, uint64_t n)
{
	switch (s->size) {
	case sizeof(bool):
		*(bool *)slot = n;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)slot = (uint32_t)n;
		break;
	case sizeof(uint64_t):
		*(uint64_t *)slot = n;
		break;
	}
}

/* What is stored for "unlimited", where the row knows it. */
static bool unlimited_value(const struct setting *s, uint64_t *ret)
{
	*ret = s->type == SETTING_CPUS ? 0 : POLICY_UNLIMITED;
	if (s->type == SETTING_UINT)
		return s->standard && strcmp(s->standard, "unlimited") == 0;
	return s->type == SETTING_CPUS || s->type == SETTING_SIZE || s->type == SETTING_DURATION;
}

bool setting_allows(const struct setting *s, uint64_t n)
{
	uint64_t unlimited;

	if (unlimited_value(s, &unlimited) && n == unlimited)
		return true;
	return n >= s->minimum && n <= s->maximum;
}

/* Decimal digits without sign or leading zero, at most 19 of them; returns how many, 0 when there
 * is no such number at the start of text. */
static size_t parse_digits(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");
	uint64_t value = 0;

	if (!n || n > 19 || (n > 1 && text[0] == '0'))
		return 0;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	*ret = value;
	return n;
}

static int parse_with_unit(const char *text, const struct unit *units, uint64_t *ret)
{
	uint64_t value;
	size_t n = parse_digits(text, &value);

	if (!n)
		return -EINVAL;
	for (const struct unit *u = units; u->name; u++) {
		if (strcmp(text + n, u->name) != 0)
			continue;
		/* Past the end of the range is out of range, not a wrapped number. */
		if (__builtin_mul_overflow(value, u->factor, ret))
			*ret = POLICY_UNLIMITED - 1;
		return 0;
	}
	return -EINVAL;
}

/* 2, 0.5 or 1.125: at most three digits behind the point. */
static int parse_cpus(const char *text, uint64_t *ret)
{
	uint64_t whole, milli = 0;
	size_t n = parse_digits(text, &whole);
	const char *fraction = text + n + 1;
	size_t digits;

	if (!n || whole > UINT32_MAX / 1000)
		return -EINVAL;
	if (text[n] == '.') {
		digits = strspn(fraction, "0123456789");
		if (!digits || digits > 3 || fraction[digits])
			return -EINVAL;
		for (size_t i = 0; i < 3; i++)
			milli = milli * 10 + (i < digits ? (uint64_t)(fraction[i] - '0') : 0);
	} else if (text[n]) {
		return -EINVAL;
	}
	*ret = whole * 1000 + milli;
	return 0;
}

static int parse_value(const struct setting *s, const char *text, uint64_t *ret)
{
	size_t n;
	int index;

	if (unlimited_value(s, ret) && strcmp(text, "unlimited") == 0)
		return 0;
	switch (s->type) {
	case SETTING_UINT:
		n = parse_digits(text, ret);
		return n && !text[n] ? 0 : -EINVAL;
	case SETTING_CPUS:
		return parse_cpus(text, ret);
	case SETTING_SIZE:
		return parse_with_unit(text, size_units, ret);
	case SETTING_DURATION:
		return parse_with_unit(text, time_units, ret);
	case SETTING_CHOICE:
	case SETTING_FLAG:
		index = choice_find(s->type == SETTING_FLAG ? "false|true" : s->accepts, text);
		*ret = (uint64_t)index;
		return index < 0 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static void describe(const struct setting *s, struct buf *out)
{
	uint64_t unlimited;

	switch (s->type) {
	case SETTING_UINT:
		buf_add_text(out, unlimited_value(s, &unlimited) ? "a whole number, or unlimited"
								 : "a whole number");
		break;
	case SETTING_CPUS:
		buf_add_text(out, "a number such as 2 or 0.5, or unlimited");
		break;
	case SETTING_SIZE:
		buf_add_text(
			out,
			"a whole number and its unit (B, K, M, G or T), such as 4G, or unlimited");
		break;
	case SETTING_DURATION:
		buf_add_text(out, "a whole number and its unit (ms, s, m, h or d), such as 10m, or "
				  "unlimited");
		break;
	default:
		for (const char *c = s->type == SETTING_FLAG ? "true|false" : s->accepts; *c; c++)
			buf_add_text(out, *c == '|' ? " or " : (char[2]){ *c, '\0' });
		break;
	}
}

int setting_parse(const struct setting *s, const char *text, bool plain, uint64_t *ret,
		  struct fail *f)
{
	cleanup_buf struct buf accepted = { 0 };
	uint64_t n;
	int r = parse_value(s, text, &n);

	buf_init(&accepted, 512);
	describe(s, &accepted);
	if (r < 0)
		return fail_text(f, EINVAL, "accepted is %s", buf_text(&accepted));
	if (!plain &&
	    (s->type == SETTING_UINT || s->type == SETTING_CPUS || s->type == SETTING_FLAG))
		return fail_text(f, EINVAL, "in quotes it is text; accepted is %s without quotes",
				 buf_text(&accepted));
	if (!setting_allows(s, n)) {
		buf_clear(&accepted);
		setting_format(s, s->minimum, &accepted);
		buf_add_text(&accepted, " to ");
		setting_format(s, s->maximum, &accepted);
		return fail_text(f, ERANGE, "out of range; accepted is %s", buf_text(&accepted));
	}
	*ret = n;
	return 0;
}

static void format_with_unit(uint64_t n, const struct unit *units, struct buf *out)
{
	const struct unit *u = units;

	while (u->factor > 1 && (n == 0 || n % u->factor))
		u++;
	buf_printf(out, "%" PRIu64 "%s", n / u->factor, u->name);
}

static void format_cpus(uint64_t milli, struct buf *out)
{
	char fraction[8];
	size_t n = 3;

	buf_printf(out, "%" PRIu64, milli / 1000);
	snprintf(fraction, sizeof(fraction), "%03u", (unsigned)(milli % 1000));
	while (n && fraction[n - 1] == '0')
		n--;
	if (n)
		buf_printf(out, ".%.*s", (int)n, fraction);
}

void setting_format(const struct setting *s, uint64_t n, struct buf *out)
{
	uint64_t unlimited;
	struct bytes choice;

	if (unlimited_value(s, &unlimited) && n == unlimited) {
		buf_add_text(out, "unlimited");
		return;
	}
	switch (s->type) {
	case SETTING_CPUS:
		format_cpus(n, out);
		break;
	case SETTING_SIZE:
		format_with_unit(n, size_units, out);
		break;
	case SETTING_DURATION:
		format_with_unit(n, time_units, out);
		break;
	case SETTING_CHOICE:
	case SETTING_FLAG:
		choice = choice_at(s->type == SETTING_FLAG ? "false|true" : s->accepts, n);
		buf_add(out, choice.data, choice.size);
		break;
	default:
		buf_printf(out, "%" PRIu64, n);
		break;
	}
}

struct bytes choice_at(const char *choices, size_t index)
{
	for (; index; index--) {
		choices += strcspn(choices, "|");
		choices += *choices == '|';
	}
	return (struct bytes){ .data = choices, .size = strcspn(choices, "|") };
}

int choice_find(const char *choices, const char *text)
{
	for (int i = 0;; i++) {
		struct bytes c = choice_at(choices, (size_t)i);

		if (!c.size)
			return -1;
		if (c.size == strlen(text) && memcmp(c.data, text, c.size) == 0)
			return i;
	}
}
