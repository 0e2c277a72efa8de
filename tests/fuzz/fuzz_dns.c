// SPDX-License-Identifier: Apache-2.0
/* What a sandbox may ask its resolver: a question that was read keeps its bytes, and every answer
 * to it has them and stays within its limit. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "flow/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct dns_question *q, const struct dns_answer *a)
{
	uint8_t out[DNS_ANSWER_MAX];
	size_t size = dns_answer_write(q, a, out);

	assert(size >= 12U + q->size && size <= sizeof(out));
	assert(out[0] << 8 == (q->id & 0xff00) && out[1] == (q->id & 0xff) && out[2] & 0x80);
	assert(memcmp(out + 12, q->wire, q->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct egress_address to = { { [10] = 0xff, 0xff, 198, 18, 0, 5 } };
	struct egress_address reverse;
	struct dns_question q;
	int code = dns_question_read(data, size, &q);
	struct dns_answer a = { .code = (enum dns_code)code, .prohibited = "not allowed" };

	if (code < 0)
		return 0;
	answer(&q, &a);
	if (code != DNS_NOERROR)
		return 0;
	assert(strlen(q.name) < DNS_NAME_TEXT && memcmp(data + 12, q.wire, q.size) == 0);
	if (q.type == DNS_A || q.type == DNS_AAAA) {
		a.address = &to;
		answer(&q, &a);
		a.address = NULL;
	}
	if (dns_reverse(q.name, &reverse) == 0) {
		a.name = q.name;
		answer(&q, &a);
	}
	return 0;
}
