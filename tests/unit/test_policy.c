// SPDX-License-Identifier: Apache-2.0
/* Unit tests of src/policy: the table holds together, a decoder that takes nothing on trust, a
 * strict reader that says where and what, and what was seen of a network made into entries. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "policy/egress.h"
#include "policy/learn.h"
#include "policy/setting.h"
#include "policy/state.h"

static void every_default_is_in_range_and_in_form(void **state)
{
	cleanup_policy struct policy p = { 0 };

	(void)state;
	assert_int_equal(policy_builtin(&p), 0);
	assert_int_equal(p.version, 1);
	assert_int_equal(p.identity, IDENTITY_USER);
	assert_string_equal(p.files.workspace, ".");
	assert_int_equal(p.compute.memory, 4ull << 30);
	assert_int_equal(p.compute.cpus_milli, 0);
	assert_int_equal(p.call_time_ns, 600ull * 1000000000);
	for (size_t i = 0; i < p.files.read.count; i++)
		assert_int_equal(form_check("absolute path", p.files.read.items[i], NULL), 0);
	for (size_t i = 0; i < p.files.sensitive.count; i++)
		assert_int_equal(form_check("pattern", p.files.sensitive.items[i], NULL), 0);
}

static void assert_same_encoding(const struct policy *a, const struct policy *b)
{
	cleanup_buf struct buf x = { 0 }, y = { 0 };

	buf_init(&x, 2 * POLICY_BYTES_MAX);
	buf_init(&y, 2 * POLICY_BYTES_MAX);
	policy_encode(a, &x);
	policy_encode(b, &y);
	assert_int_equal(x.error, 0);
	assert_int_equal(x.size, y.size);
	assert_memory_equal(x.data, y.data, x.size);
}

static void encoding_reads_back(void **state)
{
	cleanup_policy struct policy p = { 0 }, q = { 0 };
	cleanup_buf struct buf b = { 0 };
	struct wire w;

	(void)state;
	buf_init(&b, POLICY_BYTES_MAX);
	assert_int_equal(policy_builtin(&p), 0);
	policy_encode(&p, &b);
	wire_init(&w, b.data, b.size);
	assert_int_equal(policy_decode(&w, &q), 0);
	assert_int_equal(wire_end(&w), 0);
	assert_same_encoding(&p, &q);
}

static void a_short_or_changed_encoding_is_refused(void **state)
{
	cleanup_policy struct policy p = { 0 };
	cleanup_buf struct buf b = { 0 };

	(void)state;
	buf_init(&b, POLICY_BYTES_MAX);
	assert_int_equal(policy_builtin(&p), 0);
	policy_encode(&p, &b);
	for (size_t n = 0; n < b.size; n++) {
		cleanup_policy struct policy q = { 0 };
		struct wire w;

		wire_init(&w, b.data, n);
		assert_int_equal(policy_decode(&w, &q), -EBADMSG);
	}
	for (size_t n = 0; n < b.size; n++) {
		cleanup_policy struct policy q = { 0 };
		struct wire w;
		int r;

		b.data[n] = (char)(b.data[n] ^ 0xff);
		wire_init(&w, b.data, b.size);
		r = policy_decode(&w, &q);
		assert_true(r == 0 || r == -EBADMSG);
		b.data[n] = (char)(b.data[n] ^ 0xff);
	}
}

static void digest_is_stable_and_tells_policies_apart(void **state)
{
	cleanup_policy struct policy p = { 0 };
	char a[65], b[65];

	(void)state;
	assert_int_equal(policy_builtin(&p), 0);
	policy_digest(&p, a);
	policy_digest(&p, b);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), 64);
	p.compute.pids++;
	policy_digest(&p, b);
	assert_string_not_equal(a, b);
}

static void values_of_variables_stay_out_of_records(void **state)
{
	cleanup_policy struct policy p = { 0 }, q = { 0 };
	cleanup_buf struct buf b = { 0 };
	struct wire w;
	char a[65], c[65];

	(void)state;
	buf_init(&b, POLICY_BYTES_MAX);
	assert_int_equal(policy_builtin(&p), 0);
	assert_int_equal(text_list_add(&p.environment, "TOKEN=hush77\nline", 17), 0);
	policy_encode_public(&p, &b);
	assert_null(memmem(b.data, b.size, "hush77", 6));
	wire_init(&w, b.data, b.size);
	assert_int_equal(policy_decode(&w, &q), 0);
	assert_string_equal(q.environment.items[0], "TOKEN");
	policy_digest(&p, a);
	policy_digest(&q, c);
	assert_string_equal(a, c);
}

static void names_are_the_documented_ones(void **state)
{
	enum severity s;

	(void)state;
	assert_string_equal(severity_name(SEVERITY_CRITICAL), "critical");
	assert_int_equal(severity_parse("medium", &s), 0);
	assert_int_equal(s, SEVERITY_MEDIUM);
	assert_int_equal(severity_parse("Medium", &s), -EINVAL);
	assert_string_equal(barrier_state_name(STATE_NOT_OURS), "not ours");
}

static char *learned(struct learn *l)
{
	cleanup_policy struct policy p = { 0 }, builtin = { 0 };
	struct fail f = { 0 };
	struct buf text;

	assert_int_equal(policy_builtin(&p), 0);
	assert_int_equal(policy_builtin(&builtin), 0);
	assert_int_equal(learn_network(l, &p, &f), 0);
	builtin.network.setup = builtin.network.run = builtin.network.verify = p.network.run;
	buf_init(&text, POLICY_BYTES_MAX);
	policy_print_changes(&p, &builtin, &text);
	learn_free(l);
	return text.data; /* owned by the caller */
}

