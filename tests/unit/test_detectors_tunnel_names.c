// SPDX-License-Identifier: Apache-2.0
/* tunnel: each kind of evidence by hand-made events, and beside it what innocent work looks like.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "detect_bench.h"

static void ask(struct bench *b, uint64_t n, size_t size, uint16_t type, enum dns_verdict verdict)
{
	char name[128];

	/* base 32, as iodine does */
	for (size_t i = 0; i < size; i++) {
		n = n * 6364136223846793005ull + 1442695040888963407ull;
		name[i] = "abcdefghijklmnopqrstuvwxyz012345"[n >> 59];
	}
	strcpy(name + size, ".t.evil.test");
	detection_event(b->d, make_dns(&b->m, name, type, verdict, 0, 0, ""));
}

/* The severity of the worst tunnel finding, or -1. */
static int worst_tunnel(const struct bench *b)
{
	int worst = -1;

	for (size_t i = 1; i <= b->count; i++)
		if (!strcmp(b->seen[i].detector, "tunnel") && (int)b->seen[i].severity > worst)
			worst = (int)b->seen[i].severity;
	return worst;
}

static void names_as_a_carrier(void **state)
{
	struct bench *b = bench_new();

	for (uint64_t i = 0; i < 7; i++)
		ask(b, i, 50, 16, DNS_REFUSED);
	assert_int_equal(worst_tunnel(b), -1);
	ask(b, 7, 50, 16, DNS_REFUSED);
	assert_int_equal(worst_tunnel(b), SEVERITY_LOW);
	for (uint64_t i = 8; i < 24; i++)
		ask(b, i, 50, 16, DNS_REFUSED);
	assert_int_equal(worst_tunnel(b), SEVERITY_MEDIUM);
	for (uint64_t i = 24; i < 90; i++)
		ask(b, i, 50, 16, DNS_ANSWERED);
	assert_int_equal(worst_tunnel(b), SEVERITY_HIGH);
	bench_free(b);
	/* what is refused is blocked, and says so */
	b = bench_new();
	for (uint64_t i = 0; i < 100; i++)
		ask(b, i, 50, 10, DNS_REFUSED);
	assert_int_equal(worst_tunnel(b), SEVERITY_MEDIUM);
	for (size_t i = 1; i <= b->count; i++)
		if (!strcmp(b->seen[i].detector, "tunnel"))
			assert_int_equal(b->seen[i].verdict, VERDICT_BLOCKED);
	bench_free(b);
	/* hosts of a content network, by A, AAAA and HTTPS */
	b = bench_new();
	for (uint64_t i = 0; i < 20; i++)
		ask(b, i, 18, 65, DNS_ANSWERED);
	assert_true(worst_tunnel(b) <= SEVERITY_LOW);
	bench_free(b);
	/* out only: not a tunnel's */
	b = bench_new();
	for (uint64_t i = 0; i < 100; i++)
		ask(b, 1000 + i, 50, 1, DNS_ANSWERED);
	assert_int_equal(worst_tunnel(b), -1);
	bench_free(b);
}

/* Split over calls, each with little. */
static void names_over_many_calls(void **state)
{
	struct bench *b = bench_new();

	for (uint64_t i = 0; i < 30; i++) {
		b->m.call = (uint32_t)(3 + i / 6);
		ask(b, i, 50, 16, DNS_ANSWERED);
	}
	assert_int_equal(worst_tunnel(b), SEVERITY_MEDIUM);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_as_a_carrier),
		cmocka_unit_test(names_over_many_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
