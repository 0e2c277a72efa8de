// SPDX-License-Identifier: Apache-2.0
/* Unit tests of names that may hold data, and of the table that counts them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "detect/keyed.h"
#include "detect/labels.h"
#include "event_maker.h"

static const char *domain_of(const char *name)
{
	return name + labels_domain(name, strlen(name));
}

static void a_domain_is_what_is_registered(void **state)
{
	(void)state;
	assert_string_equal(domain_of("a.b.example.org"), "example.org");
	assert_string_equal(domain_of("example.org"), "example.org");
	assert_string_equal(domain_of("localhost"), "localhost");
	assert_string_equal(domain_of("a.example.co.uk"), "example.co.uk");
	assert_string_equal(domain_of("example.co.uk"), "example.co.uk");
	assert_string_equal(domain_of("a.weir.io"), "weir.io");
	assert_string_equal(domain_of(""), "");
	assert_string_equal(domain_of("a..b"), ".b");
}

static bool is_data(const char *name)
{
	return labels_look_like_data(name, strlen(name));
}

/* Made with base32, base64 -w0, xxd -p of /etc/passwd; the others are hosts that exist. */
static void data_is_told_from_words(void **state)
{
	(void)state;
	assert_true(is_data("ojxw65b2pa5daorqhjzg633uhixxe33poq5c.evil.test"));
	assert_true(is_data("726f6f743a783a303a303a726f6f743a2f72.evil.test"));
	assert_true(is_data("cm9vdDp4OjA6MDpyb290Oi9yb290Oi9iaW4v.evil.test"));
	assert_true(is_data("726f6f.743a78.3a303a.evil.test"));
	assert_true(is_data("bxqkzjvwtrplmnhgfdscbxqkz.evil.test"));
	assert_false(is_data("www.evil.test"));
	assert_false(is_data("registry.npmjs.org"));
	assert_false(is_data("internal-production-gateway.example.org"));
	assert_false(is_data("security.debian.org"));
	assert_false(is_data("objects.githubusercontent.com"));
	assert_false(is_data("726f6f743a78.evil.test"));
}

static void each_name_counts_once(void **state)
{
	struct event_maker m = { .call = 3, .pid = 7, .mono_ns = 1000 };
	const struct label_count *c;
	const struct event_view *e;
	struct labels *l;

	(void)state;
	assert_int_equal(labels_new(&l), 0);
	for (int i = 0; i < 3; i++)
		labels_event(l, make_dns(&m, "726f6f743a783a303a303a726f.Evil.test.", 1,
					 DNS_REFUSED, 0, 0, ""));
	labels_event(
		l, make_dns(&m, "726f6f743a783a303a303a726f.evil.test", 28, DNS_REFUSED, 0, 0, ""));
	labels_event(l, make_dns(&m, "4.3.2.10.in-addr.arpa", 12, DNS_REFUSED, 0, 0, ""));
	labels_event(l, make_dns(&m, "www.evil.test", 1, DNS_ANSWERED, 1, 0, ""));
	m.call = 4;
	e = make_dns(&m, "other.evil.test", 16, DNS_MISSING, 0, 0, "");
	labels_event(l, e);
	c = labels_of(l, e, false);
	assert_non_null(c);
	assert_int_equal(c->names, 1);
	assert_int_equal(c->carriers, 1);
	assert_true(labels_both_ways(c));
	c = labels_of(l, e, true);
	assert_string_equal(c->domain, "evil.test");
	assert_int_equal(c->names, 3);
	assert_int_equal(c->data, 1);
	assert_int_equal(c->data_bytes, 26);
	assert_int_equal(c->longest, 26);
	assert_int_equal(c->carriers, 1);
	assert_int_equal(c->verdicts[DNS_REFUSED], 1);
	assert_int_equal(c->verdicts[DNS_ANSWERED], 1);
	assert_int_equal(c->verdicts[DNS_MISSING], 1);
	e = make_dns(&m, "4.3.2.10.in-addr.arpa", 12, DNS_REFUSED, 0, 0, "");
	labels_event(l, e);
	assert_null(labels_of(l, e, true));
	labels_free(l);
}

/* One domain more than are kept, then the first again: it begins anew, the newest stays. */
static void the_eldest_domain_gives_way(void **state)
{
	struct event_maker m = { .call = 3, .pid = 7, .mono_ns = 1000 };
	char name[64];
	struct labels *l;

	(void)state;
	assert_int_equal(labels_new(&l), 0);
	for (int i = 0; i <= LABELS_DOMAINS_MAX; i++) {
		snprintf(name, sizeof(name), "a.domain%d.test", i);
		labels_event(l, make_dns(&m, name, 1, DNS_REFUSED, 0, 0, ""));
	}
	assert_null(labels_of(l, make_dns(&m, "a.domain0.test", 1, DNS_REFUSED, 0, 0, ""), false));
	assert_non_null(labels_of(l, make_dns(&m, name, 1, DNS_REFUSED, 0, 0, ""), false));
	labels_free(l);
}

static void any_bytes_are_taken(void **state)
{
	struct event_maker m = { .call = 3, .pid = 7, .mono_ns = 1000 };
	char name[1000];
	struct labels *l;

	(void)state;
	assert_int_equal(labels_new(&l), 0);
	for (unsigned i = 0; i < 20000; i++) {
		size_t size = (size_t)rand() % sizeof(name);

		for (size_t k = 0; k < size; k++)
			name[k] = (char)(rand() % 4 ? 'a' + rand() % 26 : rand() % 256);
		maker_begin(&m, EVENT_DNS, sizeof(struct event_dns));
		m.u.dns.name_size = maker_text(&m, 0, name, size);
		m.u.dns.type = (uint16_t)rand();
		m.u.dns.verdict = (uint16_t)(rand() % 6);
		labels_event(l, maker_end(&m));
	}
	labels_free(l);
}

static void count_released(void *entry)
{
	++*(int *)entry;
}

static void entry_counts(void *context, uint32_t call, void *entry)
{
	(void)entry;
	*(uint64_t *)context += call;
}

static void a_table_keeps_what_was_used(void **state)
{
	uint64_t calls = 0;
	struct keyed *k;

	(void)state;
	assert_int_equal(keyed_new(3, sizeof(int), count_released, &k), 0);
	assert_non_null(keyed_get(k, 1, 1));
	assert_non_null(keyed_get(k, 2, 1));
	assert_false(keyed_full(k));
	assert_non_null(keyed_get(k, 3, 1));
	assert_true(keyed_full(k));
	assert_non_null(keyed_find(k, 1, 1));
	assert_non_null(keyed_get(k, 4, 1));
	assert_non_null(keyed_find(k, 1, 1));
	assert_null(keyed_find(k, 2, 1));
	keyed_each(k, entry_counts, &calls);
	assert_int_equal(calls, 8);
	keyed_remove(k, 3, 1);
	keyed_remove(k, 3, 1);
	assert_int_equal(keyed_count(k), 2);
	keyed_free(k);
	keyed_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_is_what_is_registered),
		cmocka_unit_test(data_is_told_from_words),
		cmocka_unit_test(each_name_counts_once),
		cmocka_unit_test(the_eldest_domain_gives_way),
		cmocka_unit_test(any_bytes_are_taken),
		cmocka_unit_test(a_table_keeps_what_was_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
