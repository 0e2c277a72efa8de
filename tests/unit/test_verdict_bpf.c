// SPDX-License-Identifier: Apache-2.0
/* The rules of a run as verdict_bpf writes them: read back from the kernel's maps by their longest
 * prefix, as the hooks read them. The keeper around it is played. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "bpf/egress.h"
#include "keeper/keeper.h"
#include "keeper/verdict.h"

#define ROOM 64
#define RUN 0x1122334455667788ull

static int runs = -1, rules = -1, owners = -1, cuts = -1;
static int listener = -1;

int handover_sensor(const struct keeper *k, const char *name)
{
	if (strcmp(name, "map.egress_runs") == 0)
		return runs;
	if (strcmp(name, "map.flow_owners") == 0)
		return owners;
	if (strcmp(name, "map.egress_cuts") == 0)
		return cuts;
	return strcmp(name, "map.egress_rules") == 0 ? rules : -1;
}

static int setup(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, grown, .map_flags = BPF_F_NO_PREALLOC);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(8080) };

	runs = bpf_map_create(BPF_MAP_TYPE_HASH, "runs", sizeof(uint64_t),
			      sizeof(struct egress_run), 16, NULL);
	rules = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "rules", sizeof(struct egress_rule_key),
			       sizeof(struct egress_rule_ports), ROOM, &grown);
	owners = bpf_map_create(BPF_MAP_TYPE_HASH, "owners", sizeof(struct flow_key),
				sizeof(struct flow_owner), 16, NULL);
	cuts = bpf_map_create(BPF_MAP_TYPE_HASH, "cuts", sizeof(struct egress_cut),
			      sizeof(uint64_t), 16, NULL);
	if (runs < 0 || rules < 0 || owners < 0 || cuts < 0 || unshare(CLONE_NEWNET) < 0)
		return 0; /* each test skips itself */
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	return 0;
}

static struct egress_entry entry(const char *text, uint16_t low, uint16_t high)
{
	struct egress_entry e = { .count = low ? 1 : 0 };

	assert_int_equal(egress_address_parse(text, &e.address, &e.prefix), 0);
	e.ports[0] = (struct egress_port){ low, high, 7, IPPROTO_TCP };
	return e;
}

/* The ports that are in force for an address; NULL where there is no entry. */
static const struct egress_rule_ports *found(const char *text)
{
	static struct egress_rule_ports ports;
	struct egress_rule_key key = { .prefix = EGRESS_KEY_BITS + 128,
				       .run_high = (uint32_t)(RUN >> 32),
				       .run_low = (uint32_t)RUN };
	struct egress_address a;
	struct egress_run run;
	uint64_t id = RUN;
	unsigned prefix;

	assert_int_equal(egress_address_parse(text, &a, &prefix), 0);
	if (bpf_map_lookup_elem(runs, &id, &run) < 0)
		return NULL;
	key.generation = run.generation;
	memcpy(key.address, a.bytes, sizeof(key.address));
	return bpf_map_lookup_elem(rules, &key, &ports) < 0 ? NULL : &ports;
}

static bool allowed(const char *text, uint16_t port)
{
	const struct egress_rule_ports *p = found(text);

	for (uint32_t i = 0; p && i < p->count; i++)
		if (port >= p->of[i].low && port <= p->of[i].high &&
		    p->of[i].transport == IPPROTO_TCP)
			return true;
	return false;
}

static size_t entries_in_kernel(void)
{
	struct egress_rule_key key, next;
	size_t count = 0;

	while (bpf_map_get_next_key(rules, count ? &key : NULL, &next) == 0) {
		key = next;
		count++;
	}
	return count;
}

static struct verdict *opened(void)
{
	static struct keeper k = { .assign.key = RUN };
	const struct gate_socket kind = { GATE_SOCKET_CARRY, 0 };
	struct fail f = { 0 };
	struct verdict *v;

	if (listener < 0)
		skip();
	if (verdict_bpf.open(&k, &listener, &kind, 1, &v, &f) < 0)
		assert_string_equal(f.text, "");
	return v;
}

static int put(struct verdict *v, const struct egress_entry *list, size_t count,
	       uint32_t generation)
{
	struct fail f = { 0 };

	return verdict_bpf.replace(v, NETWORK_ALLOWLIST, list, count, generation, &f);
}

static void the_longest_prefix_decides(void **state)
{
	struct verdict *v = opened();
	const struct egress_entry list[] = { entry("192.0.2.0/24", 80, 80),
					     entry("192.0.2.128/25", 0, 0),
					     entry("192.0.2.129", 1, 65535),
					     entry("2001:db8::/32", 443, 443) };

	assert_null(found("192.0.2.1")); /* before there are rules */
	assert_int_equal(put(v, list, ARRAY_LENGTH(list), 1), 0);
	assert_true(allowed("192.0.2.1", 80));
	assert_false(allowed("192.0.2.1", 81));
	assert_false(allowed("192.0.2.130", 80));
	assert_true(allowed("192.0.2.129", 65535));
	assert_true(allowed("2001:db8::1", 443));
	assert_null(found("192.0.3.1"));
	assert_null(found("::192.0.2.1"));
	assert_int_equal(found("192.0.2.1")->of[0].rule, 7);
	assert_int_equal(found("192.0.2.1")->run, RUN);
	verdict_bpf.close(v);
	assert_int_equal(entries_in_kernel(), 0);
	assert_null(found("192.0.2.1"));
}