static void what_was_seen_becomes_few_entries(void **state)
{
	struct learn l = { 0 };
	cleanup_free char *text = NULL, *nothing = NULL, *many = NULL;

	(void)state;
	nothing = learned(&l);
	assert_string_equal(nothing, "{}\n");
	learn_add(&l, "b.org", TRANSPORT_TCP, LEARN_NAME_ALONE, NULL);
	learn_add(&l, "b.org", TRANSPORT_TCP, 8443, "tls");
	learn_add(&l, "b.org", TRANSPORT_TCP, 443, "tls");
	learn_add(&l, "b.org", TRANSPORT_TCP, 80, "http");
	learn_add(&l, "b.org", TRANSPORT_TCP, 443, "tls");
	learn_add(&l, "b.org", TRANSPORT_UDP, 443, NULL);
	learn_add(&l, "a.org", TRANSPORT_TCP, 22, NULL); /* known only later */
	learn_add(&l, "a.org", TRANSPORT_TCP, 22, "ssh");
	learn_add(&l, "a.org", TRANSPORT_TCP, 9, "tls"); /* of all sorts */
	learn_add(&l, "a.org", TRANSPORT_TCP, 9, "http");
	learn_add(&l, "a.org", TRANSPORT_TCP, 9, "tls");
	learn_add(&l, "asked.org", TRANSPORT_TCP, LEARN_NAME_ALONE, NULL);
	learn_add(&l, "2001:db8::1", TRANSPORT_TCP, 5432, "postgres");
	text = learned(&l);
	assert_string_equal(text,
			    "network:\n  allow:\n"
			    "    - {host: \"2001:db8::1\", ports: [5432], protocol: postgres}\n"
			    "    - {host: a.org, ports: [9]}\n"
			    "    - {host: a.org, ports: [22], protocol: ssh}\n"
			    "    - {host: asked.org, ports: [1]}\n"
			    "    - {host: b.org, ports: [80], protocol: http}\n"
			    "    - {host: b.org, ports: [443, 8443], protocol: tls}\n"
			    "    - {host: b.org, ports: [443], transport: udp}\n");
	for (uint16_t port = 1; port <= EGRESS_PORTS_MAX + 1; port++)
		learn_add(&l, "c.org", TRANSPORT_TCP, port, "tls");
	many = learned(&l);
	assert_string_equal(many, "network:\n  allow:\n    - {host: c.org}\n");
}

static void what_is_too_much_to_learn_is_told(void **state)
{
	cleanup_policy struct policy p = { 0 };
	struct learn l = { 0 };
	struct fail f = { 0 };
	char host[32];

	(void)state;
	assert_int_equal(policy_builtin(&p), 0);
	for (int i = 0; i < LEARN_USES_MAX; i++) {
		snprintf(host, sizeof(host), "h%d.org", i);
		assert_int_equal(learn_add(&l, host, TRANSPORT_TCP, 1, NULL), 0);
		if (i == POLICY_LIST_MAX - 1)
			assert_int_equal(learn_network(&l, &p, &f), 0);
	}
	assert_int_equal(learn_add(&l, "more.org", TRANSPORT_TCP, 1, NULL), -E2BIG);
	assert_int_equal(learn_add(&l, "h1.org", TRANSPORT_TCP, 1, NULL), 0);
	assert_int_equal(learn_network(&l, &p, &f), -E2BIG);
	assert_non_null(strstr(f.text, "4096 entries"));
	learn_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_is_in_range_and_in_form),
		cmocka_unit_test(encoding_reads_back),
		cmocka_unit_test(a_short_or_changed_encoding_is_refused),
		cmocka_unit_test(digest_is_stable_and_tells_policies_apart),
		cmocka_unit_test(values_of_variables_stay_out_of_records),
		cmocka_unit_test(names_are_the_documented_ones),
		cmocka_unit_test(what_was_seen_becomes_few_entries),
		cmocka_unit_test(what_is_too_much_to_learn_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
