// SPDX-License-Identifier: Apache-2.0
/* Prints a policy as YAML, in the order of the settings table, so that reading it gives an equal
 * policy. Texts that YAML could take for something else are quoted; a byte that is not UTF-8 (a
 * host path can hold one) is shown as \xNN. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text_escape.h"
#include "policy/key.h"

static bool is_plain(const char *text)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._";
	static const char next[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@=";

	return *text && strchr(first, *text) && !text[strspn(text, next)] &&
	       strcmp(text, "null") != 0;
}

/* What a terminal or a YAML reader would act on instead of showing. */
static bool needs_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xffff) || c >= 0xe0000;
}

static uint32_t decode(const unsigned char *p, size_t length)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & mask[length];

	for (size_t i = 1; i < length; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

static void print_text(const char *text, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = strlen(text), length;

	if (is_plain(text)) {
		buf_add_text(out, text);
		return;
	}
	buf_add_char(out, '"');
	for (; left; p += length, left -= length) {
		length = utf8_length(p, left);
		if (!length) {
			buf_printf(out, "\\x%02X", *p);
			length = 1;
			continue;
		}
		if (needs_escape(decode(p, length)))
			buf_printf(out, "\\U%08" PRIX32, decode(p, length));
		else if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else
			buf_add(out, p, length);
	}
	buf_add_char(out, '"');
}

static void print_list(const struct text_list *list, int indent, struct buf *out)
{
	if (!list->count)
		buf_add_text(out, " []");
	for (size_t i = 0; i < list->count; i++) {
		buf_printf(out, "\n%*s- ", indent, "");
		print_text(list->items[i], out);
	}
}

/* "[443, 8443]", or nothing for any port. */
static void print_ports(const struct network_rule *rule, struct buf *out)
{
	for (size_t i = 0; i < rule->port_count; i++)
		buf_printf(out, "%s%u", i ? ", " : "[", rule->ports[i]);
	if (rule->port_count)
		buf_add_char(out, ']');
}

/* A key that says nothing more than its default is left out. */
static void print_rule(const struct network_rule *rule, struct buf *out)
{
	cleanup_buf struct buf value = { 0 };

	buf_init(&value, POLICY_BYTES_MAX);
	for (const struct setting *s = rule_settings; s->path; s++) {
		const void *slot = setting_slot_of(s, rule, 0);

		buf_clear(&value);
		if (s->type == SETTING_PORTS)
			print_ports(rule, &value);
		else if (s->type != SETTING_TEXT)
			setting_format(s, setting_get(s, slot), &value);
		else if (*(char *const *)slot)
			print_text(*(char *const *)slot, &value);
		if (strcmp(buf_text(&value), s->standard) != 0)
			buf_printf(out, "%s%s: %s", s == rule_settings ? "{" : ", ",
				   strrchr(s->path, '.') + 1, buf_text(&value));
	}
	buf_add_char(out, '}');
}

static void print_rules(const struct policy *p, int indent, struct buf *out)
{
	if (!p->network.allow_count)
		buf_add_text(out, " []");
	for (size_t i = 0; i < p->network.allow_count; i++) {
		buf_printf(out, "\n%*s- ", indent, "");
		print_rule(&p->network.allow[i], out);
	}
}

/* Rows with an element per severity are shown only where they say more than the built-in policy. */
static bool is_silent(const struct setting *s, const void *slot)
{
	uint64_t standard = 0;

	if (s->type == SETTING_TEXT)
		return !*(char *const *)slot;
	if (!s->stride || setting_parse(s, s->standard, true, &standard, NULL) < 0)
		return false;
	return setting_get(s, slot) == standard;
}

static void print_leaf(const struct setting *s, const struct policy *p, const void *slot,
		       int indent, struct buf *out)
{
	if (s->type == SETTING_LIST) {
		print_list(slot, indent, out);
	} else if (s->type == SETTING_RULES) {
		print_rules(p, indent, out);
	} else {
		buf_add_char(out, ' ');
		if (s->type == SETTING_TEXT)
			print_text(*(char *const *)slot, out);
		else
			setting_format(s, setting_get(s, slot), out);
	}
	buf_add_char(out, '\n');
}

static void print_group(const struct policy *p, const struct policy *from, const char *group,
			int indent, struct buf *out);

/* from: what need not be said, or NULL. */
static void print_key(const struct policy *p, const struct policy *from, const char *path,
		      const char *key, int indent, struct buf *out)
{
	size_t element, before = out->size, inside;
	const struct setting *s = key_find(settings, path, &element);
	const void *slot = s ? setting_slot_of(s, p, element) : NULL;

	if (s && (is_silent(s, slot) || (from && setting_equal(s, p, from))))
		return;
	buf_printf(out, "%*s%s:", indent, "", key);
	if (s) {
		print_leaf(s, p, slot, indent + 2, out);
		return;
	}
	buf_add_char(out, '\n');
	inside = out->size;
	print_group(p, from, path, indent + 2, out);
	if (!out->error && out->size == inside) {
		out->size = before;
		out->data[before] = '\0';
		if (!indent && !from)
			buf_printf(out, "%s: {}\n", key);
	}
}

static void print_group(const struct policy *p, const struct policy *from, const char *group,
			int indent, struct buf *out)
{
	char path[KEY_PATH_MAX + 1];
	struct key_names names;

	key_children(settings, group, &names);
	for (size_t i = 0; i < names.count; i++) {
		snprintf(path, sizeof(path), "%s%s%s", group, *group ? "." : "", names.names[i]);
		print_key(p, from, path, names.names[i], indent, out);
	}
}

void policy_print(const struct policy *p, struct buf *out)
{
	print_group(p, NULL, "", 0, out);
}

void policy_print_network(const struct policy *p, struct buf *out)
{
	cleanup_policy struct policy builtin = { 0 };
	struct policy from = *p; /* its members are p's */

	if (policy_builtin(&builtin) < 0) {
		out->error = -ENOMEM;
		return;
	}
	from.network = builtin.network;
	policy_print_changes(p, &from, out);
}

void policy_print_changes(const struct policy *p, const struct policy *from, struct buf *out)
{
	print_group(p, from, "", 0, out);
	if (!out->size)
		buf_add_text(out, "{}\n");
}
