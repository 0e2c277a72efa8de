// SPDX-License-Identifier: Apache-2.0
/* Fuzz target: a policy file and an encoded policy, both made of any bytes. What is accepted must
 * survive printing and encoding unchanged; what is refused must say why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/egress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void encode(const struct policy *p, struct buf *out)
{
	buf_init(out, 2 * POLICY_BYTES_MAX);
	policy_encode(p, out);
	must(out->error == 0);
}

static void must_survive(const struct policy *p)
{
	cleanup_policy struct policy printed = { 0 }, decoded = { 0 };
	cleanup_buf struct buf text = { 0 }, before = { 0 }, after = { 0 };
	struct wire w;

	encode(p, &before);
	buf_init(&text, 8 * POLICY_BYTES_MAX);
	policy_print(p, &text);
	must(text.error == 0);
	if (text.size <= POLICY_BYTES_MAX) {
		must(policy_read("printed", buf_text(&text), text.size, &printed, NULL) == 0);
		encode(&printed, &after);
		must(after.size == before.size && !memcmp(after.data, before.data, after.size));
		buf_free(&after);
	}
	/* Where the kernel has room for it, it is no wider than itself. */
	if (egress_fits(p, NULL) == 0)
		must(egress_narrower(p, p, NULL) == 0);
	wire_init(&w, before.data, before.size);
	must(policy_decode(&w, &decoded) == 0 && wire_end(&w) == 0);
	encode(&decoded, &after);
	must(after.size == before.size && !memcmp(after.data, before.data, after.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_policy struct policy read = { 0 }, decoded = { 0 };
	struct fail f = { 0 };
	struct wire w;

	if (policy_read("input", (const char *)data, size, &read, &f) == 0)
		must_survive(&read);
	else
		must(f.text[0] != '\0');
	wire_init(&w, data, size);
	if (policy_decode(&w, &decoded) == 0) {
		cleanup_buf struct buf again = { 0 };

		encode(&decoded, &again);
	}
	return 0;
}
