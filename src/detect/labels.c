// SPDX-License-Identifier: Apache-2.0
/* See labels.h. Names are an agent's: any bytes. The gate tells equal questions of a call at the
 * first, second, fourth time, so a name is counted once by a set of what was asked for. */
#include "detect/labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "detect/keyed.h"

/* Base 32, hexadecimal and base 64 have a digit in every two to six characters; letters alone, at
 * random, a vowel in five or six. Words have hardly any digits and more than three vowels in ten.
 * Shorter names say little of their letters: 16 is one hexadecimal word of 64 bits. */
#define DATA_MIN 16
#define DATA_DIGITS_PERCENT 10
#define DATA_VOWELS_PERCENT 26

struct labels {
	struct keyed *domains, *names;
};

int labels_new(struct labels **ret)
{
	struct labels *l = calloc(1, sizeof(*l));

	if (!l ||
	    keyed_new(2 * LABELS_DOMAINS_MAX, sizeof(struct label_count), NULL, &l->domains) < 0 ||
	    keyed_new(LABELS_NAMES_MAX, 0, NULL, &l->names) < 0) {
		labels_free(l);
		return -ENOMEM;
	}
	*ret = l;
	return 0;
}

void labels_free(struct labels *l)
{
	if (!l)
		return;
	keyed_free(l->domains);
	keyed_free(l->names);
	free(l);
}

/* Where the label begins that ends before `end`. */
static size_t label_before(const char *name, size_t end)
{
	while (end > 0 && name[end - 1] != '.')
		end--;
	return end;
}

size_t labels_domain(const char *name, size_t size)
{
	size_t top = label_before(name, size);
	size_t second = top ? label_before(name, top - 1) : 0;

	if (size - top == 2 && second > 0 && top - 1 - second <= 3)
		return label_before(name, second - 1);
	return second;
}

bool labels_look_like_data(const char *name, size_t size)
{
	size_t below = labels_domain(name, size), letters = 0, digits = 0, vowels = 0;

	for (size_t i = 0; i < below; i++) {
		int c = tolower((unsigned char)name[i]);

		digits += c >= '0' && c <= '9';
		letters += c != '.' && c != '-' && c != '_' && !(c >= '0' && c <= '9');
		vowels += c && strchr("aeiou", c) != NULL;
	}
	if (letters + digits < DATA_MIN)
		return false;
	return digits * 100 >= (letters + digits) * DATA_DIGITS_PERCENT ||
	       vowels * 100 < letters * DATA_VOWELS_PERCENT;
}

bool labels_both_ways(const struct label_count *c)
{
	return c->carriers * 4 >= c->names;
}

static bool carries_text(uint16_t type)
{
	static const uint16_t types[] = { 5, 10, 15, 16, 33, 64, 65, 255, 65399 };

	/* CNAME, NULL, MX, TXT, SRV, SVCB, HTTPS, any, and iodine's private one; RFC 1035, 2782,
	 * 9460 */
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

struct asked {
	char name[256]; /* in lower case, without the final dot */
	size_t size, domain;
	uint64_t domain_key;
};

/* False for what is not counted: names made of addresses, and those with nothing below a domain. */
static bool asked_of(const struct event_view *dns, struct asked *ret)
{
	size_t size = dns->text[0].size;
	const char *name = dns->text[0].data;

	if (dns->h->kind != EVENT_DNS)
		return false;
	if (size && name[size - 1] == '.')
		size--;
	if (size > sizeof(ret->name)) {
		name += size - sizeof(ret->name);
		size = sizeof(ret->name);
	}
	for (size_t i = 0; i < size; i++)
		ret->name[i] = (char)tolower((unsigned char)name[i]);
	ret->size = size;
	ret->domain = labels_domain(ret->name, size);
	ret->domain_key = keyed_hash(KEYED_HASH, ret->name + ret->domain, size - ret->domain);
	return ret->domain > 0 && !(size > 5 && !memcmp(ret->name + size - 5, ".arpa", 5));
}

/* Whether this is asked for the first time, which it then no longer is. */
static bool is_new(struct labels *l, uint32_t call, const struct asked *a, char kind)
{
	uint64_t key = keyed_hash(keyed_hash(KEYED_HASH, &kind, 1), a->name, a->size);

	return !keyed_find(l->names, call, key) && keyed_get(l->names, call, key);
}

static void count_name(struct label_count *c, const struct event_view *e, const struct asked *a)
{
	uint32_t bytes = 0;

	c->names++;
	if (e->dns->verdict < DNS_VERDICT_COUNT)
		c->verdicts[e->dns->verdict]++;
	if (!labels_look_like_data(a->name, a->size))
		return;
	for (size_t i = 0; i < a->domain; i++)
		bytes += a->name[i] != '.';
	c->data++;
	c->data_bytes += bytes;
	if (bytes > c->longest)
		c->longest = bytes;
}

static void take(struct labels *l, uint32_t call, const struct event_view *e, const struct asked *a)
{
	struct label_count *c = keyed_get(l->domains, call, a->domain_key);
	size_t text = a->size - a->domain;

	if (!c)
		return;
	if (!c->domain[0]) {
		text = text < sizeof(c->domain) ? text : sizeof(c->domain) - 1;
		memcpy(c->domain, a->name + a->domain, text);
		c->first_mono_ns = e->h->mono_ns;
	}
	c->last_mono_ns = e->h->mono_ns;
	if (carries_text(e->dns->type))
		c->carriers += is_new(l, call, a, 'c');
	if (is_new(l, call, a, 'n'))
		count_name(c, e, a);
}

void labels_event(struct labels *l, const struct event_view *e)
{
	struct asked a;

	if (!asked_of(e, &a))
		return;
	take(l, e->h->call, e, &a);
	take(l, EVENT_NO_CALL, e, &a);
}

const struct label_count *labels_of(struct labels *l, const struct event_view *dns, bool of_run)
{
	struct asked a;

	if (!asked_of(dns, &a))
		return NULL;
	return keyed_find(l->domains, of_run ? EVENT_NO_CALL : dns->h->call, a.domain_key);
}
