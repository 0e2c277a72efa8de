// SPDX-License-Identifier: Apache-2.0
/* Names of hosts and of phases as the gate knows them. Pure; trusts nothing. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "policy/egress.h"

#define LABEL_MAX 63

static const char *const phases[PHASE_COUNT] = {
	[PHASE_SETUP] = "setup",
	[PHASE_RUN] = "run",
	[PHASE_VERIFY] = "verify",
};

const char *egress_phase_name(enum egress_phase phase)
{
	return (size_t)phase < PHASE_COUNT ? phases[phase] : "unknown";
}

int egress_phase_parse(const char *text, enum egress_phase *ret)
{
	for (size_t i = 0; i < PHASE_COUNT; i++)
		if (strcmp(phases[i], text) == 0) {
			*ret = (enum egress_phase)i;
			return 0;
		}
	return -EINVAL;
}

/* Whether something would take the name for an IPv4 address, such as 127.1, 0x7f.1 or 2130706433:
 * its last label is a number (RFC 3696, 2; the URL standard, 3.5, says it so). */
static bool is_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *label = dot ? dot + 1 : name;

	if (label[0] == '0' && label[1] == 'x')
		return !label[2 + strspn(label + 2, "0123456789abcdef")];
	return !label[strspn(label, "0123456789")];
}

static bool is_label(const char *label, size_t size)
{
	return size >= 1 && size <= LABEL_MAX && label[0] != '-' && label[size - 1] != '-';
}

int egress_name_clean(const char *text, size_t size, char ret[EGRESS_NAME_MAX + 1])
{
	char name[EGRESS_NAME_MAX + 1];
	size_t label = 0;

	if (size && text[size - 1] == '.')
		size--;
	if (!size || size > EGRESS_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '.') {
			if (!is_label(name + label, i - label))
				return -EINVAL;
			label = i + 1;
		} else if (c >= 0x80 || (!isalnum(c) && c != '-' && c != '_')) {
			return -EINVAL;
		}
		name[i] = (char)tolower(c);
	}
	name[size] = '\0';
	if (!is_label(name + label, size - label) || is_number(name))
		return -EINVAL;
	memcpy(ret, name, size + 1);
	return 0;
}