static void the_resolver_is_always_reached(void **state)
{
	struct verdict *v = opened();

	assert_int_equal(put(v, NULL, 0, 1), 0);
	assert_true(allowed("198.18.0.1", 53));
	assert_true(allowed("fd77:6569:72::1", 53));
	assert_false(allowed("198.18.0.1", 54));
	assert_int_equal(entries_in_kernel(), 2);
	verdict_bpf.close(v);
}

static void carried_ports_are_told(void **state)
{
	struct verdict *v = opened();
	struct egress_run run;
	uint64_t id = RUN;

	assert_int_equal(put(v, NULL, 0, 1), 0);
	assert_int_equal(bpf_map_lookup_elem(runs, &id, &run), 0);
	assert_int_equal(run.carried_count, 1);
	assert_int_equal(run.carried[0], 8080);
	verdict_bpf.close(v);
}

static void a_new_set_takes_the_old_ones_place(void **state)
{
	struct verdict *v = opened();
	const struct egress_entry one = entry("192.0.2.1", 80, 80),
				  two = entry("192.0.2.2", 80, 80),
				  more = entry("198.18.0.2", 80, 80);

	assert_int_equal(verdict_bpf.add(v, &more), -EINVAL); /* to what? */
	assert_int_equal(put(v, &one, 1, 1), 0);
	assert_int_equal(verdict_bpf.add(v, &more), 0);
	assert_true(allowed("198.18.0.2", 80));
	assert_int_equal(put(v, &two, 1, 1), -EEXIST);
	assert_true(allowed("192.0.2.1", 80));
	assert_int_equal(put(v, &two, 1, 2), 0);
	assert_null(found("192.0.2.1"));
	assert_null(found("198.18.0.2"));
	assert_true(allowed("192.0.2.2", 80));
	assert_int_equal(entries_in_kernel(), 3);
	verdict_bpf.close(v);
	assert_int_equal(entries_in_kernel(), 0);
}

/* Without room for a whole new set the old one stays, and stays whole. */
static void a_set_that_does_not_fit_changes_nothing(void **state)
{
	struct verdict *v = opened();
	const struct egress_entry one = entry("192.0.2.1", 80, 80);
	struct egress_entry many[ROOM];
	struct egress_entry more;

	for (unsigned i = 0; i < ROOM; i++) {
		char text[32];

		snprintf(text, sizeof(text), "203.0.113.%u", i);
		many[i] = entry(text, 80, 80);
	}
	assert_int_equal(put(v, &one, 1, 1), 0);
	assert_int_equal(put(v, many, ROOM, 2), -ENOSPC);
	assert_true(allowed("192.0.2.1", 80));
	assert_null(found("203.0.113.0"));
	assert_int_equal(entries_in_kernel(), 3);
	assert_int_equal(put(v, many, ROOM - 3 - 2, 3), 0); /* as many as fit beside it */
	assert_true(allowed("203.0.113.0", 80));
	for (unsigned i = ROOM - 5; i < ROOM - 2; i++)
		assert_int_equal(verdict_bpf.add(v, &many[i]), 0);
	more = entry("203.0.113.200", 80, 80);
	assert_int_equal(verdict_bpf.add(v, &more), -ENOSPC);
	assert_true(allowed("203.0.113.0", 80));
	verdict_bpf.close(v);
	assert_int_equal(entries_in_kernel(), 0);
}

static void owners_are_read_only(void **state)
{
	struct flow_key key = { .run = RUN };
	struct flow_owner owner = { .cookie = 5 }, got;
	cleanup_fd int fd = -1;

	if (listener < 0)
		skip();
	assert_int_equal(bpf_map_update_elem(owners, &key, &owner, BPF_ANY), 0);
	fd = verdict_owners(NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &got), 0);
	assert_int_equal(got.cookie, 5);
	assert_int_equal(bpf_map_update_elem(fd, &key, &owner, BPF_ANY), -EPERM);
	assert_int_equal(bpf_map_delete_elem(fd, &key), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_decides),
		cmocka_unit_test(the_resolver_is_always_reached),
		cmocka_unit_test(carried_ports_are_told),
		cmocka_unit_test(a_new_set_takes_the_old_ones_place),
		cmocka_unit_test(a_set_that_does_not_fit_changes_nothing),
		cmocka_unit_test(owners_are_read_only),
	};

	return cmocka_run_group_tests_name("verdict_bpf", tests, setup, NULL);
}
