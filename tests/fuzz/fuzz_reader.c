// SPDX-License-Identifier: Apache-2.0
/* Any flow, the first byte saying which; see fuzz_reader.h. */
#include "fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_reader *r;

	if (!size)
		return 0;
	r = flow_reader_new(data[0] & 1 ? IPPROTO_UDP : IPPROTO_TCP, 443, data[0] & 2);
	assert(r);
	flow_reader_client(r, data[0] & 4 ? OUTSIDE : INSIDE);
	fuzz_reader(r, data + 1, size - 1);
	return 0;
}
